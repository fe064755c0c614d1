"""Workers of a Dask cluster as processes, whose probes are stubs that speak the protocol.

It is preloaded by each worker, where it registers the place `stub`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runner.domain import ProvisionedEnvironment
from runner.executors import registry
from runner.executors.batches import ProbeCrew
from runner.executors.interface import Settings
from runner.executors.local.processes import _LocalProbe
from runner.executors.registry import ExecutorRow
from runner.host import process

ROW = ExecutorRow(name="stub", summary="stubs", contained=False, module="dask_fakes")
LOCK = "0" * 64
REPOSITORY = Path(__file__).resolve().parents[2]
PROBE = """
import json, os, signal, sys, time
folder = sys.argv[1]
batch = json.load(open(os.path.join(folder, "batch.json")))
out = open(os.path.join(folder, "observations.jsonl"), "a")

def write(record):
    out.write(json.dumps(record) + chr(10))
    out.flush()

write({"type": "header", "schema": "observations/1", "import_s": 0.1})
for job in batch["jobs"]:
    write({"type": "start", "id": job["id"]})
    if job.get("poison"):
        os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(job.get("seconds", 0.002))
    write({"type": "observation", "id": job["id"], "kind": job["kind"], "status": "done",
           "stage": "", "duration_s": 0.002, "message": job.get("artifact", ""),
           "aspects": {"outputs": {"status": "agrees"}}})
write({"type": "footer", "jobs": len(batch["jobs"])})
"""


class StubExecutor:
    isolation = "none"

    def start(self, folder, environment):
        path = folder / "probe.py"
        path.write_text(PROBE, encoding="utf-8")
        with (folder / "probe.log").open("ab") as log:
            child = process.start(
                [sys.executable, "-I", "-S", str(path), str(folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return _LocalProbe(child)

    def close(self):
        pass


@dataclass(frozen=True)
class StubPlace:
    """Environments that are this Python."""

    def provision(self, environment):
        return ProvisionedEnvironment(
            environment=environment,
            executable=sys.executable,
            lock_digest=LOCK,
            python_version="3.11.0",
            resolved={},
            import_s=0.1,
            fork=True,
        )

    def lock_digest(self, environment):
        return LOCK

    def builders(self, workers):
        return 1

    def crew(self, settings: Settings) -> ProbeCrew:
        return ProbeCrew.of(StubExecutor(), settings)

    def abandon(self):
        pass


@contextmanager
def open_place(request, warn) -> Iterator[StubPlace]:
    yield StubPlace()


def dask_setup(_worker) -> None:
    """Called by a worker that preloads this module."""
    registry.EXECUTORS = (*registry.EXECUTORS, ROW)


@dataclass
class Processes:
    """A scheduler and workers, each a process of its own."""

    folder: Path
    root: Path
    started: list[subprocess.Popen] = field(default_factory=list)
    port: str = "0"

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        import json

        return json.loads(self.file.read_text(encoding="utf-8"))["address"]

    def scheduler(self) -> subprocess.Popen:
        self.file.unlink(missing_ok=True)
        more = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(self.file))
        child = self._start("scheduler", "--port", self.port, *more)
        until = time.monotonic() + 60
        while not (self.file.exists() and self.file.stat().st_size):
            assert time.monotonic() < until, "no scheduler"
            time.sleep(0.05)
        self.port = self.address.rpartition(":")[2]
        return child

    def worker(self, name: str, *more: str, root: Path | None = None, store: Path | None = None):
        return self._start(
            "worker",
            *("--scheduler-file", str(self.file), "--name", name, "--nthreads", "1"),
            *("--no-nanny", "--no-dashboard", "--preload", "dask_fakes"),
            *(more or ("--memory-limit", "0")),
            *("--local-directory", str(self.folder / f"scratch-{name}")),
            DASK_KERAS_MATRIX__ROOT=str(root or self.root),
            DASK_KERAS_MATRIX__STORE=str(store or self.folder / f"store-{name}"),
        )

    def _start(self, what: str, *arguments: str, **variables: str) -> subprocess.Popen:
        path = os.pathsep.join((str(REPOSITORY), str(Path(__file__).parent)))
        with (self.folder / f"{what}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments],
                env={**os.environ, "PYTHONPATH": path, **variables},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started.append(child)
        return child

    def end(self) -> None:
        for child in self.started:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.kill()
            child.wait()
