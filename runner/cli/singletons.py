"""List the cells that stand alone: neither neighbouring version has their outcome.

The neighbours of a cell have the reader before or after its own, or the writer before or after.
Who differs from all four is a fault of one release, or of this tool; scenarios/singletons.toml says
which, for those that were looked at.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.run_data import open_data, selected_rows
from runner.domain import Cell, Format
from runner.domain.request import Request
from runner.domain.selector import PARTS, parse_pattern


@click.command(
    "singletons",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s singletons", "those of your run, the unexplained ones first"),
        (
            "nox -s singletons -- --format keras --data reports/published",
            "one format of the published run",
        ),
        ("nox -s singletons -- --check", "fails if one of them is not explained"),
    ),
)
@options.selection
@click.option("--check", is_flag=True, help="Exit 10 if a cell that stands alone is not explained.")
@options.data
def command(request: Request, *, check: bool, data: Path | None) -> int:
    """Print the cells that stand alone, by their explanation."""
    from runner.analyse.grids import code_cells
    from runner.analyse.singletons import find_singletons
    from runner.declare.singletons import load_singletons
    from runner.domain.errors import ControlFailure

    explained = load_singletons(request.root / "scenarios" / "singletons.toml")
    folder, found = open_data(request, data)
    alone = find_singletons(code_cells(found), found.run.environments)
    wanted = set(selected_rows(found.cells, request))
    rows = [row for row in alone.rows.tolist() if row in wanted]
    patterns = [(each, list(map(parse_pattern, each.cells))) for each in explained]
    lines: dict[str, list[str]] = defaultdict(list)
    columns = found.cells.iloc[rows][[*PARTS, "outcome"]].astype(str)
    for scenario, format_, writer, reader, remedy, outcome in columns.itertuples(
        index=False, name=None
    ):
        cell = Cell(
            scenario=scenario, format=Format(format_), writer=writer, reader=reader, remedy=remedy
        )
        reasons = (
            each.id for each, some in patterns if any(pattern.matches(cell) for pattern in some)
        )
        lines[next(reasons, "")].append(f"  {cell.id}  {outcome}")
    print(
        f"{len(rows)} cells stand alone; "
        f"{alone.judged} of {alone.cells} cells were measured with all four neighbours"
    )
    for reason in sorted(lines):
        entry = next((each for each in explained if each.id == reason), None)
        print(f"{reason}: {entry.why}" if entry else "not explained:")
        for line in (*(f"  {link}" for link in (entry.links if entry else ())), *lines[reason]):
            print(line)
    left = len(lines.get("", ()))
    if check and left:
        first = lines[""][0].split()[0]
        raise ControlFailure(
            f"{left} cells stand alone and nobody has said why",
            cause="one release differs from those around it, or the cells are wrong",
            next_step=f"nox -s show -- '{first}' --data {folder}",
        )
    return 0
