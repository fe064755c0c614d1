"""The probe's parent process: imports once, forks children, watches them, writes down.

It never makes a tensor, so that a fork finds no runtime initialised; it is single
threaded; and it alone writes the observations, so that a child's death loses one job.
"""

import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

from runner.probe.child import clean_text, read_output, run_chain, signal_name
from runner.probe.identify import installed_distributions
from runner.probe.keras_api import KerasApi
from runner.probe.lifeline import die_with_parent, end_orphans

BATCH_SCHEMA = "batch/1"
OBSERVATIONS_SCHEMA = "observations/1"
STARTUP_S = 180.0
"""Until a child's first job starts: a fresh process imports the framework first."""
SELF_TEST_S = 60.0
POLL_S = 0.05
KERNEL_KILLS = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
)
"""Where a control group (of either version) counts what it killed for want of memory."""


class Watch:
    """One child at work: its process, its pipe, and the job in flight."""

    def __init__(self, process_id, pipe, output_path):
        self.process_id = process_id
        self.pipe = pipe
        self.output_path = output_path
        self.job = None
        self.started = time.time()
        self.peak_rss_mb = 0.0
        self.kernel_kills = kernel_kills()
        self.buffer = b""


class Server:
    """Runs a batch; `out` is the open observations file."""

    def __init__(self, batch, out):
        self.batch = batch
        self.limits = batch["limits"]
        self.out = out
        self.scratch = tempfile.mkdtemp(prefix="probe-")
        self.api = None
        self.method = batch["start_method"]

    def run(self):
        """Run every job of the batch; returns when each has an observation."""
        began = time.time()
        if self.method != "fresh":
            self.api = KerasApi(self.batch["framework"])
        if self.method == "auto":
            self.method = "fork" if self._self_test() else "spawn"
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
        self._write({"type": "footer", "jobs": done})

    def _run_chain(self, chain):
        """Run a chain to its end, with a new child wherever one stopped."""
        left = list(chain)
        done = 0
        stillborn = 0
        while left:
            finished = self._run_child(left)
            done += finished
            left = left[finished:]
            stillborn = 0 if finished else stillborn + 1
            if stillborn == 2:
                self._write(_harness_error(left[0], "two children ended before their first job"))
                left = left[1:]
                done += 1
                stillborn = 0
        return done

    def _run_child(self, jobs):
        """Start a child on `jobs` and watch it; return how many got an observation."""
        watch = self._start(jobs)
        by_id = {job["id"]: job for job in jobs}
        done = 0
        try:
            while True:
                ended, messages = self._listen(watch)
                for message in messages:
                    if "start" in message:
                        watch.job = by_id[message["start"]]
                        watch.started = time.time()
                        watch.peak_rss_mb = 0.0
                        self._write({"type": "start", "id": watch.job["id"]})
                    else:
                        self._write_observation(message["observation"])
                        watch.job = None
                        watch.started = time.time()
                        done += 1
                verdict = None if ended else self._overstepped(watch)
                if verdict:
                    _kill(watch.process_id)
                    _reap(watch.process_id)
                    self._write_lost(watch, *verdict)
                    return done + (1 if watch.job else 0)
                if ended:
                    status = _reap(watch.process_id)
                    _kill(watch.process_id)
                    if watch.job is None:
                        return done
                    starved = kernel_kills() > watch.kernel_kills
                    self._write_lost(watch, *_death(status, watch.output_path, starved))
                    return done + 1
        finally:
            os.close(watch.pipe)
            end_orphans()

    def _start(self, jobs):
        reading, writing = os.pipe()
        output_path = os.path.join(self.scratch, "output")
        io.open(output_path, "w").close()
        sys.stdout.flush()
        sys.stderr.flush()
        if self.method == "fork":
            parent = os.getpid()
            process_id = os.fork()
            if process_id == 0:
                os.close(reading)
                self._become_child(parent, jobs, writing, output_path)
        else:
            process_id = self._spawn(jobs, writing, output_path)
        os.close(writing)
        os.set_blocking(reading, False)
        return Watch(process_id, reading, output_path)

    def _become_child(self, parent, jobs, writing, output_path):
        code = 1
        try:
            os.setsid()
            die_with_parent(parent)
            os.chdir(self.scratch)
            tempfile.tempdir = self.scratch
            run_chain(self.api, KerasApi, jobs, self.limits, writing, output_path)
            code = 0
        except BaseException as error:  # nothing may return into the parent's code
            with io.open(output_path, "a") as out:
                out.write("child failed: {!r}\n".format(error))
        finally:
            os._exit(code)

    def _spawn(self, jobs, writing, output_path):
        path = os.path.join(self.scratch, "chain.json")
        with io.open(path, "w", encoding="utf-8") as out:
            out.write(
                json.dumps(
                    {
                        "framework": self.batch["framework"],
                        "jobs": jobs,
                        "limits": self.limits,
                        "output": output_path,
                        "scratch": self.scratch,
                    }
                )
            )
        arguments = [sys.executable, "-m", "runner.probe", "--chain", path, "--pipe", str(writing)]
        process = subprocess.Popen(
            arguments, pass_fds=(writing,), stdin=subprocess.DEVNULL, start_new_session=True
        )
        return process.pid

    def _listen(self, watch):
        """Return (whether the child ended, complete messages)."""
        ready, _, _ = select.select([watch.pipe], [], [], POLL_S)
        if not ready:
            # A process the job left behind may hold the pipe open after the child's end.
            return _has_ended(watch.process_id), []
        data = os.read(watch.pipe, 1 << 20)
        watch.buffer += data
        lines = watch.buffer.split(b"\n")
        watch.buffer = lines.pop()
        return not data, [json.loads(line.decode("utf-8")) for line in lines]

    def _overstepped(self, watch):
        """Return (status, message) if the job in flight is over a limit."""
        limit = watch.job["timeout_s"] if watch.job else STARTUP_S
        elapsed = time.time() - watch.started
        if elapsed > limit:
            return "timed_out", "no result within {:g} s".format(limit)
        rss_mb = resident_mb(watch.process_id)
        watch.peak_rss_mb = max(watch.peak_rss_mb, rss_mb)
        if rss_mb > self.limits["memory_mb"]:
            return "out_of_memory", "resident memory over {} MB".format(self.limits["memory_mb"])
        return None

    def _write_lost(self, watch, status, message):
        """Write the observation of a job whose child died or was killed."""
        if watch.job is None:
            return
        self._write_observation(
            {
                "id": watch.job["id"],
                "kind": watch.job["kind"],
                "status": status,
                "stage": "",
                "exception": "",
                "message": message,
                "traceback": "",
                "warnings": [],
                "output": read_output(watch.output_path),
                "duration_s": round(time.time() - watch.started, 3),
                "max_rss_mb": int(watch.peak_rss_mb),
            }
        )

    def _write_observation(self, observation):
        self._write(dict(observation, type="observation", start_method=self.method))

    def _write(self, record):
        self.out.write(json.dumps(record, sort_keys=True) + "\n")
        self.out.flush()

    def _self_test(self):
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


