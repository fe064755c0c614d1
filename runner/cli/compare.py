"""Print the changes between two runs, in Markdown.

BEFORE and AFTER are the earlier and the later run: the folder of each, or its cells.csv or
cells.parquet. A build of your own is held against what stands for it in the earlier run, as the
gate does it: the run.json beside AFTER says what it was made of.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request

if TYPE_CHECKING:
    import pandas as pd


@click.command(
    "compare",
    cls=Command,
    help=__doc__,
    examples=(
        (
            "nox -s compare -- reports/published .matrix/report",
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

    from runner.analyse.differences import (
        cell_id,
        compare_cells,
        line_up_builds,
        summarize,
    )
    from runner.cli.run_data import selected_rows
    from runner.domain import Change
    from runner.domain.errors import RegressionFound
    from runner.publish.reading import find_cells, read_cells

    files = [find_cells(path) for path in (before, after)]
    earlier, later = map(read_cells, files)
    counterparts = _find_counterparts(earlier, later, files[1].parent)
    earlier = line_up_builds(earlier, later, counterparts)
    runs = [earlier, later]
    chosen = set(selected_rows(pd.concat(runs, ignore_index=True), request))
    first = len(runs[0])
    narrowed = [
        runs[0].iloc[[row for row in range(first) if row in chosen]],
        runs[1].iloc[[row for row in range(len(runs[1])) if first + row in chosen]],
    ]
    comparison = compare_cells(*narrowed)
    text = summarize(comparison, before=str(before), after=str(after), counterparts=counterparts)
    print(text, end="")
    worse = comparison.rows(Change.REGRESSED)
    if gate and len(worse):
        raise RegressionFound(
            f"{len(worse)} cells regressed, the first: {cell_id(worse.iloc[0].to_dict())}",
            cause="a change of the framework, an environment or a scenario",
            next_step="see the table above, or the page compare.html of the later report",
        )
    return 0


def _find_counterparts(
    before: pd.DataFrame, after: pd.DataFrame, folder: Path
) -> Mapping[str, str]:
    """Return what each build of the later run is held against; says where nothing is."""
    from runner.domain.counterparts import find_counterparts
    from runner.domain.selector import is_build
    from runner.publish.reading import read_bases

    builds = [name for name in _environments(after) if is_build(name)]
    if not builds:
        return {}
    bases = read_bases(folder)
    found = find_counterparts(
        {name: bases.get(name, "") for name in builds}, set(_environments(before))
    )
    for name in builds:
        if name not in found:
            print(
                f"{name}: nothing says which environment it stands for (there is no run.json "
                f"of it in {folder}), so its cells count as new",
                file=sys.stderr,
            )
    return found


def _environments(cells: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys([*cells["writer"].unique(), *cells["reader"].unique()]))
