"""Make a baseline of a run, or shrink one by what a run found repaired.

ACTION is `create` or `update`. A baseline is a small sorted file to commit. An incomplete run
cannot become one. `update` only takes known failures away and adds cells that are equivalent;
with --grow it also writes new failures. Cells that the run did not measure stay as they are, and
so do reasons and links. Cells of a build change those of a build alone, never those of a release.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.publish.baselines import Updated
    from runner.publish.reading import PublishedRun

FILE = Path("baseline.csv")
SHOWN = 5


@click.command(
    "baseline",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s baseline -- create --data reports/published", "baseline.csv of the published run"),
        ("nox -s baseline -- update", "shrink it by one's own run"),
        ("nox -s baseline -- update --grow", "and write the new failures, too"),
    ),
)
@click.argument("action", type=click.Choice(["create", "update"]))
@click.option(
    "--file",
    "path",
    type=options.PATH,
    default=FILE,
    metavar="FILE",
    help=f"The baseline (default {FILE}).",
)
@click.option("--grow", is_flag=True, help="Write new failures, too.")
@options.selection
@options.data
def command(request: Request, *, action: str, path: Path, grow: bool, data: Path | None) -> int:
    """Write the baseline."""
    from runner.cli.run_data import open_data, selected_rows
    from runner.domain.errors import SelectionError
    from runner.publish.baselines import (
        read_rows,
        rows_of,
        update_rows,
        without_builds,
        write_rows,
    )

    folder, run = open_data(request, data)
    chosen = run.cells.iloc[selected_rows(run.cells, request)]
    _require_complete(folder, run, chosen["outcome"].astype(str).tolist())
    if action == "create":
        if path.exists():
            raise SelectionError(
                f"{path} is there",
                cause="a baseline is made once, and updated after that",
                next_step=f"nox -s baseline -- update --file {path}",
            )
        rows = rows_of(chosen)
        write_rows(path, rows)
        failing = sum(row.fails for row in rows.values())
        print(f"{path}: {len(rows):,} cells of {folder}, {failing:,} of them known failures")
        return 0
    before = read_rows(path)
    rows, left_out = without_builds(rows_of(chosen), before, run.run.bases)
    found = update_rows(before, rows.values(), grow=grow)
    write_rows(path, found.rows)
    _print_update(path, found)
    if left_out:
        print(f"{left_out:,} cells of builds were left out: the baseline is of releases")
    return 0


def _require_complete(folder: Path, run: PublishedRun, outcomes: list[str]) -> None:
    """Refuse a run that does not say of every cell what it is."""
    from runner.domain import UNJUDGED
    from runner.domain.errors import CouldNotJudge

    silent = sum(outcome in set(map(str, UNJUDGED)) for outcome in outcomes)
    failed = len(run.run.failed_controls)
    if not silent and not failed and outcomes:
        return
    raise CouldNotJudge(
        f"{folder}: an incomplete run cannot become a baseline: {silent:,} of {len(outcomes):,} "
        f"cells were not measured, {failed:,} controls failed",
        cause="an environment could not be built, or the run was cut short",
        next_step="run it to its end: nox -s matrix",
    )


def _print_update(path: Path, found: Updated) -> None:
    print(
        f"{path}: {len(found.fixed):,} known failures fewer, {len(found.added):,} cells more, "
        f"{len(found.grown):,} new failures written, {found.untouched:,} cells not measured"
    )
    if not found.refused:
        return
    print(f"{len(found.refused):,} new failures were not written:")
    for cell in found.refused[:SHOWN]:
        print(f"  {cell}")
    if len(found.refused) > SHOWN:
        print(f"  and {len(found.refused) - SHOWN:,} more")
    print("to write them all the same: add --grow")
