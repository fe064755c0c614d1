"""The batches of jobs, run by probes inside the environments (stages 4 and 5).

One batch is one environment's jobs. Batches of different environments run side by
side; each observation is handed on the moment the probe has written it, so nothing
that was measured is lost when the run, a probe or the machine stops.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from runner import contract
from runner.contract import Job
from runner.domain import Kind, Observation, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Limits
from runner.executors.dispatch import Batch, Dispatcher, Policy, Work
from runner.executors.interface import Executor, Probe, Record, Settings, typical_s, unheard
from runner.host import process
from runner.store.artifacts import Artifacts
from runner.store.space import RESERVE_MB, require_space, require_space_for

POLL_S = 0.1
PIECE_BYTES = 2**20
LINE_BYTES = 2**23
"""More than any record has."""
SILENCE_S = 240.0
"""Beyond a job's own time limit: a probe that says nothing for so long is itself stuck."""
FRUITLESS_PROBES = 2
"""Probes in a row that die without a result before the rest is given up."""


@dataclass(kw_only=True, slots=True)
class ProbeCrew:
    """Runs batches side by side in probes of this machine; `stopped` ends all of them at once."""

    executor: Executor
    workers: int
    limits: Limits = field(default_factory=Limits)
    start_method: str = "auto"
    scratch: Path | None = None
    """Folder for the batches at work; the system's temporary folder if not given."""
    stopped: threading.Event = field(default_factory=threading.Event)
    imports_s: list[float] = field(default_factory=list)
    """Seconds that each probe started so far spent importing its framework."""
    estimate_s: Callable[[Job], float] = typical_s
    """Seconds that a job is expected to take."""
    starts_s: list[float] = field(default_factory=list)
    """Seconds that each finished probe waited for its children to be ready."""

    @classmethod
    def of(cls, executor: Executor, settings: Settings) -> ProbeCrew:
        """Return the crew that runs jobs with an executor as the settings say."""
        return cls(
            executor=executor,
            workers=settings.workers,
            limits=settings.limits,
            start_method=settings.start_method,
            scratch=settings.scratch,
            estimate_s=settings.estimate_s,
        )

    def again(self, *, workers: int = 0, start_method: str = "") -> ProbeCrew:
        """Return a crew with the same executor that counts anew."""
        return replace(
            self,
            workers=workers or self.workers,
            start_method=start_method or self.start_method,
            stopped=threading.Event(),
            imports_s=[],
            starts_s=[],
        )

    def close(self) -> None:
        """Close its executor."""
        self.executor.close()

    def run(
        self,
        batches: Mapping[str, Sequence[Job]],
        environments: Mapping[str, ProvisionedEnvironment],
        record: Record,
        finished: Callable[[str], None] = unheard,
    ) -> None:
        """Run each environment's jobs; returns when all have an observation.

        An interrupt ends the probes and is raised again: recorded results stay.
        """
        # The longest first, and the last ones split: otherwise one worker would be waited for.
        works = {
            name: Work(
                costs=np.fromiter(map(self.estimate_s, jobs), np.float64, len(jobs)),
                import_s=environments[name].import_s,
            )
            for name, jobs in batches.items()
        }
        dispatcher = Dispatcher(works, Policy(longest_s=float("inf")))
        idle = list(range(self.workers))
        for worker in idle:
            dispatcher.announce(worker)
        left = {name: len(jobs) for name, jobs in batches.items() if jobs}
        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            running: dict[Future[None], tuple[Batch, int]] = {}
            try:
                while not dispatcher.finished:
                    for worker in list(idle):
                        batch = dispatcher.take(worker)
                        if batch is not None:
                            idle.remove(worker)
                            name = batch.environment
                            jobs = batches[name][batch.start : batch.stop]
                            work = pool.submit(self._run_all, environments[name], jobs, record)
                            running[work] = (batch, worker)
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                        batch, worker = running.pop(future)
                        dispatcher.done(batch)
                        idle.append(worker)
                        left[batch.environment] -= len(batch)
                        if not left[batch.environment]:
                            finished(batch.environment)
            except BaseException:
                self.stopped.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _run_all(
        self, environment: ProvisionedEnvironment, jobs: Sequence[Job], record: Record
    ) -> None:
        rest, reason = self.run_batch(environment, jobs, record)
        for job in rest:
            record(job, harness_error(reason))

    def run_batch(
        self, environment: ProvisionedEnvironment, jobs: Sequence[Job], record: Record
    ) -> tuple[list[Job], str]:
        """Run one environment's jobs, handing the rest of a dead probe's jobs to a fresh one.

        Returns the jobs that no probe here takes, and why; none if it was stopped.
        """
        left = {job.id: job for job in jobs}
        fruitless = 0
        while left and not self.stopped.is_set():
            folder = self._make_folder()
            try:
                before = len(left)
                ended = self._run_probe(folder, environment, left, record)
            except ProvisionError as error:
                return list(left.values()), str(error)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            fruitless = fruitless + 1 if len(left) == before else 0
            if left and not self.stopped.is_set() and fruitless == FRUITLESS_PROBES:
                return list(left.values()), f"the probe does not work: {ended}"
        return [], ""

    def _make_folder(self) -> Path:
        if self.scratch is not None:
            # A job may have removed it.
            self.scratch.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="batch-", dir=self.scratch))

    def _run_probe(
        self,
        folder: Path,
        environment: ProvisionedEnvironment,
        left: dict[str, Job],
        record: Record,
    ) -> str:
        """Run one probe; take every job it finished out of `left`; say how it ended."""
        # Whether a fork works was tried when the environment was built.
        known = self.start_method == "auto" and environment.fork
        content = contract.batch(
            environment.environment,
            list(left.values()),
            self.limits,
            "fork" if known else self.start_method,
        )
        (folder / "batch.json").write_text(json.dumps(content), encoding="utf-8")
        slowest = max(float(job.payload["timeout_s"]) for job in left.values())
        # Open before the probe is: it takes the file's name away, so that no job finds it.
        with (folder / "observations.jsonl").open("xb+") as written:
            lines = _Lines(written)
            probe = self.executor.start(folder, environment)
            in_flight: Job | None = None
            try:
                for line in _follow(lines, probe, self.stopped, slowest + SILENCE_S):
                    if line["type"] == "header":
                        _note_seconds(line, "import_s", self.imports_s)
                    elif line["type"] == "footer":
                        _note_seconds(line, "starts_s", self.starts_s)
                    elif line["type"] == "start":
                        in_flight = left.get(line.get("id", ""))
                    elif line["type"] == "observation":
                        # One that is not of the job in flight is nobody's.
                        if in_flight is None or line.get("id") != in_flight.id:
                            lines.ignored += 1
                            continue
                        record(left.pop(in_flight.id), self._observation(in_flight, line))
                        in_flight = None
            except BaseException:
                # A probe whose results cannot be recorded must not go on measuring.
                probe.kill()
                raise
        ended = _describe_end(probe.poll(), folder / "probe.log") + lines.note
        if in_flight is not None and not self.stopped.is_set():
            left.pop(in_flight.id)
            record(in_flight, harness_error(f"the probe itself ended in this job: {ended}"))
        return ended

    def _observation(self, job: Job, line: Mapping[str, Any]) -> Observation:
        data = {key: value for key, value in line.items() if key not in ("type", "id", "kind")}
        data["isolation"] = self.executor.isolation
        try:
            contract.check_observation(job.kind, data)
        except ValueError as error:
            return harness_error(f"the probe's record of this job has another shape: {error}")
        return Observation(data=data)


