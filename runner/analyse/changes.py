"""The history of published runs: the changes of each, carried along in `changes.json`.

Input: the folder of the run published before, and the cells about to replace it. Output:
the content of `changes.json`, newest run first. Dates are those of the runs, and the report
reads this file like any other data, so that rebuilding it gives the same feed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from runner.analyse.differences import Comparison, cell_id, compare_cells, describe_detail
from runner.domain import Change
from runner.domain.errors import MatrixError
from runner.publish.reading import load_earlier, read_cells
from runner.publish.record import (
    CHANGES_SCHEMA,
    KEPT_RUNS,
    NAMED_CELLS,
    ChangedCell,
    ChangesEntry,
    ChangesRecord,
    RunRecord,
)

NAMED = (Change.REGRESSED, Change.FIXED, Change.CHANGED)


def note_changes(data_dir: Path, cells: pd.DataFrame, run: RunRecord) -> ChangesRecord:
    """Return the history with this run in front, if anything differs from the run before.

    The data of a broken or foreign folder are not compared: the history begins anew.
    """
    before, noted = load_earlier(data_dir)
    comparison = _compare(data_dir, cells) if before else None
    if before is None or comparison is None:
        return _record([enter_run(run)])
    history = list(noted.runs) if noted else [enter_run(before)]
    if comparison.differs:
        history.insert(0, enter_run(run, before.started, comparison))
    return _record(history[:KEPT_RUNS])


def enter_run(
    run: RunRecord, previous: str | None = None, comparison: Comparison | None = None
) -> ChangesEntry:
    """Return the entry of a run; without a comparison, of one with nothing before it."""
    return ChangesEntry(
        started=run.started,
        finished=run.finished,
        tool_version=run.tool_version,
        previous=previous,
        cells=run.totals.cells,
        by_outcome={str(name): number for name, number in run.totals.by_outcome.items()},
        counts=None if comparison is None else dict(comparison.counts),
        examples={} if comparison is None else _examples(comparison),
    )


def _compare(data_dir: Path, cells: pd.DataFrame) -> Comparison | None:
    try:
        before = read_cells(data_dir / "cells.parquet")
    except MatrixError:
        return None
    return compare_cells(before, cells)


def _examples(comparison: Comparison) -> Mapping[Change, tuple[ChangedCell, ...]]:
    found = {}
    for change in NAMED:
        rows = comparison.rows(change).head(NAMED_CELLS).to_dict("records")
        if rows:
            found[change] = tuple(
                ChangedCell(
                    cell=cell_id(row),
                    before=describe_detail(row, "before"),
                    after=describe_detail(row, "after"),
                    cause=str(row["after_cause"]),
                )
                for row in rows
            )
    return found


def _record(runs: list[ChangesEntry]) -> ChangesRecord:
    return ChangesRecord(schema=CHANGES_SCHEMA, runs=tuple(runs))
