"""The process that takes a chain of jobs, forked from the probe or started fresh.

It tells the probe over a pipe what it starts and what it found, one JSON object a
line. What the job prints goes to a file the probe can read even if this process dies.
"""

import gc
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings

from runner.probe.jobs import Stopped, Workshop, run_job

TRACEBACK_CHARACTERS = 12000
MESSAGE_CHARACTERS = 4000
OUTPUT_CHARACTERS = 6000
ADDRESS_SPACE_SLACK_MB = 2048
"""Address space beyond the memory limit: arenas and thread stacks reserve, but do not use."""


def run_chain(api, make_api, jobs, limits, pipe, output_path):
    """Run jobs until the end, the memory limit or a job that left something behind.

    `pipe` is a file descriptor; `output_path` receives what the jobs print.
    """
    _confine(limits)
    _redirect(output_path)
    os.set_inheritable(pipe, False)
    # A model file can make a reader import a scenario before the job executes one.
    os.environ["MATRIX_FRAMEWORK"] = api.name
    workshop = Workshop(api, make_api)
    gc.collect()
    if hasattr(gc, "freeze"):
        # What the framework allocated at import never dies: spare every job the scan.
        gc.freeze()
    for position, job in enumerate(jobs):
        _tell(pipe, {"start": job["id"]})
        registered = _registry(api)
        observation = _observe(workshop, job, output_path)
        observation["position"] = position
        _tell(pipe, {"observation": observation})
        # A job that registers is expected only where its whole chain shares the registration.
        tainted = not job["chain"] and _registry(api) != registered
        if tainted or _rss_mb() > limits["chain_memory_mb"]:
            break


def _confine(limits):
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


def _redirect(output_path):
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    output = os.open(output_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _registry(api):
    return set(api.custom_objects())


def _tell(pipe, message):
    data = (json.dumps(message) + "\n").encode("utf-8")
    while data:
        data = data[os.write(pipe, data) :]


def _observe(workshop, job, output_path):
    os.truncate(output_path, 0)
    home = os.getcwd()
    folder = tempfile.mkdtemp(prefix="job-")
    started = time.time()
    observation = {"id": job["id"], "kind": job["kind"]}
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
            os.chdir(home)
            shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    observation["duration_s"] = round(time.time() - started, 4)
    observation["max_rss_mb"] = int(_rss_mb())
    observation["warnings"] = describe_warnings(caught)
    observation["output"] = read_output(output_path)
    if _means_out_of_memory(observation):
        observation["status"] = "out_of_memory"
    return observation


def _means_out_of_memory(observation):
    return observation["status"] == "raised" and (
        observation["exception"].rpartition(".")[2] in ("MemoryError", "ResourceExhaustedError")
        or "std::bad_alloc" in observation["message"]
    )


def describe_error(error, folder=""):
    """Return exception, message and traceback of an error, without paths of this machine."""
    kind = type(error)
    name = kind.__name__
    if kind.__module__ not in ("builtins", "__main__"):
        name = "{}.{}".format(kind.__module__, name)
    lines = traceback.format_exception(kind, error, error.__traceback__)
    return {
        "exception": name,
        "message": clean_text(_message(error), folder)[:MESSAGE_CHARACTERS],
        "traceback": clean_text("".join(lines), folder)[-TRACEBACK_CHARACTERS:],
    }


def _message(error):
    try:
        return str(error)
    except Exception as fault:  # an exception of the model's own making may do anything
        return "(the exception's own text raised {})".format(type(fault).__name__)


def describe_warnings(caught):
    """Return each distinct warning once, as `Category: message`."""
    found = []
    for warning in caught:
        text = "{}: {}".format(warning.category.__name__, warning.message)
        text = clean_text(text)[:600]
        if text not in found:
            found.append(text)
    return found[:20]


def read_output(path):
    """Return the end of what a job printed."""
    try:
        with io.open(path, encoding="utf-8", errors="replace") as file:
            return clean_text(file.read())[-OUTPUT_CHARACTERS:]
    except OSError:
        return ""


def clean_text(text, folder=""):
    """Take out what differs between machines and runs: paths, addresses, times."""
    if folder:
        text = text.replace(folder + os.sep, "").replace(folder, ".")
    text = re.sub(r"/[^\s\"']*/(site-packages|lib/python3\.\d+)/", r"\1/", text)
    text = re.sub(r"/[^\s\"']*/(scenarios|runner)/", r"\1/", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x...", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: ", "", text)
    text = re.sub(r"time = \w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}\n?", "time = ...", text)
    return re.sub(r"[IWEF]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ ", "", text)


def _rss_mb():
    with io.open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def signal_name(number):
    """Return `SIGSEGV` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal {}".format(number)
