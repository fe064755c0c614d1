"""Virtual environments and processes of this machine, as a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.domain import BuildKind, Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Request
from runner.executors.batches import ProbeCrew
from runner.executors.interface import Place, Settings, Warn
from runner.executors.local.builds import provision_build
from runner.executors.local.commits import base_of, folder_of, provision_commit
from runner.executors.local.processes import LocalExecutor
from runner.executors.local.provision import provision, require_whole
from runner.executors.locks import LOCKS, lock_path, usable_lock
from runner.store.builds import builds_folder

BUILDERS = 2
"""More would only wait for the same disk and the same network."""


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """Virtual environments and processes of this machine."""

    root: Path
    store: Path
    warn: Warn
    foreign: bool = False
    """Whether jobs may read the artifacts of a pack."""

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build a virtual environment, or find it."""
        if environment.build is None:
            return provision(environment, self.store)
        if environment.build.kind is BuildKind.COMMIT:
            return provision_commit(environment, self.store, self._provision_whole)
        return provision_build(environment, self.store, self.warn)

    def lock_digest(self, environment: Environment) -> str:
        """Return the digest of its lock."""
        return usable_lock(environment, lock_path(environment.id)).digest

    def _provision_whole(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an environment, or find it, and hold its files against the installed ones.

        What a damaged base does must not look like the fault of a commit.
        """
        found = self.provision(environment)
        if isinstance(found, ProvisionedEnvironment):
            try:
                self._check(found)
            except ProvisionError as error:
                return error
        return found

    def builders(self, workers: int) -> int:
        """Return how many installers may fetch at once."""
        return min(BUILDERS, workers)

    def crew(self, settings: Settings) -> ProbeCrew:
        """Return the crew that starts processes."""
        return ProbeCrew.of(self.executor(), settings)

    def executor(self) -> LocalExecutor:
        """Return the executor that starts processes."""
        return LocalExecutor(self.root, self._check, foreign=self.foreign)

    def _check(self, built: ProvisionedEnvironment) -> None:
        if folder_of(built.environment) is not None:
            built = base_of(built, self.provision)
        folder = builds_folder(self.store) if built.environment.build else LOCKS
        require_whole(built, self.store, self.warn, folder=folder)

    def abandon(self) -> None:
        """Let the installers end: packages they have fetched serve the next run."""


@contextmanager
def open_place(request: Request, warn: Warn) -> Iterator[Place]:
    """Give this machine."""
    yield LocalPlace(request.root, request.store, warn, foreign=request.frozen)
