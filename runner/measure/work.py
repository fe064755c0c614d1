"""What the stages of a run share: what is declared, what is built, and what is known so far."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from runner.domain import Declared, Observation, Provisioned
from runner.domain.request import Request
from runner.executors.batches import Crew
from runner.host.progress import Reporter
from runner.measure.ledger import Ledger
from runner.store import Store


@dataclass(kw_only=True, slots=True)
class Work:
    """What the measuring stages share, from provisioning to publishing."""

    request: Request
    declared: Declared
    built: Provisioned
    store: Store
    ledger: Ledger
    crew: Crew
    reporter: Reporter
    errors: dict[str, Observation] = field(default_factory=dict)
    """Harness errors of this run, by job id; never kept in the journal as results."""
    fresh: set[str] = field(default_factory=set)
    """Jobs measured by this run: `--force` measures each of them once."""
    durations: dict[str, float] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


@contextmanager
def timed(durations: dict[str, float], stage: str) -> Iterator[None]:
    """Add the wall time of what is inside to the stage's."""
    begun = time.monotonic()
    try:
        yield
    finally:
        durations[stage] = durations.get(stage, 0.0) + time.monotonic() - begun
