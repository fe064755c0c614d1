"""Children that are confined, tried with real ones: each tries what it must not be able to do."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fake_probe import PROVISIONED

from runner.executors import confine
from runner.executors.local.processes import LocalExecutor, _what_it_reaches
from runner.host import process

NO_NETWORK = not _what_it_reaches().network
OWN_PROCESSES = not _what_it_reaches().processes
KINDS = [True, False] if OWN_PROCESSES else [True]
"""Beside the machine's processes, and with its own where the kernel gives them."""
needs_namespace = pytest.mark.skipif(
    not NO_NETWORK, reason="this kernel gives this user no namespace without a network"
)


def _run(
    code: str, *, network: bool = True, processes: bool = True, cpu_s: int = 0
) -> process.Completed:
    command = confine.confined(
        [sys.executable, "-c", code], network=network, processes=processes, cpu_s=cpu_s
    )
    return process.run(command, timeout_s=60)


@pytest.mark.parametrize("processes", KINDS)
def test_it_has_the_program_s_output_and_its_end(processes):
    ended = _run("import sys; print('said'); sys.exit(9)", processes=processes)
    assert (ended.returncode, ended.stdout) == (9, "said\n"), ended.stderr
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
        ended = _run(f"import os; os.kill(os.getpid(), {int(number)})", processes=processes)
        assert ended.returncode == -number, ended.stderr
    missing = process.run(confine.confined(["/nowhere"], network=True, processes=processes))
    assert missing.returncode == confine.REFUSED
    assert "/nowhere" in missing.stderr


STAYING = """
import ctypes, os, signal, sys, time
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(1, 0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if os.fork():
            os._exit(0)
        time.sleep(600)
time.sleep(0.3)
print("left", flush=True)
"""
"""Leaves processes without a parent, in sessions of their own, that no polite signal ends."""


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for each in psutil.process_iter():
        try:
            if each.environ().get("STAYING") == mark and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
        except psutil.Error:
            continue
    return found


def _gone(mark: str) -> bool:
    deadline = time.monotonic() + 10
    while _marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _marked(mark)


def _start_staying(tmp_path: Path, end: str, *, processes: bool) -> process.Child:
    command = confine.confined(
        [sys.executable, "-c", STAYING + end], network=True, processes=processes
    )
    log = tmp_path / "log"
    variables = {**os.environ, "STAYING": str(tmp_path)}
    child = process.start_logged(command, log, env=variables, cwd=tmp_path)
    deadline = time.monotonic() + 20
    while b"left" not in log.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert b"left" in log.read_bytes(), log.read_bytes()
    return child


@pytest.mark.parametrize("processes", KINDS)
def test_nothing_is_left_when_the_program_ends(tmp_path, processes):
    child = _start_staying(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)", processes=processes)
    assert child.wait(timeout=20) == -signal.SIGKILL
    assert _gone(str(tmp_path))


@pytest.mark.parametrize("processes", KINDS)
def test_nothing_is_left_when_it_is_told_to_end(tmp_path, processes):
    child = _start_staying(tmp_path, "time.sleep(600)", processes=processes)
    assert len(_marked(str(tmp_path))) >= 4
    process.end_guarded(child)
    assert child.returncode == -signal.SIGKILL
    assert _gone(str(tmp_path))


HOST = """
import sys, time
from pathlib import Path
from runner.executors import confine
from runner.host import process
command = [sys.executable, "-c", {code!r}]
command = confine.confined(command, network=True, processes={processes})
folder = Path("{folder}")
process.start_logged(command, folder / "log", env={{"STAYING": str(folder)}}, cwd=folder)
time.sleep(600)
"""


