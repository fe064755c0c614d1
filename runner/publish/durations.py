"""The durations measured before, from a published run: what a load will take.

Input: the folder of a published run. Output: seconds of a bare load with its remedies, and of
an environment's start: as they were measured, else by scenario, else of all loads together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from runner.domain import Cell
from runner.domain.errors import StoreError
from runner.publish.decoding import MAKE_DATA, read_record, shorten_reason
from runner.publish.reading import UNREADABLE
from runner.publish.record import RunRecord

BUILD_S = 30.0
"""Of an environment, before anything of it is known: installed with uv from a filled cache, and
held against its packages' hashes."""
IMPORT_S = 10.0
"""Of a framework, where it was not measured."""
OVERHEAD_S = 0.02
"""Of a load, beside the job itself."""
UNKNOWN_S = 0.5
"""Of a load with its remedies, where nothing at all was measured."""
SAVE_S = 0.5
"""Of a save: they are few beside the loads."""

_GROUP = ("scenario", "format", "writer", "reader")


@dataclass(frozen=True, kw_only=True, slots=True)
class Durations:
    """Seconds, by what they were measured on."""

    loads: Mapping[tuple[str, str, str, str], float] = field(default_factory=dict)
    """Scenario, format, writer, reader -> its bare load and remedies, summed."""
    scenarios: Mapping[str, float] = field(default_factory=dict)
    """Scenario -> mean of the above."""
    imports: Mapping[str, float] = field(default_factory=dict)
    """Environment -> import of its framework."""
    mean_s: float = UNKNOWN_S
    digest: str = ""
    """Of the file they are from; empty for none."""

    def load_s(self, cell: Cell) -> float:
        """Return the estimate of a bare load with its remedies."""
        key = (cell.scenario, str(cell.format), cell.writer, cell.reader)
        found = self.loads.get(key)
        if found is None:
            found = self.scenarios.get(cell.scenario, self.mean_s)
        return found + OVERHEAD_S

    def setup_s(self, environment: str) -> float:
        """Return the estimate of building an environment and importing its framework."""
        return BUILD_S + self.imports.get(environment, IMPORT_S)


def read_durations(folder: Path) -> Durations:
    """Return the durations of a published run; nothing is known where there is none.

    Raises:
        StoreError: it is damaged.
    """
    path = folder / "cells.parquet"
    if not path.exists():
        return Durations()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        cells = pq.read_table(path, columns=[*_GROUP, "duration_s"]).to_pandas(ignore_metadata=True)
    except UNREADABLE as error:
        raise StoreError(
            f"cannot read {path}: {shorten_reason(error)}", next_step=MAKE_DATA
        ) from error
    run = read_record(folder / "run.json", RunRecord)
    imports = {each.id: each.import_s for each in run.environments if each.import_s}
    return _durations(cells, imports, digest)


def _durations(cells: pd.DataFrame, imports: Mapping[str, float], digest: str) -> Durations:
    measured = cells.loc[cells["duration_s"].notna(), [*_GROUP, "duration_s"]]
    if measured.empty:
        return Durations(imports=imports, digest=digest)
    for name in _GROUP:
        measured = measured.assign(**{name: measured[name].astype(str)})
    groups = measured.groupby(list(_GROUP), sort=False)["duration_s"].sum()
    by_scenario = groups.groupby("scenario", sort=False).mean()
    keys = zip(*(groups.index.get_level_values(name) for name in _GROUP), strict=True)
    return Durations(
        loads=dict(zip(keys, map(float, groups), strict=True)),
        scenarios={str(key): float(value) for key, value in by_scenario.items()},
        imports=imports,
        mean_s=float(groups.mean()),
        digest=digest,
    )
