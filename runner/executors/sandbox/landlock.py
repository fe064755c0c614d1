"""Confinement by Landlock and seccomp, where bubblewrap is missing and the kernel has them.

A job reads the same places as in the other ways, and writes one folder of its own. What is less:
its disk space is watched by the probe and not held by a file system, and where the kernel gives
this user no namespaces it sees that other processes are there. For root, which the kernel would not
count the processes of, the probe becomes a user of its own, if that user can read the packages.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors import confine
from runner.executors.local.provision import provision
from runner.executors.sandbox import restrict
from runner.executors.sandbox.bubblewrap import SETTINGS, SYSTEM, own_user
from runner.executors.sandbox.interface import Exchange, Pipe, Told, arguments_of
from runner.executors.sandbox.pipes import LocalPipe
from runner.executors.sandbox.places import usable_places, variables_of
from runner.host import process

PROCESSOR = "/sys/devices/system/cpu"
PROC = "/proc"
CLOSED = "closed"
"""A file beside the exchange folder, which nobody inside may read."""
PROGRAM = Path(restrict.__file__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Landlock:
    """Rules of the kernel for a process and all that it starts."""

    store: Path
    folder: Path
    """Of the places that jobs write, beside the exchange folder."""
    namespaces: bool
    """Whether it has processes and a network of its own besides."""
    name: str = "landlock"
    _made: list[Path] = field(default_factory=list)

    @property
    def words(self) -> str:
        """How a job is confined."""
        seen = "" if self.namespaces else "; it sees that other processes are there"
        return (
            "Landlock and seccomp: no network, no file but its own, limits of memory and "
            f"processes{seen}"
        )

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build a virtual environment, or find it."""
        return provision(environment, self.store)

    def start(
        self, environment: ProvisionedEnvironment, exchange: Exchange, told: Told, log: Path
    ) -> Pipe:
        """Start the probe."""
        places = usable_places(environment, self.store)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=self.folder))
        self._made.append(work)
        user = own_user()
        if user:
            require_readable(environment.environment.id, places)
            os.chown(work, user, user)
        rlimits = dict(told.rlimits)
        if not (user or self.namespaces):
            # The kernel counts all threads of this user, those outside too.
            rlimits["nproc"] += count_threads(os.getuid())
        files = str(exchange.root / "files")
        told = msgspec.structs.replace(told, files=files, work=str(work), user=0, rlimits=rlimits)
        variables = variables_of(environment.environment, work)
        command = self.command(
            places, exchange.root, work, arguments_of(environment.executable, told), user=user
        )
        child = process.start_piped(command, log, env=variables, cwd=Path("/"))
        return LocalPipe(child)

    def command(
        self, places: list[Path], exchange: Path, work: Path, arguments: list[str], *, user: int = 0
    ) -> list[str]:
        """Return the command that confines a program and guards it."""
        told = {
            "read": [*SYSTEM, *SETTINGS, PROC, PROCESSOR, *map(str, places), str(exchange)],
            "write": [str(work)],
            "secret": str(self.folder / CLOSED),
            "folder": str(exchange / "code"),
            "user": user,
        }
        inside = [sys.executable, "-I", "-S", str(PROGRAM), json.dumps(told), *arguments]
        own = not self.namespaces
        return confine.confined(inside, network=own, processes=own)

    def close(self) -> None:
        """Remove the places that jobs wrote."""
        for work in self._made:
            shutil.rmtree(work, ignore_errors=True)
        (self.folder / CLOSED).unlink(missing_ok=True)


def count_threads(user: int) -> int:
    """Return how many threads a user has at this moment."""
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if entry.stat().st_uid == user:
                    found += len(list((entry / "task").iterdir()))
    return found


def require_readable(environment_id: str, places: list[Path]) -> None:
    """Refuse an environment that another user cannot read.

    Raises:
        ProvisionError: a folder on the way to it is closed to others.
    """
    for place in places:
        for folder in (place, *place.parents):
            if not folder.stat().st_mode & 0o001:
                raise ProvisionError(
                    f"{environment_id}: {folder} is closed to other users, and root's own "
                    "processes cannot be limited",
                    cause="the environment, or its Python, stands in root's home folder",
                    next_step="apt install bubblewrap",
                )


def find_sandbox(store: Path, exchange: Path) -> Landlock | str:
    """Return a sandbox that was tried on this machine, or why there is none."""
    fault = restrict.find_fault()
    if fault:
        return fault
    folder = exchange.parent
    (folder / CLOSED).write_text("nobody reads this", encoding="utf-8")
    said = ""
    for namespaces in (True, False):
        found = Landlock(store=store, folder=folder, namespaces=namespaces)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=folder))
        try:
            tried = process.run(found.command([], exchange, work, ["/bin/true"]), timeout_s=60)
        finally:
            work.rmdir()
        if tried.ok:
            return found
        said = (tried.stderr.strip().splitlines() or [f"exit code {tried.returncode}"])[-1]
    (folder / CLOSED).unlink(missing_ok=True)
    return f"it does not work here: {said[:200]}"
