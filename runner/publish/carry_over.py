"""Cells of an earlier run, taken over into this one.

Input: the folder of a published run. Output: its results, as this run would hold them. A
matrix of hundreds of thousands of cells is measured in pieces: what this run does not
measure again is kept, as long as it was measured in the same locked environments, and the
run record says how many cells that are and when they were measured.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.domain import (
    ID_COLUMNS,
    Aspect,
    Cell,
    CellResult,
    Format,
    Observation,
    Outcome,
    ProvisionedEnvironment,
)
from runner.publish.reading import load_data
from runner.publish.record import KeptRecord

_TEXTS = (
    *("status", "stage", "exception", "message", "traceback", "output"),
    *("start_method", "isolation"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What was taken over, and from when."""

    record: KeptRecord
    results: tuple[CellResult, ...]


def keep_results(
    data_dir: Path,
    *,
    measured: Collection[Cell],
    scenarios: Collection[str],
    environments: Mapping[str, ProvisionedEnvironment],
) -> Kept:
    """Return the results of an earlier run that this one did not measure.

    Left out are cells of scenarios that are gone, and of environments that this run does not
    have with the same lock.

    Raises:
        StoreError: the folder holds no published run, or a damaged one.
    """
    data = load_data(data_dir)
    same = {
        each.id
        for each in data.run.environments
        if each.id in environments and each.lock_digest == environments[each.id].lock_digest
    }
    ids = list(ID_COLUMNS)
    columns = [*ids, "outcome", "aspects", "artifact_sha256"]
    seen = data.observations.rename(columns={"aspects": "compared"})
    rows = data.cells[columns].merge(seen, on=ids, how="left").astype(object)
    results = []
    for each in rows.where(rows.notna(), None).to_dict("records"):
        row = {str(name): value for name, value in each.items()}
        if row["scenario"] not in scenarios or not {row["writer"], row["reader"]} <= same:
            continue
        cell = _read_cell(row)
        if cell not in measured and row["outcome"] != Outcome.NOT_RUN:
            results.append(_read_result(cell, row))
    record = KeptRecord(
        started=data.run.started, tool_version=data.run.tool_version, cells=len(results)
    )
    return Kept(record=record, results=tuple(results))


def _read_cell(row: Mapping[str, Any]) -> Cell:
    return Cell(
        scenario=row["scenario"],
        format=Format(row["format"]),
        writer=row["writer"],
        reader=row["reader"],
        remedy=row["remedy"],
    )


def _read_result(cell: Cell, row: Mapping[str, Any]) -> CellResult:
    differing = (name for name in (row["aspects"] or "").split(";") if name)
    return CellResult(
        cell=cell,
        outcome=Outcome(row["outcome"]),
        aspects=tuple(Aspect(name) for name in differing),
        reason=row["reason"] or "",
        artifact_sha256=row["artifact_sha256"] or "",
        observation=_read_observation(row),
    )


def _read_observation(row: Mapping[str, Any]) -> Observation | None:
    if not row["status"]:
        return None
    data: dict[str, Any] = {name: row[name] or "" for name in _TEXTS}
    data["warnings"] = (row["warnings"] or "").splitlines()
    data["aspects"] = _read_aspects(row["compared"] or "")
    data["facts"] = json.loads(row["facts"]) if row["facts"] else {}
    data["duration_s"] = row["duration_s"] or 0.0
    data["max_rss_mb"] = row["max_rss_mb"] or 0
    data["position"] = row["position"] or 0
    return Observation(data=data)


def _read_aspects(text: str) -> dict[str, dict[str, Any]]:
    aspects: dict[str, dict[str, Any]] = json.loads(text) if text else {}
    for each in aspects.values():
        # Infinity has no number in JSON and is published as a word.
        difference = each.get("max_abs_diff")
        each["max_abs_diff"] = None if difference is None else float(difference)
    return aspects
