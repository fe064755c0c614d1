"""The process that takes a chain of jobs, forked from the probe or started fresh.

The probe hands it one job at a time over a pipe, and it says over another what it found,
one JSON object a line. What the job prints goes to a file that the probe holds open, and
that no path leads to. The model's code runs in here and may reach all of it: see `answer`.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from typing import Any, Callable, Dict, List, Optional

from runner.probe import clock
from runner.probe.answer import (
    EXCEPTION_CHARACTERS,
    MESSAGE_CHARACTERS,
    TRACEBACK_CHARACTERS,
    WARNING_CHARACTERS,
    WARNINGS,
    clean_characters,
)
from runner.probe.jobs import Stopped, Workshop, run_job
from runner.probe.keras_api import KerasApi
from runner.probe.lifeline import give_up_privileges

OUTPUT_CHARACTERS = 6000
OUTPUT_BYTES = 2**18
"""How much of the output's end is read: cleaning makes it shorter."""
ADDRESS_SPACE_SLACK_MB = 2048
"""Address space beyond the memory limit: arenas and thread stacks reserve, but do not use."""
IDLE_FOLDER = "/"
"""Where the process is between two jobs: a folder that no job can remove."""

Job = Dict[str, Any]
Observation = Dict[str, Any]


def run_chain(
    api: KerasApi,
    make_api: Callable[[str], KerasApi],
    limits: Dict[str, int],
    orders: int,
    answers: int,
) -> None:
    """Run jobs until there are no more, or one left something behind.

    `orders` and `answers` are file descriptors: to read jobs from, to say what was found.
    """
    _confine(limits)
    give_up_privileges()
    os.chdir(IDLE_FOLDER)
    os.set_inheritable(orders, False)
    os.set_inheritable(answers, False)
    # A model file can make a reader import a scenario before the job executes one.
    os.environ["MATRIX_FRAMEWORK"] = api.name
    workshop = Workshop(api, make_api)
    set_aside_what_is_there()
    _tell(answers, {"ready": True})
    while True:
        order = _next_order(orders)
        if order is None:
            return
        job = order["job"]
        registered, running = _registry(api), set(threading.enumerate())
        observation = _observe(workshop, job, order["folder"])
        # A job that registers is expected only where its whole chain shares the registration.
        tainted = not job["chain"] and _registry(api) != registered
        busy = bool(set(threading.enumerate()) - running)
        last = tainted or busy or _rss_mb() > limits["chain_memory_mb"]
        _tell(answers, {"observation": observation, "last": last})
        if last:
            return


_set_aside: List[bool] = []
"""Whether it was done in this process, or in the one that it was forked from."""


def set_aside_what_is_there() -> None:
    """Have the collector leave alone what the framework allocated at import: it never dies.

    Done once, before a fork: to search it takes longer than most jobs.
    """
    if _set_aside:
        return
    _set_aside.append(True)
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()


def use_folders(home: str, temporary: str) -> None:
    """Have this process and its programs use these folders, and no other's."""
    os.environ["HOME"] = home
    os.environ["TMPDIR"] = temporary
    tempfile.tempdir = temporary


