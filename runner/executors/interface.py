"""The interface of an executor: a place, its executor, and that executor's probes.

An executor is a folder here and a row of `registry`. The folder's module that the row names
has one function:

    @contextmanager
    def open_place(request: Request, warn: Warn) -> Iterator[Place]

A `Place` builds environments, or finds them built. Its `Executor` starts a `Probe` on a batch's
folder, in one of those environments. The pipeline knows no more of any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Request

Warn = Callable[[str], None]
"""Called with one message for the user, from several threads."""


class Place(Protocol):
    """Where a run's environments are."""

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an environment, or find it built; a failure costs only itself."""

    def lock_digest(self, environment: Environment) -> str:
        """Return the SHA-256 of the lock that it would build the environment from, in hex.

        Raises:
            ProvisionError: there is none.
        """

    def executor(self) -> Executor:
        """Return the executor of this place; called once the store is this run's alone."""

    def abandon(self) -> None:
        """End the work that `provision` waits for, as far as possible: the run was interrupted."""


class Executor(Protocol):
    """Where batches run: a local process, a container."""

    @property
    def isolation(self) -> str:
        """How a job is confined, in a few words."""

    def start(self, folder: Path, environment: ProvisionedEnvironment) -> Probe:
        """Start a probe on `folder/batch.json`, writing `folder/observations.jsonl`.

        Raises:
            ProvisionError: this environment cannot be started; others may.
        """

    def close(self) -> None:
        """Leave nothing behind; called when the run ends, however it does."""


class Probe(Protocol):
    """A running probe."""

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal, or None while it runs."""

    def kill(self) -> None:
        """End it and all it started."""


class OpenPlace(Protocol):
    """The one function that a row of the registry leads to."""

    def __call__(self, request: Request, warn: Warn) -> AbstractContextManager[Place]:
        """Give the place a request names.

        Raises:
            NoEnvironmentError: it needs an engine, and none answers.
        """
