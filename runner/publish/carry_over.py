"""Cells of an earlier run, taken over into this one.

Input: the folder of a published run. Output: its results, as this run would hold them. A
matrix of hundreds of thousands of cells is measured in pieces: what this run does not
measure again is kept, if it was measured with the probe, scenario, locks and artifact of
today. A row says that of itself: run.json names one lock an environment, and is silent about
rows that its run had kept. What is known to differ is refused; of what is not known to be the
same, the rows are `stale`. The run record says how many of each there are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.domain import (
    ID_COLUMNS,
    Aspect,
    Cell,
    CellResult,
    Depends,
    Format,
    Observation,
    Origin,
    Outcome,
    ProvisionedEnvironment,
)
from runner.publish.reading import PublishedRun, load_data
from runner.publish.record import KeptRecord
from runner.publish.tables import DIGEST_LIMIT

DEPENDS = ("probe", "recipe", "writer_lock", "reader_lock")
"""Columns of the digests of what a cell was measured with."""
_MADE = "made_with"
_TEXTS = (
    *("status", "stage", "exception", "message", "traceback", "output"),
    *("start_method", "isolation"),
)


Place = tuple[str, str, str]
"""Scenario, format and writer: the parts that name one save."""
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """The digests of today, which rows are held against."""

    scenarios: Collection[str]
    environments: Mapping[str, ProvisionedEnvironment]
    depends: Callable[[str, str, str, str], Depends]
    """Of a scenario, a writer, a reader and a remedy, all of which are there."""
    artifacts: Mapping[Place, str]
    """Digest of the artifact this run reads; nothing if it did not look for one."""
    made_with: Callable[[str, str, Sequence[str]], str]
    """Of a remedy, a reader and the steps of its file; empty where it has none made, or nothing is
    known of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The cells that were taken over, and the time of their run."""

    record: KeptRecord
    results: tuple[CellResult, ...]


def keep_results(data_dir: Path, *, measured: Collection[Cell], today: Today) -> Kept:
    """Return the results of an earlier run that this one did not measure.

    Left out are cells of scenarios and environments that are gone, and those that were
    measured with another probe, scenario, lock or artifact.

    Raises:
        StoreError: the folder holds no published run, or a damaged one.
    """
    data = load_data(data_dir)
    locks = {each.id: each.lock_digest for each in data.run.environments}
    refused: Counter[str] = Counter()
    candidates = []
    for row in _read_rows(data):
        cell = _read_cell(row)
        if cell in measured or row["outcome"] == Outcome.NOT_RUN:
            continue
        reason = find_difference(row, today, locks)
        if reason:
            refused[reason] += 1
        else:
            candidates.append((cell, row))
    artifacts = _choose_artifacts(row for _, row in candidates)
    hops = data.run.hop_remedies
    results = []
    for cell, row in candidates:
        digest = row["artifact_sha256"]
        if digest and digest != artifacts[_place(row)]:
            refused["artifact"] += 1
        else:
            results.append(_read_result(cell, row, hops))
    record = KeptRecord(
        started=data.run.started,
        tool_version=data.run.tool_version,
        cells=len(results),
        stale=sum(each.origin is Origin.STALE for each in results),
        refused=dict(sorted(refused.items())),
    )
    return Kept(record=record, results=tuple(results))


def _read_rows(data: PublishedRun) -> Iterable[Row]:
    ids = list(ID_COLUMNS)
    columns = [*ids, "outcome", "aspects", "artifact_sha256", "measured_at", "steps", "frozen"]
    columns += [*DEPENDS, _MADE]
    seen = data.observations.rename(columns={"aspects": "compared"})
    rows = data.cells[columns].merge(seen, on=ids, how="left").astype(object)
    for each in rows.where(rows.notna(), None).to_dict("records"):
        yield {str(name): value for name, value in each.items()}


def find_difference(row: Row, today: Today, locks: Mapping[str, str]) -> str:
    """Return what a row was not measured with as it is today; empty for nothing.

    `locks` are those of its run, by environment, for a row that does not say.
    """
    if row["scenario"] not in today.scenarios:
        return "scenario gone"
    for role in ("writer", "reader"):
        if row[role] not in today.environments:
            return "environment gone"
        # The row knows; the run's record only does for what that run measured itself.
        short = today.environments[row[role]].lock_digest[:DIGEST_LIMIT]
        if (row[f"{role}_lock"] or locks[row[role]])[:DIGEST_LIMIT] != short:
            return "lock"
    now = today.depends(row["scenario"], row["writer"], row["reader"], row["remedy"])
    artifact = today.artifacts.get(_place(row), "")[:DIGEST_LIMIT]
    held = (
        ("probe", row["probe"], now.probe),
        ("scenario", row["recipe"], now.scenario),
        ("artifact", row["artifact_sha256"], artifact),
        ("rules", row[_MADE], today.made_with(row["remedy"], row["reader"], _steps(row))),
    )
    # What either side does not know differs from nothing.
    return next((name for name, then, here in held if then and here and then != here), "")


def _choose_artifacts(rows: Iterable[Row]) -> dict[Place, str]:
    """Return for each save the artifact whose rows may be shown beside each other.

    Of several, that of the newest row; where no row says when, that of the most rows.
    """
    found: dict[Place, dict[str, tuple[str, int]]] = {}
    for row in rows:
        if row["artifact_sha256"]:
            digests = found.setdefault(_place(row), {})
            newest, number = digests.get(row["artifact_sha256"], ("", 0))
            digests[row["artifact_sha256"]] = max(newest, row["measured_at"] or ""), number + 1
    return {
        place: max(digests, key=lambda digest: (*digests[digest], digest))
        for place, digests in found.items()
    }


def _place(row: Row) -> Place:
    return row["scenario"], row["format"], row["writer"]


def _read_cell(row: Row) -> Cell:
    return Cell(
        scenario=row["scenario"],
        format=Format(row["format"]),
        writer=row["writer"],
        reader=row["reader"],
        remedy=row["remedy"],
    )


def _steps(row: Row) -> tuple[str, ...]:
    return tuple(name for name in (row["steps"] or "").split(";") if name)


def _read_result(cell: Cell, row: Row, hops: Collection[str]) -> CellResult:
    depends = Depends(
        probe=row["probe"] or "",
        scenario=row["recipe"] or "",
        writer_lock=row["writer_lock"] or "",
        reader_lock=row["reader_lock"] or "",
        made_with=row[_MADE] or "",
    )
    differing = (name for name in (row["aspects"] or "").split(";") if name)
    known = (*DEPENDS, _MADE) if row["steps"] else DEPENDS
    return CellResult(
        cell=cell,
        outcome=Outcome(row["outcome"]),
        aspects=tuple(Aspect(name) for name in differing),
        steps=_steps(row),
        hops=row["remedy"] in hops,
        reason=row["reason"] or "",
        artifact_sha256=row["artifact_sha256"] or "",
        observation=_read_observation(row),
        measured_at=row["measured_at"] or "",
        depends=depends,
        frozen=row["frozen"] or "",
        origin=Origin.KEPT if all(row[name] for name in known) else Origin.STALE,
    )


def _read_observation(row: Row) -> Observation | None:
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
