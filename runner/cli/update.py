"""Make the hashed locks again: all of them, or those of some environments.

Only this command decides versions; provisioning installs the locks. They hold no address
of an index, so that they serve whoever has a mirror.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from runner.cli import completion
from runner.cli.command import Command
from runner.declare.environments import read_environments
from runner.domain import Environment
from runner.domain.errors import MatrixError, ProvisionError
from runner.domain.request import Request
from runner.executors.locks import LOCKS, REPOSITORY, lock_path, lock_text
from runner.executors.uv import run_uv, torch_arguments

PLATFORM = "x86_64-manylinux_2_28"
COMPILE_TIMEOUT_S = 900.0
CPU_BUILD = "tensorflow-cpu"
REPLACED = 'tensorflow; python_version < "0"'
"""A requirement that is never met. tf-keras asks for `tensorflow`, whose files lie where those of
its CPU build lie: with both in a lock, whichever is installed last wins.
"""
PARALLEL = 4


def make_lock(environment: Environment, folder: Path = LOCKS) -> Path:
    """Resolve one environment and write its lock; ProvisionError if it has no solution."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "requirements.in"
        wanted.write_text("\n".join(environment.requirements) + "\n", encoding="utf-8")
        overrides = Path(scratch) / "overrides.in"
        overrides.write_text(REPLACED if _has_cpu_build(environment) else "", encoding="utf-8")
        resolved = run_uv(
            [
                *("pip", "compile", "--quiet", "--generate-hashes", "--no-header"),
                *("--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
                *("--python-version", environment.python, "--python-platform", PLATFORM),
                *torch_arguments(environment.requirements),
                *("--override", str(overrides)),
                str(wanted),
            ],
            timeout_s=COMPILE_TIMEOUT_S,
        )
    if not resolved.ok:
        raise ProvisionError(
            f"{environment.id}: no lock could be made:\n{resolved.stderr.strip()}",
            cause="the requirements contradict each other, or the index cannot be reached",
            next_step="correct its entry in containers/environments.toml",
        )
    path = lock_path(environment.id, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(lock_text(environment, resolved.stdout), encoding="utf-8")
    part.replace(path)
    return path


def _has_cpu_build(environment: Environment) -> bool:
    return any(line.startswith(f"{CPU_BUILD}=") for line in environment.requirements)


@click.command(
    "update",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s update -- keras3.15", "one environment"),
        ("nox -s update", "all of them, and the tool's own"),
    ),
)
@click.argument(
    "environments", nargs=-1, metavar="[ENVIRONMENT]...", shell_complete=completion.environments
)
def command(request: Request, *, environments: tuple[str, ...]) -> int:
    """Lock the selected environments (default: all); 0 if every one could be locked."""
    from runner.executors.docker.bake import BAKE_FILE, refresh_bake_file

    del request
    declared = read_environments()
    chosen = declared.select(environments) if environments else declared.environments
    status = 0
    with ThreadPoolExecutor(PARALLEL) as pool:
        waiting = [(one, pool.submit(make_lock, one)) for one in chosen]
        for environment, made in waiting:
            try:
                print(f"{environment.id}: {made.result().name}")
            except MatrixError as error:
                print(error, file=sys.stderr)
                status = error.exit_code
    if refresh_bake_file(declared, REPOSITORY):
        print(f"{BAKE_FILE}: written again")
    if not environments:
        _remove_orphans({environment.id for environment in declared.environments})
    return status


def _remove_orphans(declared: set[str], folder: Path = LOCKS) -> None:
    """Remove locks of environments that are no longer declared."""
    for path in folder.glob("*.txt"):
        if path.stem not in declared:
            path.unlink()
            print(f"{path.stem}: no longer declared, lock removed")
