"""Print, as ranges of versions, which files load where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.run_data import open_data, selected_rows
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.analyse.grids import Coded, Codes


@click.command(
    "boundaries",
    cls=Command,
    help=__doc__,
    examples=(
        (
            "nox -s boundaries -- --scenario l2_sequential --format h5 --remedy none",
            "the bare loads of one scenario",
        ),
        (
            "nox -s boundaries -- --scenario l2_sequential --data reports/published",
            "from the published run",
        ),
        ("nox -s boundaries -- --check", "fails if a sentence says more or less than was measured"),
    ),
)
@options.selection
@click.option(
    "--check", is_flag=True, help="Exit 10 if the sentences, read back, are not the cells."
)
@options.data
def command(request: Request, *, check: bool, data: Path | None) -> int:
    """Print the version ranges of the selected cells, each with its outcome."""
    import numpy as np

    from runner.analyse.boundaries import describe_boundaries
    from runner.analyse.grids import code_cells
    from runner.domain import BARE

    _, found = open_data(request, data)
    coded = code_cells(found)
    rows = np.array(selected_rows(found.cells, request), dtype=np.int64)
    if check:
        return _check(coded, rows)
    for grid in describe_boundaries(coded, rows):
        load = "bare load" if grid.remedy == BARE else grid.remedy
        print(f"{grid.format} files of {grid.scenario}, {load}:")
        for rule in grid.rules:
            print(f"  {rule.text} ({rule.cells})")
    return 0


def _check(coded: Coded, rows: Codes) -> int:
    """Read every sentence back, and hold what it says against the cells."""
    from runner.analyse.boundaries import describe_boundaries
    from runner.analyse.boundaries_check import check_described
    from runner.domain.errors import ControlFailure

    number, wrong = check_described(coded, rows, describe_boundaries(coded, rows))
    print(f"{number} sentences read back: {len(wrong)} wrong")
    for each in wrong:
        print(f"  {each}")
    if wrong:
        raise ControlFailure(
            f"{len(wrong)} boundaries do not agree with the measurements",
            cause="a range of versions spans cells that were not measured, or has no end",
            next_step="nox -s boundaries",
        )
    return 0
