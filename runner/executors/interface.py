"""The interface of an executor: a place, its executor, and that executor's probes.

An executor is a folder here and a row of `registry`. The folder's module that the row names
has one function:

    @contextmanager
    def open_place(request: Request, warn: Warn) -> Iterator[Place]

A `Place` builds environments, or finds them built. Its `Crew` runs the jobs of a round; that of
one machine has an `Executor`, which starts a `Probe` on a batch's folder, in one of those
environments. The pipeline knows no more of any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from runner.contract import Job
from runner.domain import Environment, Observation, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Limits, Request

Warn = Callable[[str], None]
"""Called with one message for the user, from several threads."""
Record = Callable[[Job, Observation], None]
"""Called for every job with its observation, from several threads."""
TYPICAL_S = 0.1
"""Of a job of which nothing is known."""


def typical_s(_: Job) -> float:
    """Return the seconds of a job of which nothing is known."""
    return TYPICAL_S


def unheard(_: str) -> None:
    """Where nobody listens."""


def _uncounted(_: int) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How a crew runs jobs."""

    workers: int = 1
    """Batches at once on this machine."""
    limits: Limits = field(default_factory=Limits)
    start_method: str = "auto"
    scratch: Path | None = None
    """Folder for the batches at work; the system's temporary folder if not given."""
    estimate_s: Callable[[Job], float] = typical_s
    """Seconds that a job is expected to take."""
    machines: Callable[[int], None] = _uncounted
    """Told how many workers of other machines there are, whenever it changes."""


class Place(Protocol):
    """Where a run's environments are."""

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an environment, or find it built; a failure costs only itself."""

    def lock_digest(self, environment: Environment) -> str:
        """Return the SHA-256 of the lock that it would build the environment from, in hex.

        Raises:
            ProvisionError: there is none.
        """

    def builders(self, workers: int) -> int:
        """Return how many environments it builds at once, if it may use so many workers."""

    def crew(self, settings: Settings) -> Crew:
        """Return the crew of this place; called once the store is this run's alone."""

    def abandon(self) -> None:
        """End the work that `provision` waits for, as far as possible: the run was interrupted."""


class Crew(Protocol):
    """Runs the jobs of a round, side by side."""

    imports_s: list[float]
    """Seconds that each probe started so far spent importing its framework."""
    starts_s: list[float]
    """Seconds that each finished probe waited for its children to be ready."""

    def run(
        self,
        batches: Mapping[str, Sequence[Job]],
        environments: Mapping[str, ProvisionedEnvironment],
        record: Record,
        finished: Callable[[str], None] = unheard,
    ) -> None:
        """Run each environment's jobs; returns when all have an observation.

        `finished` is told of each environment whose jobs are done. An interrupt ends the probes
        and is raised again: recorded results stay.
        """

    def again(self, *, workers: int = 0, start_method: str = "") -> Crew:
        """Return a crew of the same place that counts anew, with these settings where given."""

    def close(self) -> None:
        """Leave nothing behind; called when the run ends, however it does."""


class Executor(Protocol):
    """Where batches of one machine run: a local process, a container."""

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
