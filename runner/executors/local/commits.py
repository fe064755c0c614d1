"""A commit as an environment: that of its base, with another folder for one package (stage 2).

Nothing is installed: the folder of the package comes before the installed packages. One virtual
environment serves every commit of a bisection. What is measured is filed under the base's lock and
the commit's tree.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from runner.contract import FRAMEWORKS
from runner.declare.environments import read_environments
from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import BuildError, MatrixError, ProvisionError
from runner.executors.builds.commits import lay_out
from runner.executors.identity import Identity
from runner.executors.local.identify import identify
from runner.host.process import Completed

PATH = "PYTHONPATH"

Provision = Callable[[Environment], ProvisionedEnvironment | ProvisionError]


def provision_commit(
    environment: Environment, store: Path, provision: Provision
) -> ProvisionedEnvironment | ProvisionError:
    """Return the base's environment with the package of a commit; a failure is a value."""
    build = environment.build
    assert build is not None  # noqa: S101 - it is the environment of a commit
    base = provision(read_environments().with_releases().by_id(build.base))
    if isinstance(base, ProvisionError):
        return base
    try:
        folder = lay_out(Path(build.source), build.commit, build.package, store)
        own = msgspec.structs.replace(environment, env={**environment.env, PATH: str(folder)})
        identity = _identify(own, base, folder)
    except ProvisionError as error:
        return error
    except MatrixError as error:
        return BuildError(error.message, cause=error.cause, next_step=error.next_step)
    key = f"{base.lock_digest} {build.package} {folder.name}"
    return replace(
        base,
        environment=own,
        lock_digest=hashlib.sha256(key.encode()).hexdigest(),
        resolved={**base.resolved, build.package: identity.keras_version or "unknown"},
        import_s=identity.import_s,
        fork=identity.fork,
    )


def base_of(built: ProvisionedEnvironment, provision: Provision) -> ProvisionedEnvironment:
    """Return the environment that a commit's is made of.

    Raises:
        ProvisionError: it is gone, and cannot be built again.
    """
    assert built.environment.build is not None  # noqa: S101 - it is the environment of a commit
    declared = read_environments().with_releases().by_id(built.environment.build.base)
    found = provision(declared)
    if isinstance(found, ProvisionError):
        raise found
    return found


def folder_of(environment: Environment) -> Path | None:
    """Return the folder of a commit's package; None for any other environment."""
    found = environment.env.get(PATH)
    return Path(found) if found and environment.build is not None else None


_identified: dict[tuple[str, Path], Identity] = {}
"""Interpreter and folder -> what was said there: a bisection opens a commit several times."""


def _identify(environment: Environment, base: ProvisionedEnvironment, folder: Path) -> Identity:
    """Import the commit's package, once for all of its runs."""
    key = (base.executable, folder)
    if key not in _identified:
        _identified[key] = _import(environment, base, folder)
    return _identified[key]


def _import(environment: Environment, base: ProvisionedEnvironment, folder: Path) -> Identity:
    """Import the commit's package, and hold where it came from against the folder."""
    with tempfile.TemporaryDirectory(prefix="identify-") as scratch:
        identity = identify(
            environment,
            Path(base.executable),
            home=Path(scratch),
            temporary=Path(scratch),
            explain=lambda asked: _explain(environment, asked),
            besides=[folder],
        )
    if not Path(identity.module_file).is_relative_to(folder):
        raise BuildError(
            f"{environment.id}: not the commit's package was imported: {identity.module_file}",
            cause=f"the checkout has no package {FRAMEWORKS[environment.family]} at its top",
            next_step="bisect a checkout of Keras 3",
        )
    return identity


def _explain(environment: Environment, asked: Completed) -> BuildError:
    lines = [line.strip() for line in asked.stderr.splitlines() if line.strip()]
    said = lines[-1][:300] if lines else f"exit code {asked.returncode}"
    return BuildError(
        f"{environment.id}: it cannot be imported: {said}",
        cause="the commit is broken, or needs other packages than its base has",
        next_step="choose other ends, or another base: --base ENVIRONMENT",
    )
