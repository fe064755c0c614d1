"""The bench of a cluster on this machine: its workers and local processes run the same cells.

Input: cells that are recorded in the store, of the two readers with the most of them. Output:
wall times, printed; nothing is recorded.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice

from runner.contract import Job
from runner.domain import Observation, Outcome, ProvisionedEnvironment
from runner.domain.errors import MatrixError, ProvisionError
from runner.domain.request import Request
from runner.executors import registry
from runner.executors.interface import Crew
from runner.host.progress import PlainReporter
from runner.measure.rounds import batch_jobs
from runner.pipeline import Run, elsewhere, opened, recorded_cells

CELLS = 1000
READERS = 2
WORKERS = (1, 2, 4)
ROUNDS = 2
"""Other work on the machine makes a round slower, never faster."""
Batches = Mapping[str, Sequence[Job]]


def print_cluster(request: Request) -> None:
    """Print wall times of a cluster's workers on this machine, and their ratio to local ones."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no file of ours
        try:
            with opened(request, PlainReporter(nowhere)) as run:
                jobs = _sample(run)
                if not jobs:
                    print(
                        "a cluster is not measured: no cell is recorded; run `nox -s matrix` first"
                    )
                    return
                _print_times(run, batch_jobs(jobs))
        except MatrixError as error:
            print(f"a cluster is not measured: {error}")


def _sample(run: Run) -> list[tuple[str, Job]]:
    """Return loads of the readers with most cells; where they are fewer, several times."""
    usable = [
        (known, run.look_up.load_job(known))
        for known, result in recorded_cells(run)
        if result.outcome not in {Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY}
    ]
    counts = Counter(known.cell.reader for known, _ in usable)
    readers = {name for name, _ in counts.most_common(READERS)}
    chosen = [(known.cell.reader, job) for known, job in usable if known.cell.reader in readers]
    return [
        (reader, replace(job, id=f"{job.id}#{n}", payload={**job.payload, "id": f"{job.id}#{n}"}))
        for n, (reader, job) in enumerate(islice(cycle(chosen), CELLS))
    ]


def _print_times(run: Run, batches: Batches) -> None:
    number = sum(map(len, batches.values()))
    print(
        f"{number} cells of {', '.join(batches)} on this machine, {os.cpu_count()} cores with a "
        f"load of {os.getloadavg()[0]:.1f}; all in turn, the better of {ROUNDS} rounds each:",
        flush=True,
    )
    local_s: dict[int, list[float]] = {each: [] for each in WORKERS}
    there_s: dict[int, list[float]] = {each: [] for each in WORKERS}
    for workers in WORKERS * ROUNDS:
        crew = run.jobs.crew.again(workers=workers)
        local_s[workers].append(_time(crew, batches, run.built.available))
        there_s[workers].append(_time_cluster(run, batches, workers))
    one_s = min(there_s[WORKERS[0]])
    for workers in WORKERS:
        best_s = min(there_s[workers])
        print(
            f"  {workers} workers: {_shown(there_s[workers])} s; local processes "
            f"{_shown(local_s[workers])} s; ratio {best_s / min(local_s[workers]):.2f}; "
            f"{one_s / best_s:.2f} times as fast as one worker"
        )


def _shown(seconds: Sequence[float]) -> str:
    return " and ".join(f"{each:.1f}" for each in seconds)


def _time_cluster(run: Run, batches: Batches, workers: int) -> float:
    """Return the wall time of a round on such workers that are there already, in seconds."""
    request = replace(run.request, executor=registry.CLUSTER.name, workers=workers)
    with elsewhere(run, request, batches) as there:
        return _time(there.jobs.crew, batches, there.jobs.environments)


def _time(
    crew: Crew, batches: Batches, environments: Mapping[str, ProvisionedEnvironment]
) -> float:
    """Return the wall time of a round, in seconds."""
    seen: list[Observation] = []
    begun = time.monotonic()
    crew.run(batches, environments, lambda _, observation: seen.append(observation))
    spent_s = time.monotonic() - begun
    failed = [each.message for each in seen if each.status == "harness_error"]
    if failed:
        raise ProvisionError(f"{len(failed)} cells could not be measured: {failed[0]}")
    return spent_s
