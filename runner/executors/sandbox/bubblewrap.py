"""Confinement by bubblewrap: namespaces of its own, and a view of the files it needs.

Inside there are, read only: the system's libraries, the interpreter, the environment's packages
and the exchange folder; a file system in memory of limited size to write; no network, no other
process, no device but the harmless ones. For root, which the kernel would not count the processes
of, the probe becomes a user of its own.
"""

from __future__ import annotations

import functools
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.local.provision import provision
from runner.executors.sandbox.interface import Exchange, Pipe, Told, arguments_of
from runner.executors.sandbox.pipes import LocalPipe
from runner.executors.sandbox.places import usable_places, variables_of
from runner.host import process

PROGRAM = "bwrap"
INSIDE = Path("/sandbox/exchange")
WORK = "/sandbox/work"
TEMPORARY_MB = 64
"""Of `/tmp`, for who does not ask for the place of temporary files."""
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
USERS = 1_000_000_000
"""Numbers from here on, as many again: no user of a machine has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bubblewrap:
    """Namespaces of the kernel, made by bubblewrap."""

    store: Path
    name: str = "bubblewrap"

    @property
    def words(self) -> str:
        """How a job is confined."""
        return "bubblewrap: no network, no file but its own, limits of memory, disk and processes"

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build a virtual environment, or find it."""
        return provision(environment, self.store)

    def start(
        self, environment: ProvisionedEnvironment, exchange: Exchange, told: Told, log: Path
    ) -> Pipe:
        """Start the probe."""
        places = usable_places(environment, self.store)
        told = msgspec.structs.replace(
            told, files=str(INSIDE / "files"), work=WORK, user=own_user()
        )
        variables = variables_of(environment.environment, Path(WORK))
        command = [
            *self.command(told.disk_mb, places, exchange.root),
            *arguments_of(environment.executable, told),
        ]
        child = process.start_piped(command, log, env=variables, cwd=Path("/"))
        return LocalPipe(child)

    @staticmethod
    def command(disk_mb: int, places: list[Path], exchange: Path) -> list[str]:
        """Return the command that confines the words behind it."""
        root = os.getuid() == 0
        return [
            PROGRAM,
            *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
            *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
            # To become another user, after which nothing is left of them.
            *(("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID") if root else ()),
            *(() if root else ("--unshare-user",)),
            *("--hostname", "sandbox"),
            *_system(),
            # Before the places, which may stand below them.
            *_memory(TEMPORARY_MB, "/tmp"),  # noqa: S108 - a name inside
            *_memory(disk_mb, WORK),
            *_shown(places),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--ro-bind", str(exchange), str(INSIDE)),
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            *("--chdir", str(INSIDE / "code")),
            "--",
        ]

    def close(self) -> None:
        """Nothing is left: every process ends with its pipe."""


def own_user() -> int:
    """Return a user's number for one sandbox; 0 for who is no root and stays who it is."""
    return USERS + secrets.randbelow(USERS) if os.getuid() == 0 else 0


def _shown(places: list[Path]) -> Iterator[str]:
    """Give the words for folders under their own paths; others may pass through those above."""
    for place in places:
        for parent in reversed(place.parents[:-1]):
            yield from ("--perms", "0755", "--dir", str(parent))
        yield from ("--ro-bind", str(place), str(place))


def _memory(size_mb: int, place: str) -> list[str]:
    """Return the words for a file system in memory."""
    size = ["--size", str(size_mb * 2**20)] if _has_size() else []
    return ["--perms", "1777", *size, "--tmpfs", place]


def _system() -> Iterator[str]:
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    for name in SETTINGS:
        yield from ("--ro-bind-try", name, name)


@functools.cache
def _has_size() -> bool:
    """Whether this version limits a file system in memory; else the probe's own watch does."""
    return "--size" in process.run([PROGRAM, "--help"]).stdout


def find_fault(exchange: Path) -> str:
    """Return why bubblewrap does not hold on this machine; empty if it does."""
    if shutil.which(PROGRAM) is None:
        return "it is not installed"
    tried = process.run([*Bubblewrap.command(16, [], exchange), "/bin/true"], timeout_s=30)
    if tried.ok:
        return ""
    said = (tried.stderr.strip().splitlines() or [f"exit code {tried.returncode}"])[-1]
    return f"it does not work here: {said[:200]}"
