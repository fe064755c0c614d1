"""The virtual environment of a build of one's own: made, locked, installed, imported (stage 2).

Input: the environment of a `--with`, or of a build that an earlier run made. Output: what
`provision` gives; an error of the build itself is a `BuildError`. The environment is temporary:
that of an earlier build of the same id is removed once the new one is there. What was measured
in it stays in the store, under the digest of its lock.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import BuildError, MatrixError, ProvisionError
from runner.executors.builds.making import make_build
from runner.executors.interface import Warn
from runner.executors.local.provision import provision
from runner.store.builds import WHEELS, builds_folder, read_build_records


def provision_build(
    environment: Environment, store: Path, warn: Warn
) -> ProvisionedEnvironment | ProvisionError:
    """Make a build, and build its environment, or find both; a failure is a value."""
    try:
        made = make_build(environment, store, warn)
    except ProvisionError as error:
        return error
    except MatrixError as error:
        return BuildError(error.message, cause=error.cause, next_step=error.next_step)
    found = provision(made, store, folder=builds_folder(store))
    if isinstance(found, ProvisionError):
        return _explain(made, found)
    _remove_earlier(made, Path(found.executable).parents[1], store)
    return found


def _explain(environment: Environment, error: ProvisionError) -> BuildError:
    build = environment.build
    if build is None or "could not be imported" not in error.message:
        return BuildError(error.message, cause=error.cause, next_step=error.next_step)
    return BuildError(
        error.message,
        cause=f"this build of {build.package} does not import on the packages of {build.base}",
        next_step="mend it, or name another base: --base ENVIRONMENT",
    )


def _remove_earlier(environment: Environment, current: Path, store: Path) -> None:
    """Remove the environments and wheels of earlier builds that nothing names any more."""
    for folder in current.parent.glob(f"{environment.id}-*"):
        if folder != current and folder.is_dir():
            (folder / "environment.json").unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
    named = {record.build.wheel for record in read_build_records(store)}
    for folder in (builds_folder(store) / WHEELS).glob("*"):
        if folder.name not in named:
            shutil.rmtree(folder, ignore_errors=True)
