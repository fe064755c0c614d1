"""The environments and profiles of containers/environments.toml (stage 1).

The releases of each minor version, in releases.toml beside it, are read when one is named.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from runner.declare.documents import Document, Entry, read_document, refuse_duplicates
from runner.declare.place import shown
from runner.declare.releases import Axis, read_releases
from runner.domain import Environment
from runner.domain.errors import SelectionError, shortened
from runner.domain.selector import compile_glob, names_dependency, names_release, unmatched

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS_FILE = REPOSITORY / "containers" / "environments.toml"
RELEASES_FILE = "releases.toml"
"""Lies beside it."""
RELEASES = "releases"
"""The profile of every release."""
DEPENDENCIES_FILE = "dependencies.toml"
"""Lies beside it."""
DEPENDENCIES = "dependencies"
"""The profile of every environment with other versions of h5py, numpy, protobuf or Python."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSet:
    """Every declared environment, in release order, and the named profiles."""

    environments: tuple[Environment, ...]
    profiles: Mapping[str, tuple[str, ...]]
    """Profile name -> environment ids, in release order; of `releases` once they were read."""
    minors: tuple[str, ...] = ()
    """Ids of those whose releases are declared as well."""
    releases_file: Path | None = None
    """Where the releases are declared; None once they are among the environments, or if there
    are none.
    """
    axes: tuple[Axis, ...] = ()
    """The versions of dependencies that dependencies.toml crosses."""
    dependencies_file: Path | None = None
    """Where these environments are declared; None as for the releases."""

    @property
    def ids(self) -> Collection[str]:
        """Every id; those of the releases are read only if the others do not suffice."""
        return _Ids(self)

    def by_id(self, environment_id: str) -> Environment:
        """The environment of that id; SelectionError with a suggestion if there is none."""
        for environment in self.environments:
            if environment.id == environment_id:
                return environment
        if self.dependencies_file is not None and names_dependency([environment_id]):
            return self.with_dependencies().by_id(environment_id)
        if self.releases_file is not None and names_release([environment_id]):
            return self.with_releases().by_id(environment_id)
        known = [environment.id for environment in self.environments]
        raise _unknown("environment", environment_id, known)

    def with_releases(self) -> EnvironmentSet:
        """The same with every release, after its minor version.

        Raises:
            ConfigurationError: releases.toml is malformed.
        """
        if self.releases_file is None:
            return self
        return replace(self._with(self.releases_file, RELEASES), releases_file=None)

    def with_dependencies(self) -> EnvironmentSet:
        """The same with those of other dependencies, each after its minor version.

        Raises:
            ConfigurationError: dependencies.toml is malformed.
        """
        if self.dependencies_file is None:
            return self
        return replace(self._with(self.dependencies_file, DEPENDENCIES), dependencies_file=None)

    def _with(self, path: Path, profile: str) -> EnvironmentSet:
        derived = read_releases(path, {each.id: each for each in self.environments})
        every = (*self.environments, *derived)
        # Each of another Python or HDF5 is held against the environment it is derived from.
        own = {each.derived.of for each in derived if each.derived and profile == DEPENDENCIES}
        ids = [each.id for each in self.environments if each.id in own]
        ids += [each.id for each in derived]
        return replace(
            self,
            environments=tuple(sorted(every, key=lambda each: each.order)),
            profiles=MappingProxyType({**self.profiles, profile: tuple(ids)}),
        )

    def with_builds(self, builds: Iterable[Environment]) -> EnvironmentSet:
        """The same with some builds of one's own, each after its base."""
        every = (*self.environments, *builds)
        ordered = tuple(sorted(every, key=lambda each: each.order))
        return replace(self, environments=ordered)

    def naming(self, profile: str, globs: Iterable[str]) -> EnvironmentSet:
        """The same, with the releases and others if the profile or a selector means them."""
        globs = tuple(globs)
        found = self
        if profile == RELEASES or names_release(globs):
            found = found.with_releases()
        if profile == DEPENDENCIES or names_dependency(globs):
            found = found.with_dependencies()
        return found

    def profile(self, name: str) -> tuple[Environment, ...]:
        """The environments of a profile, in release order."""
        if name == RELEASES and self.releases_file is not None:
            return self.with_releases().profile(name)
        if name == DEPENDENCIES and self.dependencies_file is not None:
            return self.with_dependencies().profile(name)
        if name not in self.profiles:
            raise _unknown("profile", name, list(self.profiles))
        return tuple(self.by_id(environment_id) for environment_id in self.profiles[name])

    def select(self, patterns: Iterable[str]) -> tuple[Environment, ...]:
        """The environments that match any of the globs, in release order.

        A pattern that matches nothing is a SelectionError: it is a typing mistake far
        more often than a wish for an empty matrix.
        """
        patterns = tuple(patterns)
        if self.dependencies_file is not None and names_dependency(patterns):
            return self.with_dependencies().select(patterns)
        if self.releases_file is not None and names_release(patterns):
            return self.with_releases().select(patterns)
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
    document = read_document(path, ("environment", "profiles", "releases", "dependencies"))
    environments = tuple(
        entry.read(Environment, order=number, derived=None, build=None)
        for number, entry in enumerate(document.entries("environment"))
    )
    if not environments:
        document.place.fail("no [[environment]] is declared", cause="the file is empty or was cut")
    refuse_duplicates(document.place, "environment", (each.id for each in environments))
    releases = path.with_name(RELEASES_FILE)
    dependencies = path.with_name(DEPENDENCIES_FILE)
    minors = _chosen(document.table("releases"), environments).get("of", ())
    return EnvironmentSet(
        environments=environments,
        profiles=_profiles(document, environments),
        minors=minors,
        releases_file=releases if releases.is_file() else None,
        axes=tuple(entry.read(Axis) for entry in document.entries("dependencies")),
        dependencies_file=dependencies if dependencies.is_file() else None,
    )


