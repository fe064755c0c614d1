"""Print everything known of one cell.

CELL is an id, scenario/format/writer->reader/remedy, in quotes because of its `>`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.run_data import explain_missing, open_data, split_cell
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.publish.reading import PublishedRun


@click.command(
    "show",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s show -- 'plain_dense/h5/tf2.12->keras3.15/none'", "from the last run"),
        (
            "nox -s show -- 'plain_dense/h5/tf2.12->keras3.15/none' --data reports/published",
            "from the published run",
        ),
    ),
)
@click.argument("cell")
@options.data
def command(request: Request, *, cell: str, data: Path | None) -> int:
    """Print the row, the observation, the explanation and the advice."""
    parts = split_cell(cell)
    folder, found = open_data(request, data, scenario=parts["scenario"])
    row, observed = found.find_cell(cell)
    if not row:
        raise explain_missing(parts, found, folder)
    for key, value in {**row, **observed}.items():
        text = _pretty(value)
        if text:
            print(f"{key}: {text}" if "\n" not in text else f"{key}:\n{text}")
    if row["origin"] in ORIGIN_WORDS:
        print(f"note: {ORIGIN_WORDS[str(row['origin'])]}")
    if row["frozen"]:
        print(f"note: it read a frozen artifact, written on {row['frozen']}")
    _print_explanation(found, row)
    print(f"repeat: nox -s matrix -- --select '{cell}' --force")
    return 0


ORIGIN_WORDS = {
    "stale": "kept from an earlier run, and not known to be measured with the code, locks and "
    "file of today",
    "unknown": "its run kept cells of an earlier one, and does not say whether this is one",
}
"""A note on the origin of a cell, where a reader must know it."""


def _print_explanation(data: PublishedRun, row: Mapping[str, object]) -> None:
    """Say why, in words, whose doing it is, and which other way works."""
    from runner.analyse.advice import PAIR_COLUMNS, advise, describe_advice
    from runner.analyse.attribution import ATTRIBUTION_TEXT, attribute_pair

    for cause in data.run.causes:
        if cause.id == row["cause"]:
            print(f"why: {cause.title}. {cause.explanation}")
            for link in cause.links:
                print(f"see: {link}")
    pair = {column: str(row[column]) for column in PAIR_COLUMNS}
    attribution = attribute_pair(data.cells, pair)
    if attribution:
        print(f"attribution: {attribution} ({ATTRIBUTION_TEXT[attribution]})")
    found = advise(data, pair)
    if found is not None:
        print("\n".join(describe_advice(found)))


def _pretty(value: object) -> str:
    text = str(value)
    if text in ("", "nan", "None"):
        return ""
    if text.startswith(("{", "[")):
        try:
            return json.dumps(json.loads(text), indent=2)
        except ValueError:
            return text
    return text