@pytest.mark.parametrize("processes", KINDS)
def test_nothing_is_left_when_the_host_is_killed(tmp_path, processes):
    """The host is a process of its own here, and has no time to end anything."""
    log = tmp_path / "log"
    host = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOST.format(code=STAYING + "time.sleep(600)", processes=processes, folder=tmp_path),
        ],
        cwd=Path(__file__).resolve().parents[3],
    )
    deadline = time.monotonic() + 30
    while not (log.exists() and b"left" in log.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(_marked(str(tmp_path))) >= 4
    host.kill()
    host.wait()
    assert _gone(str(tmp_path))


def test_a_mark_finds_who_has_escaped_its_guard(tmp_path):
    mark = str(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env={"STAYING": mark}
    )
    process.end_marked("STAYING", mark + "x")
    assert child.poll() is None
    process.end_marked("STAYING", mark)
    assert child.wait(timeout=10) == -signal.SIGKILL


@pytest.mark.skipif(not OWN_PROCESSES, reason="this kernel gives this user no namespace of them")
def test_it_sees_no_process_but_its_own():
    code = "import os; print(sorted(e for e in os.listdir('/proc') if e.isdigit()), os.getpid())"
    ended = _run(code, processes=False)
    assert ended.stdout == "['1', '2'] 2\n", ended.stderr


def test_a_large_file_is_refused():
    over = (confine.FILE_MB + 1) * 2**20
    ended = _run(
        "import os, tempfile\n"
        "file = tempfile.TemporaryFile()\n"
        f"os.posix_fallocate(file.fileno(), 0, {over})"
    )
    assert ended.returncode != 0
    assert "File too large" in ended.stderr or ended.returncode < 0


def test_processor_time_is_limited():
    ended = _run("while True: pass", cpu_s=1)
    assert ended.returncode < 0
    assert ended.duration_s < 30


def test_no_core_is_dumped_and_no_privilege_is_gained():
    ended = _run(
        "import resource; print(resource.getrlimit(resource.RLIMIT_CORE));"
        "print([line for line in open('/proc/self/status') if line.startswith('NoNewPrivs')])"
    )
    assert ended.stdout == "(0, 0)\n['NoNewPrivs:\\t1\\n']\n"


def test_a_limit_that_is_lower_already_stays():
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert hard == resource.RLIM_INFINITY, "this test's own process has a limit already"
    lower = 2**20
    code = f"import resource; print(resource.getrlimit(resource.RLIMIT_FSIZE)[1] == {lower})"
    ended = subprocess.run(
        confine.confined([sys.executable, "-c", code], network=True),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (lower, lower)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout == "True\n", ended.stderr


@needs_namespace
def test_the_network_is_out_of_reach():
    code = (
        "import os, socket\n"
        "print(os.listdir('/sys/class/net') and [name for _, name in socket.if_nameindex()])\n"
        "socket.create_connection(('203.0.113.1', 80), timeout=5)"
    )
    ended = _run(code, network=False)
    assert ended.stdout == "['lo']\n"
    assert "Network is unreachable" in ended.stderr


@needs_namespace
def test_not_even_a_server_of_this_machine_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
        assert _run(code, network=True).ok
        assert not _run(code, network=False).ok


@needs_namespace
def test_it_stays_who_it_was():
    ended = _run("import os; print(os.getuid(), os.getgid())", network=False)
    assert ended.stdout == f"{os.getuid()} {os.getgid()}\n"


def test_where_no_namespace_is_given_nothing_is_started(monkeypatch, capsys):
    def refuse(**_: bool) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(confine, "leave", refuse)
    told = confine.confined(["true"], network=False)
    assert confine.main(told[3:]) == confine.REFUSED
    assert "no namespace of its own" in capsys.readouterr().err


def test_processor_time_covers_every_job_of_a_batch():
    batch = {"jobs": [{"timeout_s": 10}, {"timeout_s": 20.5}]}
    assert confine.cpu_seconds(batch) == confine.STARTUP_CPU_S + 30


def test_the_local_executor_confines_its_probes(tmp_path, monkeypatch):
    """A probe's process sees its limits and its own folder, and nothing of the user's variables."""
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    seen = tmp_path / "seen.json"
    stand_in = tmp_path / "python"
    stand_in.write_text(
        f"#!{sys.executable} -I\n"
        "import json, os, resource, socket, tempfile\n"
        "seen = {'variables': dict(os.environ), 'temporary': tempfile.gettempdir(),\n"
        "        'file': resource.getrlimit(resource.RLIMIT_FSIZE)[0],\n"
        "        'core': resource.getrlimit(resource.RLIMIT_CORE)[0],\n"
        "        'cpu': resource.getrlimit(resource.RLIMIT_CPU)[0],\n"
        "        'networks': [name for _, name in socket.if_nameindex()]}\n"
        f"json.dump(seen, open({str(seen)!r}, 'w'))\n"
    )
    stand_in.chmod(0o755)
    folder = tmp_path / "batch"
    folder.mkdir()
    (folder / "batch.json").write_text('{"jobs": [{"timeout_s": 5}]}')
    executor = LocalExecutor(Path(__file__).resolve().parents[3])
    probe = executor.start(folder, replace(PROVISIONED, executable=str(stand_in)))
    while probe.poll() is None:
        time.sleep(0.02)
    found = json.loads(seen.read_text())
    assert "hunter2" not in str(found["variables"])
    assert "PYTHONPATH" not in found["variables"]
    assert found["variables"]["HOME"] == str(folder / "home")
    assert found["temporary"] == str(folder)
    assert found["file"] == confine.FILE_MB * 2**20
    assert (found["core"], found["cpu"]) == (0, confine.STARTUP_CPU_S + 5)
    assert executor.isolation == ("process, no network" if NO_NETWORK else "process")
    if NO_NETWORK:
        assert found["networks"] == ["lo"]


def test_confining_costs_little():
    """What it adds to a start, once a probe, in a machine's own measure: a bare Python's start."""

    def best(command: list[str]) -> float:
        return min(process.run(command).duration_s for _ in range(5))

    plain = best([sys.executable, "-I", "-S", "-c", "pass"])
    confined = best(confine.confined([sys.executable, "-I", "-S", "-c", "pass"], network=True))
    assert confined < 8 * plain + 0.5
