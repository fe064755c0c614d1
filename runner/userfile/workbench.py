"""The workbench: one environment's probe in a sandbox, which takes jobs one at a time.

Input: an open sandbox with its exchange folder, a built environment, orders. Output: what was
observed of each, and the files it handed over. The framework is imported once; each job runs in a
process of its own, and nothing that it says is trusted to be more than text and numbers.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from runner.domain import ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.sandbox import Exchange, Pipe, Sandbox
from runner.executors.sandbox.interface import SandboxLimits

SCHEMA = "fileprobe/1"
STARTUP_S = 300.0
SILENCE_S = 60.0
"""Beyond a job's own time limit."""
WAIT_S = 0.5
LINE_BYTES = 2**24
REPORT_BYTES = 2**26
NAME_CHARACTERS = 200
NAME_PARTS = 12


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one job."""

    id: str
    status: str
    """As in `runner.domain.Status`, or `over_limit`: too many processes, or too much disk space."""
    stage: str = ""
    exception: str = ""
    message: str = ""
    traceback: str = ""
    output: str = ""
    warnings: list[str] = []
    facts: dict[str, Any] = {}
    duration_s: float = 0.0
    max_rss_mb: float = 0.0
    start_method: str = ""
    folder: str = ""
    """Holds the files that the job handed over."""
    refused: tuple[str, ...] = ()
    """Files that were too large to be handed over."""

    @property
    def done(self) -> bool:
        """Whether the job did all it was to do."""
        return self.status == "done"

    @property
    def code_refused(self) -> bool:
        """Whether the file holds bytecode that was not allowed to run."""
        return self.exception.endswith("CodeRefused")

    def report(self) -> dict[str, Any]:
        """Return the report that the job left; empty if it left none that can be read."""
        path = Path(self.folder, "report.json")
        try:
            if path.stat().st_size > REPORT_BYTES:
                return {}
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class ProbeLost(Exception):
    """The probe itself ended, or says what no probe says: our fault, not the file's."""


@dataclass(slots=True)
class Workbench:
    """An environment's probe at work; its jobs are started by the thread that opened it."""

    environment: ProvisionedEnvironment
    pipe: Pipe
    folder: Path
    """Of what jobs hand over: a folder each."""
    log: Path
    versions: Mapping[str, str] = field(default_factory=dict)
    import_s: float = 0.0
    _rest: bytearray = field(default_factory=bytearray)
    _jobs: int = 0

    def run(self, order: msgspec.Struct) -> Observed:
        """Run one job to its end. A fault of this tool is a `harness_error`, never an exception."""
        job = msgspec.to_builtins(order)
        into = self.folder / f"job-{self._jobs}"
        self._jobs += 1
        into.mkdir(parents=True)
        try:
            self.pipe.send(json.dumps(job).encode("utf-8") + b"\n")
            return self._follow(job, into)
        except (ProbeLost, OSError, ValueError) as error:
            self.pipe.kill()
            said = f"{error}{last_words(self.log)}"
            return Observed(id=job["id"], status="harness_error", message=said, folder=str(into))

    def greet(self) -> None:
        """Wait until the framework is imported.

        Raises:
            ProvisionError: it is not.
        """
        name = self.environment.environment.id
        try:
            header = self._record(time.monotonic() + STARTUP_S)
            if header.get("type") != "header" or header.get("schema") != SCHEMA:
                raise ProbeLost("its first words are no header")  # noqa: TRY301 - told below
            self.versions = {str(k): str(v) for k, v in dict(header["versions"]).items()}
            self.import_s = float(header["import_s"])
        except (ProbeLost, OSError, ValueError, KeyError, TypeError) as error:
            self.pipe.kill()
            raise ProvisionError(
                f"{name}: its probe did not start in the sandbox: {error}{last_words(self.log)}",
                cause="the sandbox does not show something that this environment needs",
                next_step="see whether it works without a sandbox: nox -s envs -- --build",
            ) from error

    def _follow(self, job: Mapping[str, Any], into: Path) -> Observed:
        """Read records until the job is over."""
        found: Observed | None = None
        refused: list[str] = []
        while True:
            # A second attempt of a child that did not start is the probe's own affair.
            record = self._record(time.monotonic() + float(job["timeout_s"]) + SILENCE_S)
            kind = record["type"]
            if kind == "observation" and record.get("id") == job["id"]:
                found = _observed(record, into)
            elif kind == "file":
                self._take_file(record, into)
            elif kind == "refused":
                refused.append(str(record.get("name"))[:NAME_CHARACTERS])
            elif kind == "end":
                break
        if found is None:
            raise ProbeLost("a job ended without an observation")
        return msgspec.structs.replace(found, refused=tuple(refused))

    def _take_file(self, record: Mapping[str, Any], into: Path) -> None:
        """Write the file that follows on the stream, inside `into` whatever its name says."""
        parts = PurePosixPath(str(record["name"])).parts
        usable = 0 < len(parts) <= NAME_PARTS and not any(
            part in {"..", "/"} or len(part) > NAME_CHARACTERS for part in parts
        )
        if not usable:
            raise ProbeLost("it hands over a file of no usable name")
        path = into.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        left = int(record["size"])
        with path.open("xb") as out:
            while left:
                if not self._rest:
                    self._read(time.monotonic() + SILENCE_S)
                piece = self._rest[:left]
                del self._rest[:left]
                out.write(piece)
                left -= len(piece)

    def _record(self, deadline: float) -> dict[str, Any]:
        """Return the next record."""
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > LINE_BYTES:
                raise ProbeLost("it says an endless line")
            self._read(deadline)
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        try:
            record = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ProbeLost("what it says is no record") from error
        if not isinstance(record, dict) or not isinstance(record.get("type"), str):
            raise ProbeLost("what it says is no record")
        return record

    def _read(self, deadline: float) -> None:
        """Read what there is, waiting for it until the deadline."""
        while True:
            data = self.pipe.receive(WAIT_S)
            if data:
                self._rest += data
                return
            if data is not None:
                raise ProbeLost(f"it ended, exit code {self.pipe.poll()}")
            if time.monotonic() > deadline:
                raise ProbeLost("it says nothing any more")


def _observed(record: Mapping[str, Any], into: Path) -> Observed:
    known = {name: record[name] for name in Observed.__struct_fields__ if name in record}
    try:
        found = msgspec.convert({**known, "folder": str(into), "refused": ()}, Observed)
    except msgspec.ValidationError as error:
        raise ProbeLost(f"its record of this job has another shape: {error}") from error
    if not math.isfinite(found.duration_s):
        raise ProbeLost("a duration is not finite")
    return found


def last_words(log: Path) -> str:
    """Return the last line of a probe's log, to be added to a message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f"; last words: {lines[-1][:300]}" if lines else ""


@contextmanager
def open_workbench(
    sandbox: Sandbox,
    exchange: Exchange,
    environment: ProvisionedEnvironment,
    folder: Path,
    *,
    limits: SandboxLimits | None = None,
) -> Iterator[Workbench]:
    """Start the probe of an environment in the sandbox, and end it with this context.

    `folder` gets its log and what jobs hand over; it stays. The thread that opens it must stay
    until it is closed: the kernel ends the sandbox with that thread.

    Raises:
        ProvisionError: the environment cannot be started; others may.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "probe.log"
    told = (limits or SandboxLimits()).told(environment.environment)
    pipe = sandbox.start(environment, exchange, told, log)
    try:
        bench = Workbench(environment, pipe, folder, log)
        bench.greet()
        yield bench
    finally:
        with contextlib.suppress(OSError):
            pipe.kill()
