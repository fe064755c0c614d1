"""Confines itself, then becomes the given program: what the kernel allows without an engine.

    python -I -S runner/confine.py '{"limits": {...}, "network": false}' PROGRAM ARGUMENT...

Limits on file size, processes, processor time and core dumps, for everything the program
starts; no new privileges; and, where the kernel gives one to this user, a network of its own
with nothing in it. Standard library alone, so that it costs some hundredths of a second.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_NO_NEW_PRIVS = 38
REFUSED = 125
"""Exit code if the network could not be taken away; nothing was started then."""

FILE_MB = 1024
"""The largest file anything may write."""
PROCESSES = 512
"""Where the kernel counts them for this run alone, in a namespace of its user's."""
STARTUP_CPU_S = 900


def confined(
    arguments: Sequence[str], *, network: bool, cpu_s: int = 0, python: str = sys.executable
) -> list[str]:
    """Return the command that confines itself and then is `arguments`."""
    limits = {"core": 0, "fsize": FILE_MB * 2**20}
    if cpu_s:
        limits["cpu"] = cpu_s
    if not network and os.getuid() != 0:
        limits["nproc"] = PROCESSES
    options = json.dumps({"limits": limits, "network": network})
    return [python, "-I", "-S", str(Path(__file__).resolve()), options, *arguments]


def cpu_seconds(batch: Mapping[str, Any]) -> int:
    """Processor time any one process of a batch may take: all jobs at their time limits."""
    return STARTUP_CPU_S + int(sum(float(job["timeout_s"]) for job in batch["jobs"]))


def main(argv: Sequence[str]) -> int:
    """Confine this process and become the program; returns only if that is refused."""
    options = json.loads(argv[1])
    if not options["network"]:
        try:
            leave_network()
        except OSError as error:
            print(f"no namespace without a network: {error}", file=sys.stderr)
            return REFUSED
    for name, wanted in options["limits"].items():
        _limit(getattr(resource, f"RLIMIT_{name.upper()}"), int(wanted))
    _check(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    command = list(argv[2:])
    return os.execvp(command[0], command)  # noqa: S606 - a program and its arguments, as given


def leave_network() -> None:
    """Move this process into a network with nothing in it; OSError where that is refused.

    Anybody but root needs a namespace of users first, in which it stays who it was.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if user == 0:
        _check(libc.unshare(CLONE_NEWNET))
        return
    _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")


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
