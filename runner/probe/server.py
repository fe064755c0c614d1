"""The probe's parent process: imports once, forks children, watches them, writes down.

It never makes a tensor, so that a fork finds no runtime initialised; it is single
threaded; and it alone writes the observations, so that a child's death loses one job.

A child runs a model's code and may say anything. So it is told one job at a time; what it
says is held against that job (see `answer`), and it goes on only if it said one thing and
left no process beside it. A job that is lost in a child that had others before it is tried
again in a fresh one, since the fault may be theirs.
"""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, Dict, List, Optional, Tuple

from runner.probe.answer import Malformed, read_answer, read_greeting
from runner.probe.child import (
    clean_text,
    read_output,
    redirect,
    run_chain,
    set_aside_what_is_there,
    signal_name,
    use_folders,
)
from runner.probe.identify import installed_distributions
from runner.probe.keras_api import KerasApi
from runner.probe.lifeline import (
    close_all,
    close_to_others,
    die_with_parent,
    end_orphans,
    has_company,
)

BATCH_SCHEMA = "batch/1"
OBSERVATIONS_SCHEMA = "observations/1"
STARTUP_S = 180.0
"""Until a child is ready: a fresh process imports the framework first."""
SELF_TEST_S = 60.0
POLL_S = 0.05
ENDING_S = 5.0
"""Until a child that has closed its pipe has ended: much memory takes time to give back."""
ANSWER_BYTES = 2**21
OUTPUT_BYTES = 2**26
"""What a job may have printed at once; beyond it only the newest is kept."""
KERNEL_KILLS = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
)
"""Where a control group (of either version) counts what it killed for want of memory."""

Job = Dict[str, Any]
Observation = Dict[str, Any]
Loss = Tuple[str, str]
"""Status and message of a job whose process cannot say them."""


class Child:
    """A child at work: its process, its pipes, its output, its folders."""

    def __init__(
        self, process_id: int, orders: int, answers: int, output: int, folder: str
    ) -> None:
        self.process_id = process_id
        self.orders = orders
        self.answers = answers
        self.output = output
        self.folder = folder
        self.ended = False
        self.buffer = b""
        self.started = time.time()
        self.peak_rss_mb = 0.0
        self.kernel_kills = kernel_kills()

    def begin(self) -> None:
        """Count time and memory anew, and forget what was printed."""
        self.started = time.time()
        self.peak_rss_mb = 0.0
        self.kernel_kills = kernel_kills()
        os.ftruncate(self.output, 0)

    def end(self) -> int:
        """Kill it, and return how it ended."""
        _kill(self.process_id)
        status = _reap(self.process_id)
        self.ended = True
        return status


