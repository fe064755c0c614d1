"""The bench of many machines: a simulated cluster, and the joining of a million cells.

The dispatcher that local processes use runs in virtual time, with the durations of the published
run. Parts made of that run's rows, each of a scenario of its own, are joined in memory. Then the
workers of a cluster on this machine run recorded cells, and local processes the same.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.cli.bench_cluster import print_cluster
from runner.domain.request import Request
from runner.executors.dispatch import Policy, Work, simulate
from runner.publish.durations import BUILD_S, IMPORT_S, OVERHEAD_S
from runner.publish.joining import Part, join_tables
from runner.publish.reading import PublishedRun, load_data
from runner.publish.tables import Order

SIMULATED = ((1000, 10_000_000), (100, 1_000_000), (4, 100_000))
"""Workers and cells."""
JOINED = (250_000, 500_000, 1_000_000)
"""Cells."""
PARTS = 12
SEED = 7


def run_scale_bench(request: Request) -> int:
    """Print what many machines would make of the published run.

    Raises:
        StoreError: there is no published run, or a damaged one.
    """
    data = load_data(request.root / "reports" / "published")
    for workers, cells in SIMULATED:
        _print_simulation(data, workers, cells)
    for cells in JOINED:
        _print_joining(data, cells)
    print_cluster(request)
    return 0


def _print_simulation(data: PublishedRun, workers: int, cells: int) -> None:
    imports = {each.id: each.import_s or IMPORT_S for each in data.run.environments}
    rng = np.random.default_rng(SEED)
    known = data.cells[data.cells["duration_s"].notna()]
    works: dict[str, Work] = {}
    actual: dict[str, npt.NDArray[np.float64]] = {}
    for reader, rows in known.groupby("reader", observed=True):
        number = round(cells * len(rows) / len(known))
        mean = rows.groupby(["scenario", "remedy"], observed=True)["duration_s"].transform("mean")
        chosen = np.sort(rng.integers(0, len(rows), number))
        actual[str(reader)] = rows["duration_s"].to_numpy()[chosen] + OVERHEAD_S
        works[str(reader)] = Work(
            costs=mean.to_numpy()[chosen] + OVERHEAD_S,
            build_s=BUILD_S,
            import_s=imports[str(reader)],
        )
    begun = time.process_time()
    found = simulate(works, actual, workers, Policy())
    spent = time.process_time() - begun
    fair = max(1.0, len(works) / workers)
    print(f"simulated: {found.cells:,} cells of {len(works)} environments, {workers:,} workers:")
    print(f"  idle: {found.idle:.1%} of their time")
    print(f"  environments built: {found.builds / workers / fair:.2f} times a worker's fair share")
    print(f"  the dispatcher's own cost: {spent / found.cells * 1e6:.3f} microseconds a cell")


def _print_joining(data: PublishedRun, cells: int) -> None:
    copies = -(-cells // len(data.cells))
    scenarios = [f"{name}.{copy}" for copy in range(copies) for name in _words(data, "scenario")]
    order = Order(
        scenarios=tuple(scenarios),
        formats=_words(data, "format"),
        environments=data.run.environment_ids,
        remedies=_words(data, "remedy"),
    )
    whole = pd.concat([_copy(data.cells, copy) for copy in range(copies)], ignore_index=True)
    seen = pd.concat([_copy(data.observations, copy) for copy in range(copies)], ignore_index=True)
    whole = whole.iloc[:cells]
    parts = []
    for part in range(PARTS):
        rows, told = whole.iloc[part::PARTS], seen.iloc[part::PARTS]
        run = PublishedRun(run=data.run, cells=rows, observations=told)
        parts.append(Part(folder=Path(f"part-{part}"), data=run))
    begun = time.monotonic()
    joined, _ = join_tables(parts, order)
    spent = time.monotonic() - begun
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"joining the tables of {PARTS} parts: {len(joined):,} cells, "
        f"{spent / len(joined) * 1e6:.1f} microseconds a cell; "
        f"this process has taken {most:.2f} GB at most so far, parts included"
    )


def _words(data: PublishedRun, column: str) -> tuple[str, ...]:
    return tuple(sorted(data.cells[column].astype(str).unique()))


def _copy(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    return frame.assign(scenario=frame["scenario"].astype(str) + f".{number}")
