"""The interface of a sandbox: an exchange folder and a built environment -> a process, by pipes.

A way of confinement is a module here and a row of `choice`. Whatever it is, the process inside
reads the exchange folder, the interpreter and its packages, writes a place of its own, and reaches
nothing else of this machine: no other file, no network, no process.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from runner.contract import FRAMEWORKS
from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError

CODE = ("__init__.py", "probe", "fileprobe")
"""Parts of `runner` that run inside."""
OPEN_FILE, OPEN_FOLDER = 0o444, 0o555
"""Whoever runs inside may be another user."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a probe of a user's file, as its command line has them."""

    environment: str
    framework: str
    start_method: str = "auto"
    limits: Mapping[str, int]
    """Of one process, as `runner.contract.BatchLimits` has them."""
    rlimits: Mapping[str, int]
    """Name of a limit of the kernel, in lower case -> its value."""
    processes: int
    """Processes that one job may have at once."""
    disk_mb: int
    result_mb: int
    """Of the files that one job hands over."""
    files: str = ""
    """Folder with the user's file, as it is inside."""
    work: str = ""
    """Folder to write, as it is inside."""
    user: int = 0
    """Number of the user to become; 0 to stay who it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxLimits:
    """The limits of one sandbox."""

    memory_mb: int = 4000
    """Resident memory of one job's process."""
    disk_mb: int = 2000
    """Everything a job writes."""
    result_mb: int = 2000
    processes: int = 32
    """At once, in one job."""
    threads: int = 512
    """Processes and threads of the whole sandbox, where the kernel counts them."""
    cpu_s: int = 3600
    """Processor time of one process."""

    def told(self, environment: Environment) -> Told:
        """Return what the probe of an environment is told."""
        return Told(
            environment=environment.id,
            framework=FRAMEWORKS[environment.family],
            limits={
                "memory_mb": self.memory_mb,
                "chain_length": 1,
                "chain_memory_mb": self.memory_mb,
            },
            rlimits={
                "core": 0,
                "fsize": self.disk_mb * 2**20,
                "nproc": self.threads,
                "cpu": self.cpu_s,
            },
            processes=self.processes,
            disk_mb=self.disk_mb,
            result_mb=self.result_mb,
        )


@dataclass(frozen=True, slots=True)
class Exchange:
    """A folder that sandboxes see and cannot write: the code that runs inside, and files."""

    root: Path

    @classmethod
    def make(cls, root: Path, repository: Path) -> Exchange:
        """Make the folder, with a copy of the code."""
        code = root / "code" / "runner"
        code.mkdir(parents=True)
        for name in CODE:
            source = repository / "runner" / name
            if source.is_dir():
                shutil.copytree(source, code / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, code / name)
        _open_to_read(root / "code")
        (root / "files").mkdir()
        for folder in (root, root / "files"):
            folder.chmod(0o755)
        return cls(root)

    def add(self, source: Path, name: str) -> str:
        """Copy a file or folder into the exchange; return its path among the files.

        Links inside a folder stay links: inside the sandbox they lead nowhere. The original is
        read once, so that every environment reads the same bytes.
        """
        target = self.root / "files" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copyfile(source, target)
        _open_to_read(target)
        for parent in target.relative_to(self.root).parents:
            (self.root / parent).chmod(0o755)
        return name


def _open_to_read(top: Path) -> None:
    """Let every user read a copy."""
    for path in (top, *(top.rglob("*") if top.is_dir() else ())):
        if path.is_symlink():
            continue
        path.chmod(OPEN_FOLDER if path.is_dir() else OPEN_FILE)


def remove_exchange(exchange: Exchange) -> None:
    """Remove the folder and everything in it."""
    for parent, folders, _ in os.walk(exchange.root):
        for folder in folders:
            path = Path(parent, folder)
            if not path.is_symlink():
                path.chmod(0o755)
    shutil.rmtree(exchange.root, ignore_errors=True)


class Pipe(Protocol):
    """A process in a sandbox."""

    def send(self, data: bytes) -> None:
        """Write to its standard input; OSError if it is gone."""

    def receive(self, timeout_s: float) -> bytes | None:
        """Return what it wrote to its standard output: empty at its end, None for nothing yet."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def kill(self) -> None:
        """End it and everything it started."""


class Sandbox(Protocol):
    """A way to confine jobs on a user's file that was seen to hold on this machine."""

    @property
    def name(self) -> str:
        """Its name, as `--sandbox` has it."""

    @property
    def words(self) -> str:
        """How a job is confined, in a few words."""

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an environment, or find it built."""

    def start(
        self, environment: ProvisionedEnvironment, exchange: Exchange, told: Told, log: Path
    ) -> Pipe:
        """Start the probe of a user's file in an environment; its errors go to `log`.

        Raises:
            ProvisionError: it cannot be started; others may.
        """

    def close(self) -> None:
        """Leave nothing behind."""


def arguments_of(python: str, told: Told) -> list[str]:
    """Return the command of the probe, to be started in the exchange's folder of code."""
    words: Any = msgspec.json.encode(told).decode("utf-8")
    return [python, "-s", "-m", "runner.fileprobe", words]