@dataclass(frozen=True, slots=True)
class _Ids(Collection[str]):
    declared: EnvironmentSet

    def __iter__(self) -> Iterator[str]:
        yield from (each.id for each in self.declared.environments)
        if self.declared.releases_file is not None:
            yield from self.declared.with_releases().profiles[RELEASES]

    def __contains__(self, environment_id: object) -> bool:
        return any(environment_id == each for each in self)

    def __len__(self) -> int:
        return len(self.declared.with_releases().environments)


def _profiles(
    document: Document, environments: tuple[Environment, ...]
) -> Mapping[str, tuple[str, ...]]:
    table = document.table("profiles")
    for name, file in ((RELEASES, RELEASES_FILE), (DEPENDENCIES, DEPENDENCIES_FILE)):
        if name in table.values:
            table.place.fail(f"`{name}` is the profile of {file}", key=name)
    return MappingProxyType(_chosen(table, environments))


def _chosen(table: Entry, environments: tuple[Environment, ...]) -> dict[str, tuple[str, ...]]:
    """Return the ids that each of the table's lists of globs names."""
    everything = EnvironmentSet(environments=environments, profiles={})
    found: dict[str, tuple[str, ...]] = {}
    for name, globs in table.lists().items():
        try:
            chosen = everything.select(globs)
        except SelectionError as error:
            table.place.fail(f"`{shortened(name)}`: {error.message}", key=name, cause=error.cause)
        found[name] = tuple(environment.id for environment in chosen)
    return found


def _unknown(kind: str, name: str, known: Sequence[str]) -> SelectionError:
    near = difflib.get_close_matches(shortened(name), known, n=3, cutoff=0.5)
    return SelectionError(
        f"no {kind} matches {shown(name)}",
        cause=f"did you mean {', '.join(near)}?" if near else "a typing mistake",
        next_step=f"choose from: {', '.join(known)}",
    )
