"""Ratios of ways to run the same cells, from one run on this machine.

A process for each cell is compared with the probe on cells of one environment, or of several in
turn; the probe's time is split into the work of the framework and what the harness adds; the cells
of the first environment run in a container and in local processes, where an engine answers; and a
run over several environments is compared with its least time: one import an environment plus the
time inside the jobs, over the cores. Seconds are printed for orientation only.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.contract import Job
from runner.domain import CellResult, Known, Observation, Outcome, ProvisionedEnvironment
from runner.domain.errors import NoEnvironmentError, ProvisionError, SelectionError
from runner.domain.request import Request
from runner.domain.selector import compile_glob, unmatched
from runner.executors.interface import Crew
from runner.host.progress import make_reporter
from runner.measure.rounds import batch_jobs, order_jobs
from runner.pipeline import Run, in_containers, opened, recorded_cells

FRESH_CELLS = 12
"""Cells run in a process each; one takes as long as a hundred in the probe."""
SEED = 7
ROUNDS = 2
"""Of containers and local processes in turn; the better one of each counts."""


FRAMEWORK_PARTS = ("import", "prepare", "load", "call", "fetch", "train")
"""The work of the framework and of the scenario's own code; the rest is the harness's."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that a few batches took."""

    wall_s: float
    first_s: float
    """Until the first result was there."""
    imports_s: float
    starts_s: float
    """Until children were ready."""
    jobs_s: float
    """Inside the jobs, summed."""
    parts_s: Mapping[str, float]
    """The part of `jobs_s` that the probe told apart."""


def run_bench(request: Request, *, cells: int, environments: str) -> int:
    """Measure the ratios on recorded cells of the store and print them.

    `environments` is a glob over readers, or several with commas between.

    Raises:
        SelectionError: no environment is named so, or fewer cells than asked for are recorded.
    """
    if cells < 1:
        raise SelectionError(
            f"nothing can be timed on {cells} cells",
            cause="--cells is below 1",
            next_step="nox -s bench -- --cells 500",
        )
    reporter = make_reporter(sys.stdout)
    try:
        with opened(request, reporter) as run:
            usable = [
                (known, run.look_up.load_job(known))
                for known, result in recorded_cells(run)
                if not _hangs(result)
            ]
            samples = _sample_environments(run, usable, environments, cells)
            load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
            print(f"load average over 1, 5 and 15 minutes before: {load}")
            for environment, jobs in samples.items():
                _print_process_ratio(run, environment, jobs)
            first = next(iter(samples))
            _print_container_ratio(run, first, order_jobs(samples[first]))
            _print_floor(run, _sample(usable, min(len(usable), cells * 4)))
    finally:
        reporter.close()
    return 0


def _sample_environments(
    run: Run, usable: Sequence[tuple[Known, Job]], glob: str, cells: int
) -> dict[str, list[Job]]:
    missing = unmatched(glob, run.built.available)
    if missing:
        raise SelectionError(
            f"no environment of this run is named {missing}",
            cause="a typing error, or an environment that the profile leaves out",
            next_step="see `nox -s envs` for the names",
        )
    matches = compile_glob(glob)
    samples = {}
    for environment in filter(matches, run.built.available):
        chosen = [pair for pair in usable if pair[0].cell.reader == environment]
        if len(chosen) < cells:
            raise SelectionError(
                f"{len(chosen)} cells of {environment} are recorded, {cells} are needed",
                cause="the matrix has not been run yet, or its profile is small",
                next_step="run `nox -s matrix` first, or give a smaller --cells",
            )
        samples[environment] = [job for _, job in _sample(chosen, cells)]
    return samples


def _sample(pairs: Sequence[tuple[Known, Job]], size: int) -> list[tuple[Known, Job]]:
    return random.Random(SEED).sample(pairs, size)  # noqa: S311 - the same sample every time


def _hangs(result: CellResult) -> bool:
    # A hang costs its time limit, in whatever process: it would hide the rest.
    return result.outcome in {Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY}


