"""What the stages of a run share: what is declared, what is built, and what is known so far."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from runner.declare.catalog import Catalog
from runner.declare.claims import ClaimSet
from runner.domain import Cause, Environment, Observation, ProvisionedEnvironment
from runner.errors import ProvisionError
from runner.execute import Crew
from runner.ledger import Ledger
from runner.plan import Field
from runner.progress import Reporter
from runner.request import Request
from runner.store import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """Stage 1: everything the repository declares, and what was asked of it."""

    catalog: Catalog
    environments: Sequence[Environment]
    field: Field
    causes: Sequence[Cause]
    claims: ClaimSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Provisioned:
    """Stage 2: the environments that could be built, and why the others could not."""

    available: Mapping[str, ProvisionedEnvironment]
    unavailable: Mapping[str, ProvisionError]


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
