"""The gate's vocabulary: acceptances, cells held against a baseline, and the decision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from runner.domain.cells import Cell
from runner.domain.declaration import Link, Text
from runner.domain.outcomes import Outcome
from runner.domain.verdicts import Detail, Verdict

Release = Annotated[
    str,
    Meta(pattern=r"\A\d+\.\d+(\.\d+)?\Z", description="a release, such as '3.17' or '3.17.1'"),
]
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def release_numbers(version: str) -> tuple[int, int, int]:
    """Return the first three numbers of a version; a candidate is that of its release.

    A pre-release of 3.17 is what becomes 3.17: an acceptance that ends there ends with it.

    Raises:
        ValueError: it does not begin with a number.
    """
    found = _NUMBERS.match(version)
    if found is None:
        raise ValueError(f"{version!r} is not a release")
    numbers = [int(each) for each in found[0].split(".")]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major, minor, patch


class Acceptance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change for the worse that is meant, as in accepted.toml; it ends with a release."""

    cells: Text
    """Selector over cells, such as `plain_dense/keras/*->keras@*/none`."""
    outcome: Outcome
    cause: str = ""
    aspects: tuple[str, ...] = ()
    """The aspects that may differ; fewer are covered too."""
    reason: Text
    link: Link
    until: Release
    """The release from which on it no longer holds."""

    def covers(self, detail: Detail) -> bool:
        """Whether a result is the one that was accepted; the text of a message does not count."""
        return (
            detail.outcome is self.outcome
            and detail.cause == self.cause
            and detail.aspects <= set(self.aspects)
        )

    def expired(self, release: str) -> bool:
        """Whether it no longer holds for a release."""
        return release_numbers(self.until) <= release_numbers(release)


class Direction(StrEnum):
    """On which side of a cell the version under test stands."""

    READS = "reads"
    """It reads a file of another version."""
    WRITTEN = "written"
    """Another version reads its file."""
    ITSELF = "itself"
    OTHERS = "others"
    """Neither side is under test."""


class Staleness(StrEnum):
    """Why an acceptance is an error."""

    NOTHING = "matches nothing"
    FIXED = "fixed"
    NEEDLESS = "needless"
    """The baseline has the failure: it is a known one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stale:
    """An acceptance that has to go, or to become narrower."""

    acceptance: Acceptance
    why: Staleness
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeats:
    """How a cell came out when it ran again in fresh processes."""

    details: tuple[Detail, ...]
    """One of each further run."""
    numbers: tuple[float, ...] = ()
    """The largest absolute difference of each run that has one, the first among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldCell:
    """One cell, held against one baseline."""

    cell: Cell
    verdict: Verdict
    direction: Direction = Direction.OTHERS
    before: Detail | None = None
    after: Detail | None = None
    """None for a cell that vanished."""
    reason: str = ""
    """Why it was not judged, or why its failure is accepted."""
    link: str = ""
    """Of the acceptance or expectation."""
    accepted: bool = False
    """Whether an acceptance made it a known failure."""
    message: str = ""
    """The exception and its message, for people; no verdict rests on it."""
    runs: int = 1
    """How often it was measured."""
    agreed: int = 1
    """In how many of these runs it had this verdict."""

    @property
    def flaky(self) -> bool:
        """Whether repeated runs came to different verdicts."""
        return self.agreed < self.runs


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """All cells of a run, held against one baseline."""

    option: str
    """The option that named it: `--release-baseline` or `--baseline`."""
    name: str
    """The file or folder."""
    mandatory: bool
    """Whether a regression against it fails the gate."""
    cells: Sequence[HeldCell]
    counterparts: Mapping[str, str] = field(default_factory=dict)
    """Build -> the environment of the baseline that it is held against."""
    outside: int = 0
    """Cells of the baseline that this run was not asked for."""

    def of(self, *verdicts: Verdict) -> list[HeldCell]:
        """Return the cells with these verdicts."""
        return [each for each in self.cells if each.verdict in verdicts]

    @property
    def counts(self) -> dict[Verdict, int]:
        """Cells of every verdict, zeros included."""
        found = dict.fromkeys(Verdict, 0)
        for each in self.cells:
            found[each.verdict] += 1
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """By how much the numbers of one cell differ between runs that should be the same."""

    repeats: float | None = None
    """The largest, over the cells that this gate ran again; None where none has numbers."""
    repeated: int = 0
    audit: float | None = None
    """The same of the store's last audit; None where it does not say."""
    audited: int = 0

    @property
    def largest(self) -> float | None:
        """The larger of both; None where nothing was measured."""
        return max((each for each in (self.repeats, self.audit) if each is not None), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What the gate found; the exit code follows from it alone."""

    release: str
    """The release that is decided on, such as `3.16.0`."""
    release_of: str
    """Where that is known from."""
    subjects: tuple[str, ...]
    """The environments under test."""
    held: Sequence[Held]
    """Against each baseline, the mandatory one first."""
    stale: Sequence[Stale] = ()
    expired: Sequence[Acceptance] = ()
    outside: Sequence[Acceptance] = ()
    """Acceptances of cells that this run was not asked for."""
    incomplete: Sequence[str] = ()
    """What is missing without a declared reason, a sentence each."""
    at_least: int = 1
    spread: Spread = field(default_factory=Spread)
    drifted: Sequence[tuple[Cell, float, float]] = ()
    """Equivalent cells whose largest difference grew beyond the spread: before and after."""
    accepted_file: str = ""

    @property
    def judged(self) -> int:
        """Cells with a verdict that rests on something, against the first baseline."""
        unjudged = {Verdict.NOT_JUDGED, Verdict.NEW, Verdict.VANISHED}
        return sum(each.verdict not in unjudged for each in self.held[0].cells)

    @property
    def regressions(self) -> list[HeldCell]:
        """The cells that fail the gate."""
        return _distinct(
            cell for held in self.held if held.mandatory for cell in held.of(Verdict.REGRESSION)
        )

    @property
    def not_judged(self) -> list[HeldCell]:
        """The cells of which nothing can be said, vanished ones among them."""
        return _distinct(
            cell for held in self.held for cell in held.of(Verdict.NOT_JUDGED, Verdict.VANISHED)
        )


def _distinct(cells: Iterable[HeldCell]) -> list[HeldCell]:
    return list({each.cell: each for each in cells}.values())
