"""Print, as ranges of versions, which files load where."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.run_data import open_data, selected_rows
from runner.domain.request import Request


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
    ),
)
@options.selection
@options.data
def command(request: Request, *, data: Path | None) -> int:
    """Print the version ranges of the selected cells, each with its outcome."""
    import numpy as np

    from runner.analyse.boundaries import describe_boundaries
    from runner.analyse.grids import code_cells
    from runner.domain import BARE

    _, found = open_data(request, data)
    coded = code_cells(found)
    rows = selected_rows(found.cells, request)
    for grid in describe_boundaries(coded, np.array(rows, dtype=np.int64)):
        load = "bare load" if grid.remedy == BARE else grid.remedy
        print(f"{grid.format} files of {grid.scenario}, {load}:")
        for rule in grid.rules:
            print(f"  {rule.text} ({rule.cells})")
    return 0
