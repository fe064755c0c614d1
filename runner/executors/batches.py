"""Stages 4 and 5: jobs -> observations, by probes inside the environments.

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import contract
from runner.contract import Job
from runner.domain import Observation, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Limits
from runner.executors.interface import Executor, Probe
from runner.host import process

POLL_S = 0.1
SILENCE_S = 240.0
"""Beyond a job's own time limit: a probe that says nothing for so long is itself stuck."""
FRUITLESS_PROBES = 2
"""Probes in a row that die without a result before the rest is given up."""

Record = Callable[[Job, Observation], None]
"""Called for every job with its observation, from several threads."""


@dataclass(kw_only=True, slots=True)
class Crew:
    """Runs batches side by side; `stop` ends every probe at once."""

    executor: Executor
    workers: int
    limits: Limits = field(default_factory=Limits)
    start_method: str = "auto"
    scratch: Path | None = None
    """Folder for the batches at work; the system's temporary folder if not given."""
    stopped: threading.Event = field(default_factory=threading.Event)
    imports_s: list[float] = field(default_factory=list)
    """What each probe started so far spent importing its framework, in seconds."""

    def run(
        self,
        batches: Mapping[str, Sequence[Job]],
        environments: Mapping[str, ProvisionedEnvironment],
        record: Record,
        finished: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Run each environment's jobs; returns when all have an observation.

        An interrupt ends the probes and is raised again: what was recorded stays.
        """
        # The longest first: it would otherwise be what everything waits for.
        order = sorted(batches, key=lambda name: -len(batches[name]))
        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            waiting: dict[Future[None], str] = {
                pool.submit(self._run_batch, environments[name], batches[name], record): name
                for name in order
                if batches[name]
            }
            try:
                while waiting:
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                        finished(waiting.pop(future))
            except BaseException:
                self.stopped.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _run_batch(
        self, environment: ProvisionedEnvironment, jobs: Sequence[Job], record: Record
    ) -> None:
        """Run one environment's jobs, handing what a dead probe left to a fresh one."""
        left = {job.id: job for job in jobs}
        fruitless = 0
        while left and not self.stopped.is_set():
            folder = Path(tempfile.mkdtemp(prefix="batch-", dir=self.scratch))
            try:
                before = len(left)
                ended = self._run_probe(folder, environment, left, record)
            except ProvisionError as error:
                for job in left.values():
                    record(job, harness_error(str(error)))
                return
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            if not left or self.stopped.is_set():
                return
            fruitless = fruitless + 1 if len(left) == before else 0
            if fruitless == FRUITLESS_PROBES:
                for job in left.values():
                    record(job, harness_error(f"the probe does not work: {ended}"))
                return

    def _run_probe(
        self,
        folder: Path,
        environment: ProvisionedEnvironment,
        left: dict[str, Job],
        record: Record,
    ) -> str:
        """Run one probe; take every job it finished out of `left`; say how it ended."""
        content = contract.batch(
            environment.environment, list(left.values()), self.limits, self.start_method
        )
        (folder / "batch.json").write_text(json.dumps(content), encoding="utf-8")
        slowest = max(float(job.payload["timeout_s"]) for job in left.values())
        probe = self.executor.start(folder, environment)
        in_flight = ""
        try:
            for line in _follow(folder, probe, self.stopped, slowest + SILENCE_S):
                if line["type"] == "header":
                    self.imports_s.append(float(line["import_s"]))
                elif line["type"] == "start":
                    in_flight = line["id"]
                elif line["type"] == "observation":
                    job = left.pop(line["id"], None)
                    if job is not None:
                        data = {**_stripped(line), "isolation": self.executor.isolation}
                        record(job, Observation(data=data))
                    in_flight = ""
        except BaseException:
            # What we failed to record must not go on being measured.
            probe.kill()
            raise
        ended = _describe_end(probe.poll(), folder / "probe.log")
        if in_flight and not self.stopped.is_set() and in_flight in left:
            lost = left.pop(in_flight)
            record(lost, harness_error(f"the probe itself ended in this job: {ended}"))
        return ended


def _follow(
    folder: Path, probe: Probe, stopped: threading.Event, silence_s: float
) -> Iterator[dict[str, Any]]:
    """Yield the probe's records as they appear, until it ends, falls silent or is stopped."""
    path = folder / "observations.jsonl"
    heard = time.monotonic()
    position = 0
    while True:
        ended = probe.poll() is not None
        lines, position = _read_on(path, position)
        for record in contract.read_records(iter(lines)):
            heard = time.monotonic()
            yield record
        if ended:
            return
        if stopped.is_set() or time.monotonic() - heard > silence_s:
            probe.kill()
        elif not lines:
            time.sleep(POLL_S)


def _read_on(path: Path, position: int) -> tuple[list[str], int]:
    """Return the complete lines after `position` and where they end."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            data = file.read()
    except FileNotFoundError:
        return [], position
    complete = data[: data.rfind(b"\n") + 1]
    lines = complete.decode("utf-8", "replace").splitlines(keepends=True)
    return [line if line.endswith("\n") else line + "\n" for line in lines], position + len(
        complete
    )


def _stripped(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("type", "id", "kind")}


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