def chains(jobs, length, method):
    """Cut a batch's jobs into the lists that one child each may take, in order.

    Neighbours share a child if they name the same chain and neither is isolated.
    """
    if method == "fresh":
        return [[job] for job in jobs]
    found = []
    for job in jobs:
        last = found[-1] if found else None
        joins = (
            last is not None
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


def resident_mb(process_id):
    """Return the resident memory of a process in MB; 0 if it is gone."""
    try:
        with io.open("/proc/{}/statm".format(process_id)) as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):
        return 0.0


def _kill(process_id):
    for send, target in ((os.killpg, process_id), (os.kill, process_id)):
        try:
            send(target, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def _has_ended(process_id):
    try:
        return os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _reap(process_id):
    try:
        return os.waitpid(process_id, 0)[1]
    except ChildProcessError:
        return 0


def kernel_kills():
    """Return how many processes of this control group the kernel killed for want of memory."""
    for path in KERNEL_KILLS:
        try:
            with io.open(path) as counters:
                fields = dict(line.split()[:2] for line in counters)
                return int(fields["oom_kill"])
        except (OSError, KeyError, ValueError):
            continue
    return 0


def _death(status, output_path, starved=False):
    """Return (status, message) of a child that ended in the middle of a job.

    `starved` says that the kernel ran out of memory meanwhile.
    """
    if not os.WIFSIGNALED(status):
        code = os.WEXITSTATUS(status)
        return "crashed", "the process ended by itself with exit code {}".format(code)
    name = signal_name(os.WTERMSIG(status))
    output = read_output(output_path)
    if name == "SIGKILL" and starved:
        return "out_of_memory", "the kernel killed the process for want of memory"
    if name == "SIGABRT" and "bad_alloc" in output:
        return "out_of_memory", "an allocation was refused (std::bad_alloc)"
    return "crashed", "the process was ended by {}".format(name)


def _harness_error(job, message):
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
