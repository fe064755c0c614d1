"""Everything the repository declares, and the part of it that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from runner.domain.causes import Cause
from runner.domain.cells import Save
from runner.domain.claims import Claim
from runner.domain.environments import Environment
from runner.domain.formats import Format
from runner.domain.frozen import Frozen
from runner.domain.scenarios import Aspect, Remedy, Scenario
from runner.domain.selector import Selection, matches_environment
from runner.domain.verdicts import Expectation


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """All that scenarios/ declares."""

    scenarios: Mapping[str, Scenario]
    """By id, in the order of the report."""
    remedies: Mapping[str, Remedy]
    """By id, in file order; `none` is one of them."""
    carries: Mapping[Format, frozenset[Aspect]]
    """The aspects that each format can carry at all."""
    expectations: tuple[Expectation, ...]
    profiles: Mapping[str, tuple[str, ...]]
    """Scenarios of each profile that has not all of them."""

    def of_profile(self, name: str) -> tuple[str, ...]:
        """Return the scenarios a profile is kept to; empty if it has all."""
        return self.profiles.get(name, ())


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimSet:
    """The claims in file order, and the titles of the articles by file name."""

    articles: Mapping[str, str]
    claims: tuple[Claim, ...]
    released: Mapping[str, date] = field(default_factory=dict)
    """Environment -> the day of its minor version, by which newer is told."""
    between: tuple[str, ...] = ()
    """Environments between which other ways of loading than the bare one count; empty: all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Everything the plan chooses from."""

    scenarios: Mapping[str, Scenario]
    remedies: Mapping[str, Remedy]
    environments: Sequence[Environment]
    """Those of the profile, in release order, whether or not they could be built."""
    selection: Selection
    carries: Mapping[Format, frozenset[Aspect]] = field(default_factory=dict)
    """The aspects that a format can hold at all; empty where nothing is said of that."""
    frozen: Frozen = field(default_factory=dict)
    """Writers whose frozen artifacts stand in for them: they are not built, and read nothing."""
    unfrozen: tuple[str, ...] = ()
    """Artifacts that were asked for, and that no pack has: `writer` or `scenario/format/writer`."""

    def is_there(self, save: Save) -> bool:
        """Whether the artifact can be had: its writer is built, or a pack has it."""
        writer = self.frozen.get(save.writer)
        return writer is None or writer.find(save) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """Stage 1: everything the repository declares, and the part of it that was asked for."""

    catalog: Catalog
    environments: Sequence[Environment]
    scope: Scope
    causes: Sequence[Cause]
    claims: ClaimSet


def writes(environment: Environment, scenario: Scenario, format_: Format) -> bool:
    """Return whether this writer is declared to write this scenario in this format."""
    return format_ in environment.formats and matches_environment(environment.id, scenario.writers)


def reads(environment: Environment, format_: Format) -> bool:
    """Return whether a version is declared to read the format."""
    return format_ in environment.formats or format_ in environment.reads
