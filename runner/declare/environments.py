"""The environments and profiles of containers/environments.toml (stage 1)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from runner.declare.documents import Document, read_document, refuse_duplicates
from runner.declare.place import shown
from runner.domain import Environment
from runner.domain.errors import SelectionError, shortened
from runner.domain.selector import compile_glob, unmatched

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS_FILE = REPOSITORY / "containers" / "environments.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSet:
    """Every declared environment, in release order, and the named profiles."""

    environments: tuple[Environment, ...]
    profiles: Mapping[str, tuple[str, ...]]
    """Profile name -> environment ids, in release order."""

    def by_id(self, environment_id: str) -> Environment:
        """The environment of that id; SelectionError with a suggestion if there is none."""
        for environment in self.environments:
            if environment.id == environment_id:
                return environment
        known = [environment.id for environment in self.environments]
        raise _unknown("environment", environment_id, known)

    def profile(self, name: str) -> tuple[Environment, ...]:
        """The environments of a profile, in release order."""
        if name not in self.profiles:
            raise _unknown("profile", name, list(self.profiles))
        return tuple(self.by_id(environment_id) for environment_id in self.profiles[name])

    def select(self, patterns: Iterable[str]) -> tuple[Environment, ...]:
        """The environments that match any of the globs, in release order.

        A pattern that matches nothing is a SelectionError: it is a typing mistake far
        more often than a wish for an empty matrix.
        """
        ids = [environment.id for environment in self.environments]
        wanted: set[str] = set()
        for pattern in patterns:
            missing = unmatched(pattern, ids)
            if missing:
                raise _unknown("environment", missing, ids)
            wanted.update(filter(compile_glob(pattern), ids))
        return tuple(one for one in self.environments if one.id in wanted)


def read_environments(path: Path = ENVIRONMENTS_FILE) -> EnvironmentSet:
    """Read and check environments.toml.

    Raises ConfigurationError with the file, the line where it is known and a next step.
    """
    document = read_document(path, ("environment", "profiles"))
    environments = tuple(
        entry.read(Environment, order=number)
        for number, entry in enumerate(document.entries("environment"))
    )
    if not environments:
        document.place.fail("no [[environment]] is declared", cause="the file is empty or was cut")
    refuse_duplicates(document.place, "environment", (each.id for each in environments))
    return EnvironmentSet(environments=environments, profiles=_profiles(document, environments))


def _profiles(
    document: Document, environments: tuple[Environment, ...]
) -> Mapping[str, tuple[str, ...]]:
    everything = EnvironmentSet(environments=environments, profiles={})
    table = document.table("profiles")
    profiles: dict[str, tuple[str, ...]] = {}
    for name, globs in table.lists().items():
        try:
            chosen = everything.select(globs)
        except SelectionError as error:
            table.place.fail(f"`{shortened(name)}`: {error.message}", key=name, cause=error.cause)
        profiles[name] = tuple(environment.id for environment in chosen)
    return MappingProxyType(profiles)


def _unknown(kind: str, name: str, known: Sequence[str]) -> SelectionError:
    near = difflib.get_close_matches(shortened(name), known, n=3, cutoff=0.5)
    return SelectionError(
        f"no {kind} matches {shown(name)}",
        cause=f"did you mean {', '.join(near)}?" if near else "a typing mistake",
        next_step=f"choose from: {', '.join(known)}",
    )
