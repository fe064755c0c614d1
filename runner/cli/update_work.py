"""Locks, and the tables of releases and of dependencies, worked out and written."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner.declare.environments import (
    DEPENDENCIES_FILE,
    ENVIRONMENTS_FILE,
    RELEASES_FILE,
    EnvironmentSet,
    read_environments,
)
from runner.domain import Environment
from runner.domain.errors import MatrixError, SelectionError
from runner.domain.selector import minor_of, names_dependency
from runner.executors.docker.bake import BAKE_FILE, refresh_bake_file
from runner.executors.locks import LOCKS, REPOSITORY, lock_path, lock_text
from runner.executors.resolve import compile_lock
from runner.store import atomic_write_text

PARALLEL = 4


def update(environments: tuple[str, ...], *, releases: bool, dependencies: bool) -> int:
    """Lock the environments of these globs (none: all); 0 if every one could be locked.

    Raises:
        SelectionError: no environment has such a name, or it has no releases declared.
        ProvisionError: the index does not answer.
    """
    declared = read_environments()
    if dependencies or names_dependency(environments):
        # They are worked out together, from the cross product that is declared.
        update_dependencies(declared)
        environments = tuple(each for each in environments if not names_dependency([each]))
        if not environments:
            return 0
    chosen = declared.select(environments) if environments else declared.environments
    own = () if releases else tuple(each for each in chosen if each.derived is None)
    status = _lock_all(own)
    if refresh_bake_file(declared, REPOSITORY):
        print(f"{BAKE_FILE}: written again")
    if not environments:
        if not releases:
            _remove_orphans({environment.id for environment in declared.environments})
        update_releases(declared, declared.minors, ())
        return status
    named = tuple(each.derived.of for each in chosen if each.derived is not None)
    if named:
        update_releases(declared, named, tuple(each.id for each in chosen if each.derived))
    minors = tuple(each.id for each in chosen if each.derived is None and releases)
    if minors:
        update_releases(declared, minors, ())
    return status


def make_lock(environment: Environment, folder: Path = LOCKS) -> Path:
    """Resolve one environment and write its lock; ProvisionError if it has no solution."""
    compiled = compile_lock(environment.id, environment.python, environment.requirements)
    path = lock_path(environment.id, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(lock_text(environment, compiled), encoding="utf-8")
    part.replace(path)
    return path


def _lock_all(chosen: Sequence[Environment]) -> int:
    status = 0
    with ThreadPoolExecutor(PARALLEL) as pool:
        waiting = [(one, pool.submit(make_lock, one)) for one in chosen]
        for environment, made in waiting:
            try:
                print(f"{environment.id}: {made.result().name}")
            except MatrixError as error:
                print(error, file=sys.stderr)
                status = error.exit_code
    return status


def update_releases(
    declared: EnvironmentSet, minors: Collection[str], only: Collection[str]
) -> None:
    """Write releases.toml again: of these minor versions, or only some releases of them.

    Raises:
        SelectionError: an environment has no releases declared.
        ProvisionError: the index does not answer.
    """
    from runner.executors.releases import file_text, find_releases, read_file

    for each in minors:
        if each not in declared.minors:
            raise SelectionError(
                f"the releases of {each} are not declared",
                cause="it is not named by [releases] in containers/environments.toml",
                next_step=f"choose from: {', '.join(declared.minors)}",
            )
    wanted = [each for each in declared.environments if each.id in minors]
    releases, missing = find_releases(wanted, only)
    path = ENVIRONMENTS_FILE.with_name(RELEASES_FILE)
    kept_releases, kept_missing = read_file(path)
    found = {each.id for each in releases} | {each.id for each in missing}

    def stays(entry_id: str) -> bool:
        of = minor_of(entry_id)
        gone = of in minors and (not only or entry_id in only)
        return entry_id not in found and of in declared.minors and not gone

    releases += [each for each in kept_releases if stays(each.id)]
    missing += [each for each in kept_missing if stays(each.id)]
    order = {each.id: each.order for each in declared.environments}
    atomic_write_text(path, file_text(releases, missing, order))
    print(f"{path.name}: {len(releases)} releases, {len(missing)} that cannot be installed")


def update_dependencies(declared: EnvironmentSet) -> None:
    """Write dependencies.toml again.

    Raises:
        ProvisionError: the index does not answer.
    """
    from runner.executors.releases import DEPENDENCIES_HEAD, file_text, find_dependencies

    ids = {each.id: each for each in declared.environments}
    releases, missing = find_dependencies(declared.axes, ids)
    order = {each.id: each.order for each in declared.environments}
    path = ENVIRONMENTS_FILE.with_name(DEPENDENCIES_FILE)
    atomic_write_text(path, file_text(releases, missing, order, DEPENDENCIES_HEAD))
    print(f"{path.name}: {len(releases)} environments, {len(missing)} without a solution")


def _remove_orphans(declared: set[str], folder: Path = LOCKS) -> None:
    """Remove locks of environments that are no longer declared."""
    for path in folder.glob("*.txt"):
        if path.stem not in declared:
            path.unlink()
            print(f"{path.stem}: no longer declared, lock removed")
