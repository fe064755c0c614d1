"""Stages 4 and 5 in processes of this machine: one probe, one process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runner import contract
from runner.domain import ProvisionedEnvironment
from runner.executors import confine
from runner.executors.interface import Probe
from runner.host import process

Check = Callable[[ProvisionedEnvironment], None]
"""Holds an environment against what was installed; raises ProvisionError if it cannot be used."""


def _unchecked(_: ProvisionedEnvironment) -> None:
    """An environment that nobody provisioned is taken as it is."""


class LocalExecutor:
    """Runs a probe as a process of this machine, in the environment's interpreter.

    It is confined as far as the kernel lets this user: see `confine`. An environment is held
    against what was installed once, before its first probe: a run with nothing to measure
    starts none, and pays nothing.
    """

    def __init__(self, root: Path, homes: Path, check: Check = _unchecked) -> None:
        self._root = root
        self._homes = homes
        self._check = check
        self._checked: set[str] = set()
        self._checking: dict[str, threading.Lock] = {}
        self._network = not _can_leave_network()

    @property
    def isolation(self) -> str:
        """What keeps a job from the host and from the others."""
        return "process" if self._network else "process, no network"

    def start(self, folder: Path, environment: ProvisionedEnvironment) -> Probe:
        """Start the probe; what it prints goes to `folder/probe.log`."""
        declared = environment.environment
        with self._checking.setdefault(declared.id, threading.Lock()):
            if declared.id not in self._checked:
                self._check(environment)
                self._checked.add(declared.id)
        home = self._homes / declared.id
        home.mkdir(parents=True, exist_ok=True)
        variables = {
            **process.framework_environment(declared, home),
            **contract.framework_variables(declared),
            "TMPDIR": str(folder),
        }
        arguments = [environment.executable, "-s", "-m", "runner.probe"]
        arguments += ["--batch", str(folder / "batch.json")]
        arguments += ["--out", str(folder / "observations.jsonl")]
        batch = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
        cpu_s = confine.cpu_seconds(batch)
        arguments = confine.confined(arguments, network=self._network, cpu_s=cpu_s)
        log = folder / "probe.log"
        return _LocalProbe(process.start_logged(arguments, log, env=variables, cwd=self._root))

    def close(self) -> None:
        """Nothing is left: every probe ends with the run."""


@cache
def _can_leave_network() -> bool:
    """Whether the kernel gives this user a namespace without a network."""
    return process.run(confine.confined(["true"], network=False)).ok


@dataclass(frozen=True, slots=True)
class _LocalProbe:
    child: process.Child

    def poll(self) -> int | None:
        return self.child.poll()

    def kill(self) -> None:
        process.kill_group(self.child)
