"""The executors there are, one row each: nothing outside this folder branches on a name.

Input: a request, which names one. Output: its place, opened. A row's module is imported when
it is first needed: who measures in local processes never imports the docker library.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runner.domain.errors import SelectionError
from runner.domain.request import DEFAULT_EXECUTOR, Request
from runner.executors.interface import OpenPlace, Place, Warn


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorRow:
    """All facts of one executor."""

    name: str
    """As `--executor` and `run.json` have it."""
    summary: str
    """Where probes run, in a few words, for help and tables."""
    contained: bool
    """Whether a job sees no file of the host but those it is given."""
    here: bool = True
    """Whether probes run on this machine, and see its files."""
    sandboxes: bool = True
    """Whether a user's own file may be loaded with it."""
    module: str
    """The module whose `open_place` opens it; see `interface`."""

    def open_place(self) -> OpenPlace:
        """Import the row's module and return the function that opens it."""
        found: OpenPlace = importlib.import_module(self.module).open_place
        return found


EXECUTORS: tuple[ExecutorRow, ...] = (
    ExecutorRow(
        name=DEFAULT_EXECUTOR,
        summary="processes of this machine",
        contained=False,
        module="runner.executors.local.place",
    ),
    ExecutorRow(
        name="docker",
        summary="containers",
        contained=True,
        module="runner.executors.docker.place",
    ),
    ExecutorRow(
        name="dask",
        summary="workers of a Dask cluster",
        contained=False,
        here=False,
        sandboxes=False,
        module="runner.executors.dask.place",
    ),
)
DEFAULT = DEFAULT_EXECUTOR
"""The one that is taken where none is named."""
CONTAINED = next(row for row in EXECUTORS if row.contained)
"""The one for model files and scenarios of others; the bench compares it with the default."""
NAMES = tuple(row.name for row in EXECUTORS)
CLUSTER = next(row for row in EXECUTORS if not row.here)
"""The one for many machines; the bench compares it with the default."""
HERE = tuple(row.name for row in EXECUTORS if row.here)
"""Those that start probes on the machine they run on, as a worker of a cluster does."""
SANDBOXES = tuple(row.name for row in EXECUTORS if row.sandboxes)
"""Those that a user's own file may be loaded with."""


def executor_row(name: str) -> ExecutorRow:
    """Return the row of that name.

    Raises:
        SelectionError: there is none.
    """
    for row in EXECUTORS:
        if row.name == name:
            return row
    raise SelectionError(
        f"no executor is called {name[:80]!r}",
        cause=f"there are: {', '.join(NAMES)}",
        next_step=f"name one: --executor {DEFAULT}",
    )


def _unheard(_: str) -> None:
    """Where nobody listens."""


@contextmanager
def open_place(request: Request, warn: Warn = _unheard) -> Iterator[Place]:
    """Give the place a request names; `warn` gets messages about its environments.

    Raises:
        NoEnvironmentError: it needs an engine, and none answers.
        SelectionError: no executor has that name.
    """
    with executor_row(request.executor).open_place()(request, warn) as place:
        yield place
