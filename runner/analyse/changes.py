"""What each published run changed: the history that `changes.json` carries along.

Input: the folder of the run published before, and the cells about to replace it. Output:
the content of `changes.json`, newest run first. Dates are those of the runs, and the report
reads this file like any other data, so that rebuilding it gives the same feed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from runner.analyse.differences import (
    Comparison,
    cell_id,
    compare_cells,
    describe_detail,
    read_cells,
)
from runner.domain import Change
from runner.domain.errors import ConfigurationError
from runner.publish.reading import CHANGES_SCHEMA

KEPT = 50
"""Runs the history goes back."""
EXAMPLES = 20
"""Cells of each kind an entry names; the data of the runs hold all of them."""
NAMED = (Change.REGRESSED, Change.FIXED, Change.CHANGED)


def note_changes(data_dir: Path, cells: pd.DataFrame, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the history with this run in front, if anything differs from the run before.

    What a broken or foreign folder held is not compared: the history begins anew.
    """
    before = _read_json(data_dir / "run.json")
    published = before.get("started")
    noted = _read_json(data_dir / "changes.json")
    history = list(noted["runs"]) if noted.get("schema") == CHANGES_SCHEMA else []
    comparison = _compare(data_dir, cells) if published else None
    if comparison is None:
        return _record([_entry(run, None, None)])
    if not history:
        history = [_entry(before, None, None)]
    if comparison.differs:
        history.insert(0, _entry(run, str(published), comparison))
    return _record(history[:KEPT])


def _compare(data_dir: Path, cells: pd.DataFrame) -> Comparison | None:
    try:
        before = read_cells(data_dir / "cells.parquet")
    except ConfigurationError:
        return None
    return compare_cells(before, cells)


def _entry(
    run: Mapping[str, Any], previous: str | None, comparison: Comparison | None
) -> dict[str, Any]:
    return {
        "started": run["started"],
        "finished": run["finished"],
        "tool_version": run["tool_version"],
        "previous": previous,
        "cells": run["totals"]["cells"],
        "by_outcome": dict(run["totals"]["by_outcome"]),
        "counts": None
        if comparison is None
        else {str(change): number for change, number in comparison.counts.items()},
        "examples": {} if comparison is None else _examples(comparison),
    }


def _examples(comparison: Comparison) -> dict[str, list[dict[str, str]]]:
    found = {}
    for change in NAMED:
        rows = comparison.rows(change).head(EXAMPLES).to_dict("records")
        if rows:
            found[str(change)] = [
                {
                    "cell": cell_id(row),
                    "before": describe_detail(row, "before"),
                    "after": describe_detail(row, "after"),
                    "cause": str(row["after_cause"]),
                }
                for row in rows
            ]
    return found


def _record(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schema": CHANGES_SCHEMA, "runs": runs}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
