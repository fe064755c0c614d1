"""Print the changes between two runs, in Markdown.

BEFORE and AFTER are the cells.csv or cells.parquet of the earlier and the later run.
"""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request


@click.command(
    "compare",
    cls=Command,
    help=__doc__,
    examples=(
        (
            "nox -s compare -- reports/published/cells.parquet .matrix/report/cells.parquet",
            "the published run and one's own",
        ),
        (
            "nox -s compare -- OLD.csv NEW.csv --format keras --gate",
            "the `.keras` files, as a gate",
        ),
    ),
)
@click.argument("before", type=options.PATH)
@click.argument("after", type=options.PATH)
@options.selection
@click.option("--gate", is_flag=True, help="End with 11 if a cell regressed.")
def command(request: Request, *, before: Path, after: Path, gate: bool) -> int:
    """Print the changes; a selection narrows both runs."""
    import pandas as pd

    from runner.analyse.differences import cell_id, compare_cells, summarize
    from runner.cli.run_data import selected_rows
    from runner.domain import Change
    from runner.domain.errors import RegressionFound
    from runner.publish.reading import read_cells

    runs = [read_cells(path) for path in (before, after)]
    chosen = set(selected_rows(pd.concat(runs, ignore_index=True), request))
    first = len(runs[0])
    narrowed = [
        runs[0].iloc[[row for row in range(first) if row in chosen]],
        runs[1].iloc[[row for row in range(len(runs[1])) if first + row in chosen]],
    ]
    comparison = compare_cells(*narrowed)
    print(summarize(comparison, before=str(before), after=str(after)), end="")
    worse = comparison.rows(Change.REGRESSED)
    if gate and len(worse):
        raise RegressionFound(
            f"{len(worse)} cells regressed, the first: {cell_id(worse.iloc[0].to_dict())}",
            cause="a change of the framework, an environment or a scenario",
            next_step="see the table above, or the page compare.html of the later report",
        )
    return 0
