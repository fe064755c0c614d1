"""The durations measured before, from a published run: what a load will take.

Input: the folder of a published run. Output: seconds of a bare load with its remedies, and of
an environment's start: as they were measured, else by scenario, else of all loads together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from runner.domain import BARE, Cell
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
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    grouped = _read_loads(path)
    scenarios, mean_s = read_scenario_durations(folder)
    run = read_record(folder / "run.json", RunRecord)
    keys = zip(*(grouped[name].to_pylist() for name in _GROUP), strict=True)
    return Durations(
        loads=dict(zip(keys, grouped["duration_s_sum"].to_pylist(), strict=True)),
        scenarios=scenarios,
        imports={each.id: each.import_s for each in run.environments if each.import_s},
        mean_s=mean_s,
        digest=digest,
    )


def read_scenario_durations(folder: Path) -> tuple[Mapping[str, float], float]:
    """Return seconds of a load with its remedies by scenario, and over all: what a round asks.

    Raises:
        StoreError: the published run is damaged.
    """
    path = folder / "cells.parquet"
    if not path.exists():
        return {}, UNKNOWN_S
    measured = _read_measured(path, ["scenario", "remedy", "duration_s"])
    # Every load has one bare cell.
    bare = measured.filter(pc.equal(measured["remedy"].cast(pa.string()), BARE))
    seconds, loads = (
        _as_dict(table.group_by("scenario", use_threads=False).aggregate([("duration_s", what)]))
        for table, what in ((measured, "sum"), (bare, "count"))
    )
    if not loads:
        return {}, UNKNOWN_S
    means = {scenario: seconds[scenario] / number for scenario, number in loads.items()}
    return means, sum(seconds[scenario] for scenario in loads) / sum(loads.values())


def _read_loads(path: Path) -> pa.Table:
    """Return the bare loads that were measured, with the seconds of each and its remedies.

    In Arrow from end to end: a million cells become no Python objects. In one thread: shards on
    several machines are planned from the same sums to the last bit.
    """
    cells = _read_measured(path, [*_GROUP, "duration_s"])
    plain = pa.schema([*((name, pa.string()) for name in _GROUP), ("duration_s", pa.float64())])
    loads = cells.cast(plain).group_by(list(_GROUP), use_threads=False)
    return loads.aggregate([("duration_s", "sum")])


def _read_measured(path: Path, columns: list[str]) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns, filters=pc.is_valid(pc.field("duration_s")))
    except UNREADABLE as error:
        raise StoreError(
            f"cannot read {path}: {shorten_reason(error)}", next_step=MAKE_DATA
        ) from error


def _as_dict(two_columns: pa.Table) -> dict[str, float]:
    return dict(zip(*(each.to_pylist() for each in two_columns.columns), strict=True))
