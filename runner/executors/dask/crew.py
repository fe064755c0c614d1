"""The rounds of jobs on a cluster: the dispatcher decides, workers run batches, this keeps count.

Input: the jobs of each environment. Output: an observation of each, as soon as its worker sent it.
An observation that came counts, whatever becomes of its worker; no job is run again that has one.
What was in flight on a lost worker goes to others in halves.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from runner import contract
from runner.contract import Job
from runner.domain import Observation, ProvisionedEnvironment
from runner.domain.errors import ClusterError
from runner.executors.batches import harness_error
from runner.executors.dask.builders import share_lock
from runner.executors.dask.messages import Ended, OrderedJob, Result, Run, Seen
from runner.executors.dask.team import Answered, Event, Joined, Left, Team
from runner.executors.dask.worker import FOLDERS, WRITTEN
from runner.executors.dispatch import LOST_ALONE, Batch, Dispatcher, Policy, Work
from runner.executors.interface import Record, Settings, Warn, unheard
from runner.store.exchange import EnvironmentFacts, Exchange

BUILD_S = 30.0
"""Of an environment on a machine that does not have it."""
UNFIT = 3
"""Workers that cannot work in an environment before its jobs are given up."""
PACKERS = 8
"""Artifacts that are packed and offered at once."""


class Packs:
    """The packs of artifacts in the exchange, made when they are first needed."""

    def __init__(self, exchange: Exchange, store: Path) -> None:
        self.exchange = exchange
        self.store = store
        self._digests: dict[str, str] = {}

    def of(self, jobs: Sequence[Job]) -> dict[str, str]:
        """Return the folders that jobs read, below the store, with the digests of their packs."""
        read = [
            str(Path(job.payload[name]).relative_to(self.store))
            for job in jobs
            for name in FOLDERS
            if job.payload.get(name) and name != WRITTEN.get(job.kind)  # type: ignore[call-overload]
        ]
        wanted = dict.fromkeys(read)
        missing = [name for name in wanted if name not in self._digests]
        if missing:
            with ThreadPoolExecutor(max_workers=PACKERS) as pool:
                folders = [self.store / name for name in missing]
                self._digests.update(
                    zip(missing, pool.map(self.exchange.put, folders), strict=True)
                )
        return {name: self._digests[name] for name in wanted}

    def take(self, job: Job, digest: str) -> None:
        """Put the files that a job wrote into the store."""
        folder = Path(job.payload[WRITTEN[job.kind]])  # type: ignore[index]
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.exchange.fetch(digest, folder)
        self._digests[str(folder.relative_to(self.store))] = digest


@dataclass(kw_only=True)
class DaskCrew:
    """Runs the jobs of a round on the workers of a cluster."""

    team: Team
    packs: Packs
    settings: Settings
    warn: Warn
    policy: Policy = field(default_factory=Policy)
    imports_s: list[float] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)

    def again(self, *, workers: int = 0, start_method: str = "") -> DaskCrew:
        """Return a crew of the same workers that counts anew."""
        settings = replace(
            self.settings,
            workers=workers or self.settings.workers,
            start_method=start_method or self.settings.start_method,
        )
        return replace(self, settings=settings, imports_s=[], starts_s=[])

    def close(self) -> None:
        """Take back what workers still do; the place closes the rest."""
        self.team.end()

    def run(
        self,
        batches: Mapping[str, Sequence[Job]],
        environments: Mapping[str, ProvisionedEnvironment],
        record: Record,
        finished: Callable[[str], None] = unheard,
    ) -> None:
        """Run each environment's jobs; returns when all have an observation.

        Raises:
            ClusterError: the scheduler is lost, or no worker that may be used is left.
        """
        given = {name: jobs for name, jobs in batches.items() if jobs}
        round_ = _Round(crew=self, jobs=given, environments=environments, record=record)
        round_.finished = finished
        try:
            round_.go()
        except BaseException:
            self.team.end()
            raise


@dataclass(kw_only=True)
class _Round:
    """One round at work."""

    crew: DaskCrew
    jobs: Mapping[str, Sequence[Job]]
    environments: Mapping[str, ProvisionedEnvironment]
    record: Record
    finished: Callable[[str], None] = unheard

    def __post_init__(self) -> None:
        estimate_s = self.crew.settings.estimate_s
        self._dispatcher = Dispatcher(
            {
                name: Work(
                    costs=np.fromiter(map(estimate_s, jobs), np.float64, len(jobs)),
                    build_s=BUILD_S,
                    import_s=self.environments[name].import_s,
                )
                for name, jobs in self.jobs.items()
            },
            self.crew.policy,
        )
        self._left = {name: {job.id: job for job in jobs} for name, jobs in self.jobs.items()}
        """Jobs without an observation."""
        self._running: dict[int, Batch] = {}
        self._last: dict[str, str] = {}
        """Environment -> why a worker could not work in it."""
        self._worked: set[str] = set()
        """Environments in which a worker has measured something."""
        self._stuck_since: float | None = None
        self._counted = -1

    def go(self) -> None:
        """Hand out batches and take what comes of them, until every job has an observation."""
        for worker in self.crew.team.members:
            self._announce(worker)
        while not self._dispatcher.finished:
            self._count_workers()
            self._hand_out()
            if not self._dispatcher.finished:
                for event in self.crew.team.events():
                    self._take(event)

    def _count_workers(self) -> None:
        number = len(self.crew.team.members)
        if number != self._counted:
            self._counted = number
            self.crew.settings.machines(number)

    def _announce(self, worker: str) -> None:
        member = self.crew.team.members.get(worker)
        if member is not None:
            have = [
                name
                for name in self.jobs
                if (name, self.environments[name].lock_digest) in member.locks
            ]
            self._dispatcher.announce(worker, have)

    def _hand_out(self) -> None:
        for worker in self.crew.team.idle:
            while (batch := self._dispatcher.take(worker)) is not None:
                jobs = self._unseen(batch)
                if jobs:
                    self._start(worker, batch, jobs)
                    break
                self._dispatcher.done(batch)
        if self._running or self._dispatcher.finished:
            self._stuck_since = None
        else:
            self._resolve()

    def _unseen(self, batch: Batch) -> list[Job]:
        left = self._left[batch.environment]
        jobs = self.jobs[batch.environment][batch.start : batch.stop]
        return [job for job in jobs if job.id in left]

    def _start(self, worker: str, batch: Batch, jobs: Sequence[Job]) -> None:
        crew = self.crew
        built = self.environments[batch.environment]
        packs = crew.packs.of(jobs)
        number = crew.team.send(
            worker,
            partial(
                Run,
                environment=built.environment,
                facts=EnvironmentFacts.of(built),
                packs=packs,
                limits=msgspec.to_builtins(crew.settings.limits),
                start_method=crew.settings.start_method,
                jobs=[OrderedJob(id=it.id, kind=it.kind, payload=dict(it.payload)) for it in jobs],
            ),
        )
        self._running[number] = batch

    def _resolve(self) -> None:
        """Jobs wait, and no worker takes one: give up what cannot be, or wait for a worker."""
        team, quarantined = self.crew.team, self._dispatcher.quarantined
        if any(each not in quarantined for each in team.members):
            for name in self._dispatcher.waits_for():
                self._give_up(name, self._last.get(name, "no worker can work in it"))
            return
        now = time.monotonic()
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since > team.start_timeout_s:
            told = "".join(f"\n    {name}: {why}" for name, why in list(quarantined.items())[:5])
            raise ClusterError(
                f"every worker failed twice, and no other came within {team.start_timeout_s:.0f} s:"
                f"{told}",
                cause="a full disk, a network that is down, or another fault of those machines",
                next_step="mend or replace them, then run the same command again: every recorded "
                "cell is kept",
            )

    # --- events

    def _take(self, event: Event) -> None:
        if isinstance(event, Joined):
            self._announce(event.worker)
        elif isinstance(event, Left):
            self._lose(event)
        else:
            self._read(event)

    def _lose(self, event: Left) -> None:
        self._dispatcher.leave(event.worker)
        batch = self._running.pop(event.number, None) if event.number is not None else None
        if batch is None:
            return
        given_up = self._dispatcher.lost(batch)
        if given_up is not None:
            job = self.jobs[batch.environment][given_up]
            told = f"{LOST_ALONE} workers were lost while they ran this job alone"
            self._note(batch.environment, job, harness_error(told))

    def _read(self, event: Answered) -> None:
        answer = event.answer
        batch = self._running.get(answer.number)
        if batch is None:
            return
        if isinstance(answer, Seen):
            for result in answer.results:
                self._note_result(batch.environment, result)
        elif isinstance(answer, Ended):
            del self._running[answer.number]
            self.crew.imports_s += answer.imports_s
            self.crew.starts_s += answer.starts_s
            self._end(event.worker, batch, answer)

    def _end(self, worker: str, batch: Batch, ended: Ended) -> None:
        name = batch.environment
        if ended.how == "done" and not self._unseen(batch):
            self._dispatcher.done(batch)
            lock = (name, self.environments[name].lock_digest)
            for each in share_lock(self.crew.team, worker, lock):
                self._dispatcher.announce(each, [name])
            return
        reason = ended.reason or "it left out jobs"
        refused = ended.how == "refused"
        known = worker in self._dispatcher.quarantined
        if self._dispatcher.failed(batch, reason, for_good=refused) and not (known or refused):
            self.crew.warn(f"worker {worker} gets no more: it failed twice: {reason}")
        if ended.how == "unfit":
            self._last[name] = reason
            count = self._dispatcher.refuse(worker, name)
            if count >= UNFIT and name not in self._worked:
                self._give_up(name, reason)

    def _give_up(self, name: str, reason: str) -> None:
        """Note a fault of ours for the waiting jobs of an environment."""
        for number in self._dispatcher.give_up(name):
            job = self.jobs[name][number]
            if job.id in self._left[name]:
                self._note(name, job, harness_error(reason))

    def _note_result(self, name: str, result: Result) -> None:
        job = self._left[name].get(result.id)
        if job is None:
            return
        seen = Observation(data=json.loads(result.observation))
        with contextlib.suppress(ValueError):
            contract.check_observation(job.kind, seen.data)
            if result.pack:
                self.crew.packs.take(job, result.pack)
            self._worked.add(name)
            self._note(name, job, seen)

    def _note(self, name: str, job: Job, seen: Observation) -> None:
        del self._left[name][job.id]
        self.record(job, seen)
        if not self._left[name]:
            self.finished(name)