class Server:
    """Runs a batch; `out` is the open observations file."""

    def __init__(self, batch: Dict[str, Any], out: IO[str]) -> None:
        self.batch = batch
        self.limits: Dict[str, int] = batch["limits"]
        self.out = out
        self.scratch = tempfile.mkdtemp(prefix="probe-")
        self.api: Optional[KerasApi] = None
        self.method: str = batch["start_method"]
        self.starts_s = 0.0
        self.finished_folder = ""
        """That of the job before, which is removed while the next one runs."""
        self.variables: Dict[str, str] = {}
        """Those of the child at work, beside our own."""

    def run(self) -> None:
        """Run every job of the batch; returns when each has an observation."""
        began = time.time()
        close_to_others()
        if self.method != "fresh":
            self.api = KerasApi(self.batch["framework"])
        if self.method == "auto":
            self.method = "fork" if self._self_test() else "spawn"
        if self.method == "fork":
            set_aside_what_is_there()
        self._write(
            {
                "type": "header",
                "schema": OBSERVATIONS_SCHEMA,
                "environment": self.batch["environment"],
                "framework": self.batch["framework"],
                "versions": installed_distributions(),
                "start_method": self.method,
                "import_s": round(time.time() - began, 3),
            }
        )
        done = 0
        for chain in chains(self.batch["jobs"], self.limits["chain_length"], self.method):
            done += self._run_chain(chain)
        self._write({"type": "footer", "jobs": done, "starts_s": round(self.starts_s, 3)})

    def _run_chain(self, chain: List[Job]) -> int:
        """Run a chain to its end, with a new child wherever one stopped."""
        left = list(chain)
        done = 0
        stillborn = 0
        while left:
            finished, otherwise = self._run_child(left)
            done += finished
            left = left[finished:]
            stillborn = 0 if finished else stillborn + 1
            if stillborn == 2:
                message = "two children ended before their first job: " + otherwise
                self._write(_harness_error(left[0], message))
                left = left[1:]
                done += 1
                stillborn = 0
        return done

    def _run_child(self, jobs: List[Job]) -> Tuple[int, str]:
        """Run jobs in one child; return how many got an observation, and why not one did."""
        began = time.time()
        # One chain has the same variables; they act when a process begins.
        self.variables = jobs[0].get("variables") or {}
        child = self._start()
        try:
            otherwise = self._greet(child)
            self.starts_s += time.time() - began
            if otherwise:
                return 0, otherwise
            for position, job in enumerate(jobs):
                if not self._run_job(child, job, position):
                    return position, ""
                if child.ended:
                    return position + 1, ""
            return len(jobs), ""
        finally:
            if not child.ended:
                child.end()
            close_all([child.orders, child.answers, child.output])
            end_orphans()
            self._remove_finished()
            remove_folder(child.folder)

    def _greet(self, child: Child) -> str:
        """Wait until a child is ready; return why it is not."""
        line, loss = self._hear(child, STARTUP_S)
        if loss is not None:
            words = read_output(child.output).strip().splitlines()
            return loss[1] + (", last words: " + words[-1][:300] if words else "")
        try:
            read_greeting(line)
        except Malformed as error:
            return str(error)
        return ""

    def _run_job(self, child: Child, job: Job, position: int) -> bool:
        """Run a job in a child and write its observation; False if it is to be tried again."""
        self._write({"type": "start", "id": job["id"]})
        child.begin()
        folder = self._make_folders(child)
        harmless = False
        try:
            self._order(child, {"job": job, "folder": folder})
            self._remove_finished()
            line, loss = self._hear(child, job["timeout_s"])
            observation: Optional[Observation] = None
            last = True
            if loss is None:
                try:
                    observation, last = read_answer(line, job)
                except Malformed as error:
                    message = "its process said what is no outcome of this job: {}"
                    loss = "harness_error", message.format(error)
            if not child.ended and (last or has_company(child.process_id)):
                child.end()
            if observation is None:
                if position and loss is not None and loss[0] != "timed_out":
                    return False
                observation = _lost(job, child, loss or ("harness_error", ""))
            observation["output"] = read_output(child.output)
            observation["position"] = position
            self._write_observation(observation)
            # What another left may be what the next has no room for.
            harmless = observation["status"] == "done"
        finally:
            self._remove_finished()
            self.finished_folder = folder
            if not harmless:
                self._remove_finished()
        return True

    def _remove_finished(self) -> None:
        if self.finished_folder:
            remove_folder(self.finished_folder)
            self.finished_folder = ""

    def _start(self) -> Child:
        folder = self._make_child_folder()
        output = _open_nameless(folder)
        listening, orders = os.pipe()
        answers, saying = os.pipe()
        ours = [orders, answers]
        sys.stdout.flush()
        sys.stderr.flush()
        if self.method == "fork" and not self.variables:
            parent = os.getpid()
            process_id = os.fork()
            if process_id == 0:
                self._become_child(parent, ours, (listening, saying, output), folder)
        else:
            process_id = self._spawn(listening, saying, output, folder)
        close_all([listening, saying])
        os.set_blocking(answers, False)
        os.set_blocking(orders, False)
        return Child(process_id, orders, answers, output, folder)

    def _become_child(
        self, parent: int, ours: List[int], theirs: Tuple[int, int, int], folder: str
    ) -> None:
        code = 1
        listening, saying, output = theirs
        try:
            os.setsid()
            die_with_parent(parent)
            redirect(output)
            # What is written here is the parent's matter alone.
            close_all(ours + [output, self.out.fileno()])
            use_folders(*child_folders(folder))
            assert self.api is not None
            run_chain(self.api, KerasApi, self.limits, listening, saying)
            code = 0
        except BaseException as error:  # nothing may return into the parent's code
            os.write(2, "child failed: {!r}\n".format(error).encode("utf-8", "replace"))
        finally:
            os._exit(code)

    def _spawn(self, listening: int, saying: int, output: int, folder: str) -> int:
        told = {"framework": self.batch["framework"], "limits": self.limits}
        arguments = [sys.executable, "-m", "runner.probe", "--chain", json.dumps(told)]
        arguments += ["--orders", str(listening), "--answers", str(saying)]
        home, temporary = child_folders(folder)
        process = subprocess.Popen(
            arguments,
            env=dict(os.environ, HOME=home, TMPDIR=temporary, **self.variables),
            pass_fds=(listening, saying),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        return process.pid

    def _make_child_folder(self) -> str:
        """Make the folder of a new child, wherever a job has left us room."""
        try:
            os.makedirs(self.scratch, exist_ok=True)
            folder = tempfile.mkdtemp(prefix="child-", dir=self.scratch)
        except OSError:
            self.scratch = tempfile.mkdtemp(prefix="probe-", dir=_any_folder(self.scratch))
            folder = tempfile.mkdtemp(prefix="child-", dir=self.scratch)
        for each in child_folders(folder):
            os.mkdir(each)
        return folder

    def _make_folders(self, child: Child) -> str:
        """Make an empty folder for a job, and again what those before it removed."""
        try:
            for each in child_folders(child.folder):
                os.makedirs(each, exist_ok=True)
            return tempfile.mkdtemp(prefix="job-", dir=child.folder)
        except OSError:
            # Something that is no folder lies in its place: this job need not find it there.
            return tempfile.mkdtemp(prefix="job-", dir=_any_folder(self.scratch))

    def _order(self, child: Child, order: Dict[str, Any]) -> None:
        """Tell a child its next job; who does not listen will not answer either."""
        data = (json.dumps(order) + "\n").encode("utf-8")
        try:
            while data:
                data = data[os.write(child.orders, data) :]
        except (BlockingIOError, BrokenPipeError):
            pass

    def _hear(self, child: Child, limit_s: float) -> Tuple[bytes, Optional[Loss]]:
        """Return the one line that a child says, or how it was lost: then it has ended."""
        while True:
            ready, _, _ = select.select([child.answers], [], [], POLL_S)
            # A process the job left behind may hold the pipe open after the child's end.
            gone = not ready and _has_ended(child.process_id)
            closed = self._read(child)
            line, newline, rest = child.buffer.partition(b"\n")
            if len(line) > ANSWER_BYTES or rest:
                child.end()
                return b"", ("harness_error", "its process said more than one outcome of this job")
            if newline:
                child.buffer = b""
                return line, None
            if gone or closed:
                return b"", _describe_loss(child)
            loss = self._overstepped(child, limit_s)
            if loss:
                child.end()
                return b"", loss

    def _read(self, child: Child) -> bool:
        """Read what a child has said, no more than is allowed; return whether that is all."""
        while len(child.buffer) <= ANSWER_BYTES:
            try:
                data = os.read(child.answers, 1 << 20)
            except BlockingIOError:
                return False
            if not data:
                return True
            child.buffer += data
        return False

    def _overstepped(self, child: Child, limit_s: float) -> Optional[Loss]:
        """Return how the job in flight is lost if it is over a limit."""
        if os.fstat(child.output).st_size > OUTPUT_BYTES:
            os.ftruncate(child.output, 0)
        if time.time() - child.started > limit_s:
            return "timed_out", "no result within {:g} s".format(limit_s)
        rss_mb = resident_mb(child.process_id)
        child.peak_rss_mb = max(child.peak_rss_mb, rss_mb)
        if rss_mb > self.limits["memory_mb"]:
            return "out_of_memory", "resident memory over {} MB".format(self.limits["memory_mb"])
        return None

    def _write_observation(self, observation: Observation) -> None:
        method = "spawn" if self.method == "fork" and self.variables else self.method
        self._write(dict(observation, type="observation", start_method=method))

    def _write(self, record: Dict[str, Any]) -> None:
        self.out.write(json.dumps(record, sort_keys=True) + "\n")
        self.out.flush()

    def _self_test(self) -> bool:
        """Return whether a forked child can compute with the framework imported here."""
        if not hasattr(os, "fork"):
            return False
        parent = os.getpid()
        process_id = os.fork()
        if process_id == 0:
            code = 1
            try:
                die_with_parent(parent)
                silence = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silence, 1)
                os.dup2(silence, 2)
                assert self.api is not None
                keras = self.api.keras
                model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
                code = 0 if len(model.get_weights()) == 2 else 1
            finally:
                os._exit(code)
        deadline = time.time() + SELF_TEST_S
        while time.time() < deadline:
            found, status = os.waitpid(process_id, os.WNOHANG)
            if found:
                return status == 0
            time.sleep(0.01)
        _kill(process_id)
        _reap(process_id)
        return False