def _print_process_ratio(run: Run, environment: str, jobs: Sequence[Job]) -> None:
    probe = _measure(run, {environment: order_jobs(jobs)})
    few = list(jobs[:FRESH_CELLS])
    fresh_s = _measure(run, {environment: few}, method="fresh").wall_s / len(few)
    probe_s, inside_s = probe.wall_s / len(jobs), probe.jobs_s / len(jobs)
    print(f"{environment}, {len(jobs)} cells, {len(few)} of them in a process each:")
    print(f"  the probe: {probe_s:.3f} s a cell, import and start included")
    print(f"  a process for each cell: {fresh_s:.2f} s a cell")
    print(f"  ratio: {fresh_s / probe_s:.0f}")
    _print_split(probe, len(jobs))
    print(
        f"  the jobs alone (load, call, train, compare): {inside_s:.3f} s a cell;"
        f" with these, no way of running reaches more than {fresh_s / inside_s:.0f}"
    )


def _print_split(timing: Timing, cells: int) -> None:
    """Print what a cell's time goes to, and what the harness adds to the framework's work."""
    parts = {"start": timing.starts_s, **timing.parts_s}
    # Once before the first fork, and where a remedy needs another Keras, in a job.
    parts["import"] = timing.imports_s + timing.parts_s.get("import", 0.0)
    parts["bookkeeping"] = timing.wall_s - sum(parts.values())
    split = ", ".join(f"{name} {_milliseconds(s, cells)}" for name, s in parts.items())
    framework_s = sum(parts[name] for name in FRAMEWORK_PARTS if name in parts)
    print(f"  a cell's milliseconds: {split}")
    print(
        f"  what the harness adds to {', '.join(FRAMEWORK_PARTS)}:"
        f" {timing.wall_s / framework_s - 1:.0%}"
    )


def _milliseconds(seconds: float, cells: int) -> str:
    return f"{1000 * seconds / cells:.1f}"


def _print_container_ratio(run: Run, environment: str, jobs: Sequence[Job]) -> None:
    batches = {environment: jobs}
    local, contained = [], []
    try:
        with in_containers(run, [environment]) as inside:
            place = inside.jobs.crew, inside.jobs.environments
            for _ in range(ROUNDS):
                local.append(_measure(run, batches))
                contained.append(_measure(run, batches, place=place))
    except (NoEnvironmentError, ProvisionError) as error:
        print(f"containers are not measured: {error}")
        return
    print(f"{environment}, the same {len(jobs)} cells, the better of {ROUNDS} rounds each:")
    for name, timings in (("local processes", local), ("a container", contained)):
        wall_s, first_s = (
            min(each.wall_s for each in timings),
            min(each.first_s for each in timings),
        )
        print(
            f"  {name}: {wall_s / len(jobs):.3f} s a cell, the first result after {first_s:.1f} s"
        )
    ratio = min(each.wall_s for each in contained) / min(each.wall_s for each in local)
    print(f"  wall time in a container over local: {ratio:.2f}")


def _print_floor(run: Run, sample: Sequence[tuple[Known, Job]]) -> None:
    ordered = batch_jobs([(known.cell.reader, job) for known, job in sample])
    workers = run.request.workers
    timing = _measure(run, ordered, workers=workers)
    floor_s = (timing.imports_s + timing.jobs_s) / workers
    print(f"{len(sample)} cells over {len(ordered)} environments, {workers} at once:")
    print(f"  least time (imports and the time inside the jobs, over the workers): {floor_s:.1f} s")
    print(f"  wall time over least time: {timing.wall_s / floor_s:.2f}")


def _measure(
    run: Run,
    batches: Mapping[str, Sequence[Job]],
    *,
    method: str = "auto",
    workers: int = 1,
    place: tuple[Crew, Mapping[str, ProvisionedEnvironment]] | None = None,
) -> Timing:
    """Run batches, in the run's own place or another; nothing is recorded."""
    spent: list[float] = []
    parts: Counter[str] = Counter()
    arrived: list[float] = []

    def record(job: Job, observation: Observation) -> None:
        del job
        arrived.append(time.monotonic())
        spent.append(observation.duration_s)
        parts.update(observation.data.get("parts_s", {}))

    own, available = place or (run.jobs.crew, run.built.available)
    crew = own.again(workers=workers, start_method=method)
    begun = time.monotonic()
    crew.run(batches, available, record)
    wall_s = time.monotonic() - begun
    return Timing(
        wall_s=wall_s,
        first_s=min(arrived) - begun,
        imports_s=sum(crew.imports_s),
        starts_s=sum(crew.starts_s),
        jobs_s=sum(spent),
        parts_s=dict(sorted(parts.items())),
    )
