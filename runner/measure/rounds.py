"""The rounds of jobs, run by the crew and recorded in the store (stages 4 and 5).

Input: jobs, each with its environment. Output: nothing but the store's new records; what the
machine, not a model, is to blame for is never one of them. What a job came to for the progress
display is asked of the judge, through a function.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from runner.contract import Job
from runner.domain import Observation, Outcome, ProvisionedEnvironment, Scenario
from runner.executors.batches import harness_error, hold_against_files, require_room
from runner.executors.interface import Crew
from runner.host.progress import EnvironmentState, Reporter
from runner.inspect import check_witness
from runner.store import Store

SYNC_EVERY = 500
"""Observations after which the store is forced onto the disk."""

Judged = Callable[[Job, Observation], Outcome | None]
"""The outcome of a job for the progress display; None for nothing worth counting."""


@dataclass(kw_only=True, slots=True)
class JobRunner:
    """Runs jobs and records them; remembers the ids that this run measured."""

    store: Store
    crew: Crew
    environments: Mapping[str, ProvisionedEnvironment]
    reporter: Reporter
    started: datetime
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    """By id, for what their artifacts must show."""
    recorded_only: bool = False
    """Run nothing: only recorded results count."""
    fresh: set[str] = field(default_factory=set)
    """Ids of the jobs measured by this run: `--force` measures each of them once."""
    errors: dict[str, Observation] = field(default_factory=dict)
    """The harness errors of this run, by job id: shown, and run again by the next."""
    durations: dict[str, float] = field(default_factory=dict)
    """Stage -> wall time in seconds."""
    _guard: Lock = field(default_factory=Lock)

    def run(
        self,
        jobs: Sequence[tuple[str, Job]],
        label: str,
        state: EnvironmentState,
        judged: Judged,
    ) -> bool:
        """Run jobs, each with the name of its environment; return whether any were run."""
        if not jobs or self.recorded_only:
            return False
        batches = batch_jobs(jobs)
        self.reporter.start(len(jobs), label)
        for environment in batches:
            self.reporter.environment(environment, state)
        owner = {job.id: environment for environment, job in jobs}
        with timed(self.durations, label):
            try:
                self.crew.run(
                    batches,
                    self.environments,
                    self._recorder(owner, judged),
                    lambda name: self.reporter.environment(name, EnvironmentState.FINISHED),
                )
            finally:
                self.store.journal.sync()
        return True

    def _recorder(
        self, owner: Mapping[str, str], judged: Judged
    ) -> Callable[[Job, Observation], None]:
        def record(job: Job, observation: Observation) -> None:
            require_room(self.store.folder, observation)
            observation = trusted(self.store, job, observation)
            observation = witnessed(self.scenarios, job, observation)
            self.store.journal.append(
                {
                    "kind": job.kind,
                    "id": job.id,
                    "inputs": job.inputs,
                    "observation": dict(observation.data),
                    "run": self.started.isoformat(timespec="seconds"),
                    "at": datetime.now(UTC).isoformat(timespec="seconds"),
                }
            )
            outcome = judged(job, observation)
            with self._guard:
                self.fresh.add(job.id)
                if observation.status == "harness_error":
                    self.errors[job.id] = observation
                due = len(self.fresh) % SYNC_EVERY == 0
            if due:
                self.store.journal.sync()
            self.reporter.advance(owner[job.id], 1, outcome)

        return record


def trusted(store: Store, job: Job, observation: Observation) -> Observation:
    """Return the observation, or a harness error if what the job read is not what was saved."""
    return hold_against_files(store.artifacts, job, observation)


def witnessed(scenarios: Mapping[str, Scenario], job: Job, observation: Observation) -> Observation:
    """Return the observation, or a harness error if what was saved lacks its scenario's witness.

    Whatever a reader does with such an artifact says nothing of the scenario's cause.
    """
    if job.kind != "save" or observation.status != "done":
        return observation
    scenario = scenarios.get(job.payload["scenario"]["id"])
    missing = check_witness(Path(job.payload["artifact"]), scenario) if scenario else None
    return harness_error(missing) if missing else observation


def repeat_jobs(
    runner: JobRunner, jobs: Sequence[tuple[str, Job]], label: str = "fresh processes"
) -> dict[str, Observation]:
    """Run jobs again, each in a process of its own, in the order given; nothing is recorded.

    Returns the observations by job id; a job whose probe could not be started has a harness error.
    """
    owner = {job.id: environment for environment, job in jobs}
    found: dict[str, Observation] = {}

    def record(job: Job, observation: Observation) -> None:
        found[job.id] = trusted(runner.store, job, observation)
        runner.reporter.advance(owner[job.id], 1, None)

    crew = runner.crew.again(start_method="fresh")
    batches = batch_jobs(jobs)
    runner.reporter.start(len(jobs), label)
    for name in batches:
        runner.reporter.environment(name, EnvironmentState.LOADING)
    crew.run(batches, runner.environments, record)
    return found


def batch_jobs(jobs: Sequence[tuple[str, Job]]) -> dict[str, list[Job]]:
    """Return the jobs of each environment, ordered so that they share processes."""
    batches: dict[str, list[Job]] = {}
    for environment, job in jobs:
        batches.setdefault(environment, []).append(job)
    return {name: order_jobs(batch) for name, batch in batches.items()}


def order_jobs(jobs: Sequence[Job]) -> list[Job]:
    """Put jobs that may share a process next to each other, else keep the order."""
    chains = {job.payload["chain"]: place for place, job in reversed(list(enumerate(jobs)))}
    return sorted(jobs, key=lambda job: (job.payload["isolated"], chains[job.payload["chain"]]))


@contextmanager
def timed(durations: dict[str, float], stage: str) -> Iterator[None]:
    """Add the wall time of the block to the stage's."""
    begun = time.monotonic()
    try:
        yield
    finally:
        durations[stage] = durations.get(stage, 0.0) + time.monotonic() - begun