def chains(jobs: List[Job], length: int, method: str) -> List[List[Job]]:
    """Cut a batch's jobs into the lists that one child each may take, in order.

    Neighbours share a child if they name the same chain and neither is isolated.
    """
    if method == "fresh":
        return [[job] for job in jobs]
    found: List[List[Job]] = []
    for job in jobs:
        last = found[-1] if found else []
        joins = (
            last
            and not job["isolated"]
            and not last[-1]["isolated"]
            and last[-1]["chain"] == job["chain"]
            and len(last) < length
        )
        if joins:
            last.append(job)
        else:
            found.append([job])
    return found


def resident_mb(process_id: int) -> float:
    """Return the resident memory of a process in MB; 0 if it is gone."""
    try:
        with io.open("/proc/{}/statm".format(process_id)) as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):
        return 0.0


def _kill(process_id: int) -> None:
    for send, target in ((os.killpg, process_id), (os.kill, process_id)):
        try:
            send(target, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def _has_ended(process_id: int) -> bool:
    try:
        return os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _reap(process_id: int) -> int:
    try:
        return os.waitpid(process_id, 0)[1]
    except ChildProcessError:
        return 0


def kernel_kills() -> int:
    """Return how many processes of this control group the kernel killed for want of memory."""
    for path in KERNEL_KILLS:
        try:
            with io.open(path) as counters:
                fields = dict(line.split()[:2] for line in counters)
                return int(fields["oom_kill"])
        except (OSError, KeyError, ValueError):
            continue
    return 0


def _describe_loss(child: Child) -> Loss:
    """Return how a child that says nothing more was lost, once it has ended."""
    deadline = time.time() + ENDING_S
    while not _has_ended(child.process_id):
        if time.time() > deadline:
            child.end()
            return "harness_error", "its process went on, but closed the pipe it answers through"
        time.sleep(0.01)
    starved = kernel_kills() > child.kernel_kills
    return _death(child.end(), read_output(child.output), starved)


def _death(status: int, output: str, starved: bool = False) -> Loss:
    """Return the loss of a child that ended in the middle of a job.

    `starved` says that the kernel ran out of memory meanwhile.
    """
    if not os.WIFSIGNALED(status):
        code = os.WEXITSTATUS(status)
        return "crashed", "the process ended by itself with exit code {}".format(code)
    name = signal_name(os.WTERMSIG(status))
    if name == "SIGKILL" and starved:
        return "out_of_memory", "the kernel killed the process for want of memory"
    if name == "SIGABRT" and "bad_alloc" in output:
        return "out_of_memory", "an allocation was refused (std::bad_alloc)"
    return "crashed", "the process was ended by {}".format(name)


def _lost(job: Job, child: Child, loss: Loss) -> Observation:
    """Return the observation of a job whose child died or was killed."""
    return {
        "id": job["id"],
        "kind": job["kind"],
        "status": loss[0],
        "stage": "",
        "exception": "",
        "message": loss[1],
        "traceback": "",
        "warnings": [],
        "duration_s": round(time.time() - child.started, 3),
        "max_rss_mb": int(child.peak_rss_mb),
    }


def _harness_error(job: Job, message: str) -> Dict[str, Any]:
    return {
        "type": "observation",
        "id": job["id"],
        "kind": job["kind"],
        "status": "harness_error",
        "stage": "prepare",
        "exception": "",
        "message": clean_text(message),
        "traceback": "",
        "warnings": [],
        "output": "",
        "duration_s": 0.0,
        "max_rss_mb": 0,
        "start_method": "",
    }


def child_folders(folder: str) -> Tuple[str, str]:
    """Return the home and the folder of temporary files of the child at work in `folder`."""
    return os.path.join(folder, "home"), os.path.join(folder, "tmp")


def _any_folder(path: str) -> str:
    """Return the nearest folder above `path` that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _open_nameless(folder: str) -> int:
    """Open a new file that no path leads to; what is written goes to its end."""
    path = os.path.join(folder, "output")
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    os.remove(path)
    return opened


def remove_folder(path: str) -> None:
    """Remove what a job may have made of a folder, as far as this user may."""

    def give_back(function: Any, target: str, error: Any) -> None:
        try:
            if not os.path.islink(target):
                os.chmod(os.path.dirname(target), stat.S_IRWXU)
                os.chmod(target, stat.S_IRWXU)
            function(target)
        except OSError:
            pass

    shutil.rmtree(path, onerror=give_back)
    try:
        os.remove(path)
    except OSError:
        pass
