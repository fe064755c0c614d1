"""`nox -s bench`: what the probe saves, as ratios from one run on this machine.

A process for each cell is compared with the probe on cells of one environment; and a
run over several environments with its floor: one import an environment plus the time
inside the jobs, over the cores. Seconds are printed for orientation only.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence

from runner import pipeline
from runner.domain import Cell, Observation
from runner.errors import SelectionError
from runner.execute import Crew
from runner.measure import order_jobs
from runner.progress import make_reporter
from runner.request import Request
from runner.wire import Job
from runner.work import Work

FRESH_CELLS = 12
"""Cells run in a process each; one takes as long as a hundred in the probe."""
SEED = 7


def run_bench(request: Request, *, cells: int, environment: str) -> int:
    """Measure both ratios on recorded cells of the store and print them.

    Raises:
        SelectionError: fewer cells than asked for are recorded.
    """
    reporter = make_reporter(sys.stdout)
    with pipeline.opened(request, reporter) as work:
        known = pipeline.known_cells(work)
        # What a hang costs is its time limit, in whatever process: it would drown the rest.
        usable = [(cell, job) for cell, job in known if not _hangs(work, job)]
        chosen = [pair for pair in usable if pair[0].reader == environment]
        if len(chosen) < cells:
            raise SelectionError(
                f"{len(chosen)} cells of {environment} are recorded, {cells} are needed",
                cause="the matrix has not been run yet, or its profile is small",
                next_step="run `nox -s matrix` first, or give a smaller --cells",
            )
        sample = _sample(chosen, cells)
        _print_process_ratio(work, environment, [job for _, job in sample])
        _print_floor(work, _sample(usable, min(len(usable), cells * 4)))
    reporter.close()
    return 0


def _sample(pairs: Sequence[tuple[Cell, Job]], size: int) -> list[tuple[Cell, Job]]:
    return random.Random(SEED).sample(pairs, size)  # noqa: S311 - the same sample every time


def _hangs(work: Work, job: Job) -> bool:
    seen = work.ledger.observation(job)
    return seen is None or seen.status in ("timed_out", "out_of_memory")


def _print_process_ratio(work: Work, environment: str, jobs: Sequence[Job]) -> None:
    probe_s, _, _ = _measure(work, {environment: order_jobs(jobs)}, "auto", 1)
    few = list(jobs[:FRESH_CELLS])
    fresh_s, _, _ = _measure(work, {environment: few}, "fresh", 1)
    probe_cell_s, fresh_cell_s = probe_s / len(jobs), fresh_s / len(few)
    print(f"{environment}, {len(jobs)} cells, {len(few)} of them in a process each:")
    print(f"  the probe: {probe_cell_s:.3f} s a cell, import and start included")
    print(f"  a process for each cell: {fresh_cell_s:.2f} s a cell")
    print(f"  ratio: {fresh_cell_s / probe_cell_s:.0f}")


def _print_floor(work: Work, sample: Sequence[tuple[Cell, Job]]) -> None:
    batches: dict[str, list[Job]] = {}
    for cell, job in sample:
        batches.setdefault(cell.reader, []).append(job)
    ordered = {name: order_jobs(jobs) for name, jobs in batches.items()}
    workers = work.crew.workers
    wall_s, imports_s, jobs_s = _measure(work, ordered, "auto", workers)
    floor_s = (imports_s + jobs_s) / workers
    print(f"{len(sample)} cells over {len(batches)} environments, {workers} at once:")
    print(f"  floor (imports and the time inside the jobs, over the workers): {floor_s:.1f} s")
    print(f"  wall time over floor: {wall_s / floor_s:.2f}")


def _measure(
    work: Work, batches: dict[str, Sequence[Job]] | dict[str, list[Job]], method: str, workers: int
) -> tuple[float, float, float]:
    """Return (wall time, time importing, time inside jobs) in seconds."""
    spent: list[float] = []

    def record(job: Job, observation: Observation) -> None:
        del job
        spent.append(observation.duration_s)

    crew = Crew(
        executor=work.crew.executor,
        workers=workers,
        limits=work.crew.limits,
        scratch=work.crew.scratch,
        start_method=method,
    )
    begun = time.monotonic()
    crew.run(batches, work.built.available, record)
    return time.monotonic() - begun, sum(crew.imports_s), sum(spent)
