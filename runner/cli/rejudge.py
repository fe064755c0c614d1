"""Judge a run's observations again, by today's causes and claims; nothing is measured."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.run_data import find_folder
from runner.domain.request import Request


@click.command(
    "rejudge",
    cls=Command,
    help=__doc__,
    examples=(
        (
            "nox -s rejudge -- --data reports/published",
            "its causes, claims, advice and pages, after a change in scenarios/",
        ),
    ),
)
@options.data
@options.out
def command(request: Request, *, data: Path | None) -> int:
    """Work out all that is said of a run anew, in its own folder, and render its pages."""
    from runner.domain.errors import ControlFailure
    from runner.pipeline import judge_again

    folder = find_folder(request, data)
    published = judge_again(request, folder)
    failed = published.run.failed_controls
    print(f"{len(published.cells)} cells judged again")
    print(f"report: {folder / 'site' / 'index.html'}")
    if failed:
        shown = "\n".join(f"  {each.id}: {each.detail}" for each in failed[:10])
        raise ControlFailure(
            f"{len(failed)} of {len(published.run.controls)} controls failed:\n{shown}",
            cause="a sentence of scenarios/causes.toml says more than the cells do",
            next_step="nox -s causes -- --check",
        )
    return 0