def redirect(output: int) -> None:
    """Read nothing, and print to the file descriptor `output`."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _confine(limits: Dict[str, int]) -> None:
    with io.open("/proc/self/statm") as statm:
        mapped_mb = int(statm.read().split()[0]) * resource.getpagesize() // 2**20
    ceiling = (mapped_mb + limits["memory_mb"] + ADDRESS_SPACE_SLACK_MB) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        # Where the machine or the container runs out of memory, this process is to go first.
        with io.open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        pass


def _registry(api: KerasApi) -> Any:
    return set(api.custom_objects())


def _next_order(orders: int) -> Optional[Dict[str, Any]]:
    """Wait for the next job; None when there is none, or the probe is gone."""
    data = b""
    while not data.endswith(b"\n"):
        piece = os.read(orders, 1 << 16)
        if not piece:
            return None
        data += piece
    order: Dict[str, Any] = json.loads(data.decode("utf-8"))
    return order


def _tell(answers: int, message: Dict[str, Any]) -> None:
    data = (json.dumps(message) + "\n").encode("utf-8")
    while data:
        data = data[os.write(answers, data) :]


def _observe(workshop: Workshop, job: Job, folder: str) -> Observation:
    started = time.time()
    clock.begin()
    observation: Observation = {"id": job["id"], "kind": job["kind"]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        os.chdir(folder)
        try:
            observation.update(run_job(workshop, job, folder), status="done", stage="")
        except Stopped as stop:
            observation.update(
                describe_error(stop.error, folder), status="raised", stage=stop.stage
            )
        except Exception as error:  # our own fault, and said to be so
            observation.update(
                describe_error(error, folder), status="harness_error", stage="compare"
            )
        finally:
            os.chdir(IDLE_FOLDER)
    sys.stdout.flush()
    sys.stderr.flush()
    observation["duration_s"] = round(time.time() - started, 4)
    observation["parts_s"] = clock.spent()
    observation["max_rss_mb"] = int(_rss_mb())
    observation["warnings"] = describe_warnings(caught)
    if _means_out_of_memory(observation):
        observation["status"] = "out_of_memory"
    return observation


def _means_out_of_memory(observation: Observation) -> bool:
    return observation["status"] == "raised" and (
        observation["exception"].rpartition(".")[2] in ("MemoryError", "ResourceExhaustedError")
        or "std::bad_alloc" in observation["message"]
    )


def describe_error(error: BaseException, folder: str = "") -> Dict[str, str]:
    """Return exception, message and traceback of an error, without paths of this machine."""
    kind = type(error)
    name = kind.__name__
    if kind.__module__ not in ("builtins", "__main__"):
        name = "{}.{}".format(kind.__module__, name)
    lines = _plain_traceback(error)
    return {
        "exception": name[:EXCEPTION_CHARACTERS],
        "message": clean_text(_message(error), folder)[:MESSAGE_CHARACTERS],
        "traceback": clean_text("".join(lines), folder)[-TRACEBACK_CHARACTERS:],
    }


def _plain_traceback(error: BaseException) -> List[str]:
    """Return what Python would print of an error, without marks under the lines.

    To work out where the marks go takes Python 3.11 and later as long as some files take to load.
    """
    found = traceback.TracebackException(type(error), error, error.__traceback__)
    waiting = [found]
    while waiting:
        each = waiting.pop()
        for frame in each.stack:
            if hasattr(frame, "colno"):
                frame.colno = frame.end_colno = None
        linked = [each.__cause__, each.__context__] + list(getattr(each, "exceptions", None) or ())
        waiting += [other for other in linked if other is not None]
    return list(found.format())


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as fault:  # an exception of the model's own making may do anything
        return "(the exception's own text raised {})".format(type(fault).__name__)


def describe_warnings(caught: Any) -> List[str]:
    """Return each distinct warning once, as `Category: message`."""
    found: List[str] = []
    for warning in caught:
        text = "{}: {}".format(warning.category.__name__, warning.message)
        text = clean_text(text)[:WARNING_CHARACTERS]
        if text not in found:
            found.append(text)
    return found[:WARNINGS]


def read_output(output: int) -> str:
    """Return the end of what a job printed to the file open as `output`."""
    end = os.fstat(output).st_size
    data = os.pread(output, OUTPUT_BYTES, max(0, end - OUTPUT_BYTES))
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return clean_text(clean_characters(text))[-OUTPUT_CHARACTERS:]


def clean_text(text: str, folder: str = "") -> str:
    """Take out what differs between machines and runs: paths, addresses, times."""
    if folder:
        text = text.replace(folder + os.sep, "").replace(folder, ".")
    text = re.sub(r"/[^\s\"']*/(site-packages|lib/python3\.\d+)/", r"\1/", text)
    text = re.sub(r"/[^\s\"']*/(scenarios|runner)/", r"\1/", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x...", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: ", "", text)
    text = re.sub(r"time = \w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}\n?", "time = ...", text)
    return re.sub(r"[IWEF]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ ", "", text)


def _rss_mb() -> float:
    with io.open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def signal_name(number: int) -> str:
    """Return `SIGSEGV` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal {}".format(number)
