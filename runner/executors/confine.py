"""The guard and confinement of a program, as far as the kernel allows without an engine.

    python -I -S runner/executors/confine.py '{"limits": {...}, ...}' PROGRAM ARGUMENT...

Limits on file size, processes, processor time and core dumps, for everything the program
starts; no new privileges; and, where the kernel gives them to this user, a network of its own
with nothing in it, and processes of its own: it neither sees nor reaches any other.

This process stays, and ends as the program ends, with everything the program started, however
that tried to stay. It does so as well when it is told to end (SIGTERM), and when the process
that started it dies. Standard library alone, so that it costs some hundredths of a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
REFUSED = 125
"""Exit code if something could not be taken away; nothing was started then."""

FILE_MB = 1024
"""The largest file anything may write."""
PROCESSES = 512
"""Where the kernel counts them for this run alone, in a namespace of its user's."""
STARTUP_CPU_S = 900


def confined(
    arguments: Sequence[str],
    *,
    network: bool,
    processes: bool = True,
    cpu_s: int = 0,
    python: str = sys.executable,
) -> list[str]:
    """Return the command that confines and guards `arguments`, to be started by this process.

    `network` and `processes` say whether it may reach this machine's.
    """
    limits = {"core": 0, "fsize": FILE_MB * 2**20}
    if cpu_s:
        limits["cpu"] = cpu_s
    if not (network and processes) and os.getuid() != 0:
        limits["nproc"] = PROCESSES
    told = {"limits": limits, "network": network, "processes": processes, "parent": os.getpid()}
    return [python, "-I", "-S", str(Path(__file__).resolve()), json.dumps(told), *arguments]


def cpu_seconds(batch: Mapping[str, Any]) -> int:
    """Processor time any one process of a batch may take: all jobs at their time limits."""
    return STARTUP_CPU_S + int(sum(float(job["timeout_s"]) for job in batch["jobs"]))


class _Told(Exception):
    """This process was told to end."""


def main(argv: Sequence[str]) -> int:
    """Run the program confined; returns only if that is refused, else ends as it ends."""
    told = json.loads(argv[1])
    try:
        leave(network=told["network"], processes=told["processes"])
    except OSError as error:
        print(f"no namespace of its own: {error}", file=sys.stderr)
        return REFUSED
    for name, wanted in told["limits"].items():
        _limit(getattr(resource, f"RLIMIT_{name.upper()}"), int(wanted))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    return guard(list(argv[2:]), parent=told["parent"], inside=not told["processes"])


def leave(*, network: bool, processes: bool) -> None:
    """Move this process into namespaces with nothing in them; OSError where that is refused.

    Anybody but root needs a namespace of users first, in which it stays who it was.
    """
    flags = (0 if network else CLONE_NEWNET) | (0 if processes else CLONE_NEWPID)
    if not flags:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if user == 0:
        _check(libc.unshare(flags))
        return
    _check(libc.unshare(CLONE_NEWUSER | flags))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")


def guard(command: list[str], *, parent: int, inside: bool) -> NoReturn:
    """Run a program to its end, end all that it started, and end as it did.

    `inside` says that the next child begins a namespace of processes: it is the first of them,
    and the kernel ends them all with it.
    """
    signal.signal(signal.SIGTERM, _tell)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != parent:
        os._exit(REFUSED)
    reading, writing = os.pipe()
    child = -1
    try:
        child = _fork(lambda: _first(command, writing) if inside else _become(command))
        os.close(writing)
        status = _wait_for(child)
        said = os.read(reading, 64) if inside else b""
        if said:
            status = int(said)
    except _Told:
        status = int(signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_children()
    _end_like(status)


def _tell(_number: int, _frame: object) -> NoReturn:
    raise _Told


def _fork(run: Callable[[], NoReturn]) -> int:
    """Fork a child that ends with this process, and does `run`; return its id."""
    # Open here as long as this process is there; the child asks once it would be told.
    waiting, going = os.pipe()
    child = os.fork()
    if child:
        os.close(waiting)
        return child
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(going)
        _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        ended = select.poll()
        ended.register(waiting, 0)
        if not ended.poll(0):
            run()
    except BaseException as error:  # noqa: BLE001 - nothing may return into the parent's code
        print(f"it could not be started: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(REFUSED)


def _first(command: list[str], writing: int) -> NoReturn:
    """Be the first process of a namespace: see no other process, and reap all there are."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(CLONE_NEWNS))
    _check(libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))
    flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _check(libc.mount(b"proc", b"/proc", b"proc", flags, None))
    # Not this process itself: the first one of a namespace is spared most signals.
    status = _wait_for(_fork(lambda: _become(command)))
    os.write(writing, str(status).encode())
    os._exit(0)


def _become(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606 - a program and its arguments, as given
    except OSError as error:
        raise OSError(error.errno, error.strerror, command[0]) from error


def _wait_for(child: int) -> int:
    """Reap whatever ends until `child` does; return how."""
    while True:
        ended, status = os.wait()
        if ended == child:
            return status


def end_children() -> None:
    """Kill and reap all children, and those they leave to this process, until none is left."""
    while True:
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Ids of this process' children: the fourth field of `stat`, after the program's name."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def _end_like(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        sys.stderr.flush()
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _prctl(option: int, value: int) -> None:
    _check(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0))


def _limit(which: int, wanted: int) -> None:
    _, hard = resource.getrlimit(which)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(which, (allowed, allowed))


def _check(returned: int) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
