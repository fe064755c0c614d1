"""Virtual environments and processes of this machine, as a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Request
from runner.executors.interface import Place, Warn
from runner.executors.local.processes import LocalExecutor
from runner.executors.local.provision import provision, require_whole


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """Virtual environments and processes of this machine."""

    root: Path
    store: Path
    warn: Warn

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build a virtual environment, or find it."""
        return provision(environment, self.store)

    def executor(self) -> LocalExecutor:
        """Return the executor that starts processes."""
        check = partial(require_whole, store=self.store, warn=self.warn)
        return LocalExecutor(self.root, check)

    def abandon(self) -> None:
        """Let the installers end: packages they have fetched serve the next run."""


@contextmanager
def open_place(request: Request, warn: Warn) -> Iterator[Place]:
    """Give this machine."""
    yield LocalPlace(request.root, request.store, warn)
