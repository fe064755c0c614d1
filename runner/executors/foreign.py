"""The files that a foreign program sees: its own folder, the system, and nothing of this user's.

Input: a program and its arguments, the folders it may read, and those it may write. Output: the
command that starts it with those alone, by bubblewrap, in the confinement of `confine` (no
network, processes of its own, limits). Where a part of that is missing on this machine, the
command does without it, and `describe` says so: whoever asks for a build is told.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runner.executors import confine
from runner.host import process

PROGRAM = "bwrap"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = (
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives"),
    *("/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/mime.types"),
)
"""Of /etc only these: what a dynamic program and Python's standard library look up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What a foreign program still reaches on this machine."""

    files: bool
    network: bool
    processes: bool

    def describe(self) -> str:
        """Say how it is confined, in a few words."""
        own = [
            name
            for name, reached in (("network", self.network), ("other processes", self.processes))
            if not reached
        ]
        kept = f"no {', no '.join(own)}" if own else "limits of size and time alone"
        if not self.files:
            return f"{kept}, no files but its own"
        return f"{kept}; it reaches the files of this user (bubblewrap does not work here)"


def sandboxed(
    arguments: Sequence[str],
    *,
    readable: Iterable[Path] = (),
    writable: Iterable[Path] = (),
    folder: Path | None = None,
    cpu_s: int = 0,
) -> list[str]:
    """Return the command that starts a foreign program; see the module's first lines.

    A folder in `writable` may lie in one of `readable`. `folder` is where it starts.
    """
    reach = find_reach()
    if not reach.files:
        arguments = _bubblewrapped(arguments, readable, writable, folder)
    return confine.confined(
        arguments, network=reach.network, processes=reach.processes, cpu_s=cpu_s
    )


@cache
def find_reach() -> Reach:
    """Ask the kernel, from the least to the most."""
    for files in (False, True):
        if not files and shutil.which(PROGRAM) is None:
            continue
        for network, processes in ((False, False), (False, True), (True, False)):
            tried = _bubblewrapped(["true"], (), (), None) if not files else ["true"]
            command = confine.confined(tried, network=network, processes=processes)
            if process.run(command, timeout_s=60).ok:
                return Reach(files=files, network=network, processes=processes)
    return Reach(files=True, network=True, processes=True)


def python_folders(executable: Path) -> list[Path]:
    """Return the folders that a Python interpreter is read from: its own, and of which it is made.

    A virtual environment's interpreter is a link to the one it was made with.
    """
    own = executable.absolute().parents[1]
    return [own, *(each for each in [executable.resolve().parents[1]] if each != own)]


def _bubblewrapped(
    arguments: Sequence[str],
    readable: Iterable[Path],
    writable: Iterable[Path],
    folder: Path | None,
) -> list[str]:
    command = [PROGRAM, "--die-with-parent", "--new-session"]
    command += ["--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try"]
    for known in (*SYSTEM, *SETTINGS):
        command += ["--ro-bind-try", known, known]
    # Before the binds: a folder below /tmp is laid over it.
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - its own
    for path in readable:
        if not any(path.is_relative_to(system) for system in SYSTEM):
            command += ["--ro-bind", str(path), str(path)]
    for path in writable:
        command += ["--bind", str(path), str(path)]
    if folder is not None:
        command += ["--chdir", str(folder)]
    return [*command, "--", *arguments]
