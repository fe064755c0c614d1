"""List the environments; with --build, build them."""

from __future__ import annotations

import sys

import click

from runner.cli import options
from runner.cli.columns import align
from runner.cli.command import Command
from runner.domain import Declared
from runner.domain.request import Request

AT_ONCE = 2
"""Environments built side by side: the network and the disk are the limit."""


@click.command(
    "envs",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s envs -- --profile full", "every environment that is declared"),
        ("nox -s envs -- --build", "build those of the default profile now"),
    ),
)
@click.option("--build", is_flag=True, help="Build those of the profile now.")
@options.profile
@options.selection
@options.builds
@options.store
@options.jobs
def command(request: Request, *, build: bool) -> int:
    """List or build."""
    from runner.declare.scope import declare

    declared = declare(request)
    if build:
        return _build(request, declared)
    rows = [
        (
            each.id,
            str(each.family),
            str(each.backend),
            each.python,
            each.released.isoformat(),
            ", ".join(sorted(map(str, each.formats))),
        )
        for each in declared.environments
    ]
    for line in align(("id", "family", "backend", "Python", "released", "formats"), rows):
        print(line)
    return 0


def _build(request: Request, declared: Declared) -> int:
    from runner.executors.provisioning import provision_all
    from runner.executors.registry import open_place
    from runner.host.progress import make_reporter

    reporter = make_reporter(sys.stdout)
    try:
        with open_place(request) as place:
            workers = min(AT_ONCE, request.workers)
            built = provision_all(declared.environments, place, reporter, workers)
    finally:
        reporter.close()
    for name, error in built.unavailable.items():
        print(f"{name}: unavailable\n{error}")
    print(f"{len(built.available)} of {len(declared.environments)} environments are ready")
    return 4 if built.unavailable else 0