def _note_seconds(line: Mapping[str, Any], name: str, noted: list[float]) -> None:
    seconds = line.get(name)
    if isinstance(seconds, int | float):
        noted.append(float(seconds))


def _follow(
    lines: _Lines, probe: Probe, stopped: threading.Event, silence_s: float
) -> Iterator[dict[str, Any]]:
    """Yield the probe's records as they appear, until it ends, falls silent or is stopped."""
    heard = time.monotonic()
    while True:
        ended = probe.poll() is not None
        read = False
        for line in lines.new():
            read = True
            try:
                record = contract.read_record(line)
            except ValueError:
                lines.ignored += 1
                continue
            heard = time.monotonic()
            yield record
        if ended:
            return
        if stopped.is_set() or time.monotonic() - heard > silence_s:
            probe.kill()
        elif not read:
            time.sleep(POLL_S)


@dataclass(slots=True)
class _Lines:
    """The lines of a file that is being written."""

    file: IO[bytes]
    ignored: int = 0
    """How many lines were no record, or one of no job that was at work."""
    _rest: bytes = b""

    @property
    def note(self) -> str:
        """The number of ignored lines in words, to be added to the probe's end."""
        return f"; {self.ignored} lines it wrote were ignored" if self.ignored else ""

    def new(self) -> Iterator[bytes]:
        """Give the lines that were completed since the last time.

        Of an endless line nothing is kept but its end, which is no record.
        """
        while piece := self.file.read(PIECE_BYTES):
            *complete, self._rest = (self._rest + piece).split(b"\n")
            yield from complete
            self._rest = self._rest[-LINE_BYTES:]


def hold_against_files(artifacts: Artifacts, job: Job, observation: Observation) -> Observation:
    """Return the observation, or a harness error if what the job read is not what was saved.

    Whatever damaged it, another job included, the observation says nothing of a model.
    """
    if job.kind == Kind.SAVE or observation.status == "harness_error":
        return observation
    for name in ("artifact", "sibling"):
        folder = job.payload.get(name)
        damage = artifacts.damage(Path(folder)) if folder else ""
        if damage:
            return harness_error(f"{folder} was damaged while it was read: {damage}")
    return observation


def require_room(folder: Path, observation: Observation) -> None:
    """Return unless the disk is full: observations then say nothing of a model.

    Raises:
        StoreError: it is.
    """
    require_space(folder, RESERVE_MB)
    if observation.status != "done":
        said = (observation.message, str(observation.data.get("traceback") or ""))
        require_space_for(folder, said)


def harness_error(message: str) -> Observation:
    """Return the observation of a job that we, not the model, failed."""
    return Observation(
        data={"status": "harness_error", "stage": "prepare", "message": message, "duration_s": 0.0}
    )


def _describe_end(code: int | None, log: Path) -> str:
    last = ""
    if log.exists():
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = lines[-1][:300] if lines else ""
    if code is not None and code < 0:
        return f"killed by {process.signal_name(-code)}"
    return f"exit code {code}" + (f", last words: {last}" if last else "")
