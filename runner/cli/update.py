"""Make the hashed locks again: all of them, or those of some environments.

Only this command decides versions; provisioning installs the locks. They hold no address
of an index, so that they serve whoever has a mirror.
"""

from __future__ import annotations

import click

from runner.cli import completion
from runner.cli.command import Command
from runner.domain.request import Request


@click.command(
    "update",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s update -- keras3.15", "one environment"),
        ("nox -s update -- --releases", "the table of the releases of every minor version"),
        ("nox -s update -- keras3.14.0", "one release in it"),
        ("nox -s update -- --dependencies", "the environments with other dependencies"),
        ("nox -s update", "all of them, and the tool's own"),
    ),
)
@click.argument(
    "environments", nargs=-1, metavar="[ENVIRONMENT]...", shell_complete=completion.environments
)
@click.option(
    "--releases",
    is_flag=True,
    help="Ask the index for the releases of the minor versions (of all, or of those named).",
)
@click.option(
    "--dependencies",
    is_flag=True,
    help="Work out the environments with other versions of h5py, NumPy, protobuf or Python.",
)
def command(
    request: Request, *, environments: tuple[str, ...], releases: bool, dependencies: bool
) -> int:
    """Lock the selected environments (default: all); 0 if every one could be locked."""
    from runner.cli.update_work import update

    del request
    return update(environments, releases=releases, dependencies=dependencies)
