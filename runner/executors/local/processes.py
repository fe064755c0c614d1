"""The probes in processes of this machine, one process each (stages 4 and 5)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runner import contract
from runner.domain import Kind, ProvisionedEnvironment
from runner.executors import confine
from runner.executors.foreign import python_folders, sandboxed
from runner.executors.interface import Probe
from runner.executors.local.commits import folder_of
from runner.host import process

Check = Callable[[ProvisionedEnvironment], None]
"""Holds an environment against its installed files; ProvisionError if it cannot be used."""


def _unchecked(_: ProvisionedEnvironment) -> None:
    """An environment that nobody provisioned is taken as it is."""


MARK = "KERAS_MATRIX_BATCH"
"""The variable that every process of a probe is started with: its batch's folder."""


class LocalExecutor:
    """Runs a probe as a process of this machine, in the environment's interpreter.

    It is confined as far as the kernel lets this user: see `confine`. An environment is held
    against its installed files once, before its first probe: a run with nothing to measure
    starts none, and pays nothing.
    """

    def __init__(self, root: Path, check: Check = _unchecked, *, foreign: bool = False) -> None:
        """Take the repository, and whether jobs may read artifacts that came from elsewhere."""
        self._root = root
        self._check = check
        self._foreign = foreign
        self._checked: set[str] = set()
        self._checking: dict[str, threading.Lock] = {}
        self._reaches = _what_it_reaches()

    @property
    def isolation(self) -> str:
        """How a job is confined."""
        return "process" if self._reaches.network else "process, no network"

    def start(self, folder: Path, environment: ProvisionedEnvironment) -> Probe:
        """Start the probe; its output goes to `folder/probe.log`."""
        declared = environment.environment
        with self._checking.setdefault(declared.id, threading.Lock()):
            if declared.id not in self._checked:
                self._check(environment)
                self._checked.add(declared.id)
        # Its own: a file that a job writes into a home must not reach the next probe.
        home = folder / "home"
        home.mkdir()
        variables = {
            **process.framework_environment(declared, home),
            **contract.framework_variables(declared),
            "TMPDIR": str(folder),
            MARK: str(folder),
        }
        arguments = [environment.executable, "-s", "-m", "runner.probe"]
        arguments += ["--batch", str(folder / "batch.json")]
        arguments += ["--out", str(folder / "observations.jsonl"), "--unlink"]
        batch = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
        if declared.build is not None or self._foreign:
            arguments = self._sandboxed(arguments, folder, environment, batch)
        else:
            arguments = confine.confined(
                arguments,
                network=self._reaches.network,
                processes=self._reaches.processes,
                cpu_s=confine.cpu_seconds(batch),
            )
        log = folder / "probe.log"
        child = process.start_logged(arguments, log, env=variables, cwd=self._root)
        # Where it has no processes of its own, a job may end its guard.
        return _LocalProbe(child, str(folder) if self._reaches.processes else "")

    def _sandboxed(
        self,
        arguments: list[str],
        folder: Path,
        environment: ProvisionedEnvironment,
        batch: Mapping[str, Any],
    ) -> list[str]:
        """Return the command of a probe that meets foreign code: a build, or a pack's artifacts.

        It reads the artifacts of everybody, and writes its own alone.
        """
        jobs = batch["jobs"]
        read = {Path(job["artifact"]).parents[2] for job in jobs}
        written = {Path(job["artifact"]).parents[1] for job in jobs if job["kind"] == Kind.SAVE}
        written |= {Path(job["made"]).parents[1] for job in jobs if job["kind"] == Kind.MAKE}
        for each in written:
            each.mkdir(parents=True, exist_ok=True)
        return sandboxed(
            arguments,
            readable=[
                *python_folders(Path(environment.executable)),
                self._root,
                *([tree] if (tree := folder_of(environment.environment)) else []),
                *(each for each in read if each.exists()),
            ],
            writable=[folder, *written],
            folder=self._root,
            cpu_s=confine.cpu_seconds(batch),
        )

    def close(self) -> None:
        """Nothing is left: every probe ends with the run."""


@dataclass(frozen=True, slots=True)
class _Reaches:
    """Which of this machine's things a probe may reach, as the kernel gives it no own."""

    network: bool
    processes: bool


@cache
def _what_it_reaches() -> _Reaches:
    """Ask the kernel, from the least to the most."""
    for network, processes in ((False, False), (False, True), (True, False)):
        tried = confine.confined(["true"], network=network, processes=processes)
        if process.run(tried).ok:
            return _Reaches(network, processes)
    return _Reaches(network=True, processes=True)


@dataclass(slots=True)
class _LocalProbe:
    """A probe under its guard, which ends when nothing is left of it."""

    child: process.Child
    mark: str = ""
    """The variable of all its processes, where they are found by it."""

    def poll(self) -> int | None:
        code = self.child.poll()
        if code is not None:
            self._sweep()
        return code

    def kill(self) -> None:
        process.end_guarded(self.child)
        self._sweep()

    def _sweep(self) -> None:
        if self.mark:
            process.end_marked(MARK, self.mark)
            self.mark = ""
