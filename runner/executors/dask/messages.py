"""The orders for a worker and its answers, as JSON text: nothing else passes the scheduler.

An order is the text that a task gets. Its answers come back through a queue of the scheduler,
in the order in which they were given; a task returns nothing. Artifacts are named by the digests
of their packs, which lie in the exchange.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from runner.domain import Environment
from runner.store.exchange import EnvironmentFacts


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """All that every order says."""

    queue: str
    """The queue of the answers."""
    number: int
    tool: str
    """Digest of the tool, its probe, its scenarios and its locks; a worker with another refuses."""
    executor: str
    """How the worker starts probes."""
    settings: dict[str, Any]
    """Further fields of its request: the images' names."""
    root: str
    """The repository of the coordinator, for the texts of observations."""
    store: str
    """Its store: the paths of jobs are below it."""
    here: bool
    """Whether the worker is a part of the coordinator, and uses its repository and its store."""
    exchange: str
    """Folder or address where artifacts are shared."""
    scenarios: str = ""
    """Digest of the pack of the coordinator's `scenarios`, where a user's own are among them."""


class Describe(Order, frozen=True, kw_only=True, tag="describe"):
    """Say what you are."""


class Build(Order, frozen=True, kw_only=True, tag="build"):
    """Build an environment."""

    environment: Environment


class OrderedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a batch."""

    id: str
    kind: str
    payload: dict[str, Any]


class Run(Order, frozen=True, kw_only=True, tag="run"):
    """Run jobs in an environment."""

    environment: Environment
    facts: EnvironmentFacts
    """What it must be: results are filed under them."""
    packs: dict[str, str]
    """Folder below the store -> digest of the pack that it is made of."""
    limits: dict[str, int]
    start_method: str
    jobs: list[OrderedJob]


AnyOrder = Describe | Build | Run


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """All that every answer says."""

    number: int
    """Of the order."""
    process: str
    """Another one after each start of the worker."""


class Description(Answer, frozen=True, kw_only=True, tag="description"):
    """The answer to `describe`."""

    tool: str
    place: str
    """Machine and folder: workers of one place share their environments."""
    locks: list[tuple[str, str]]
    """Environments that are built there, each with the digest of its lock."""


class Built(Answer, frozen=True, kw_only=True, tag="built"):
    """The answer to `build`."""

    facts: EnvironmentFacts | None = None
    message: str = ""
    cause: str = ""
    next_step: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The observation of a job."""

    id: str
    observation: str
    """As JSON, which may have numbers that are not finite."""
    pack: str = ""
    """Digest of the pack of the files that it has written; empty if it wrote none."""


class Seen(Answer, frozen=True, kw_only=True, tag="seen"):
    """Results of jobs, as soon as they are there."""

    results: list[Result]


class Ended(Answer, frozen=True, kw_only=True, tag="ended"):
    """The last answer to an order that failed, and to `run`."""

    how: Literal["done", "failed", "unfit", "refused"]
    """`failed`: the worker could not do it; `unfit`: it cannot work in this environment;
    `refused`: it never can."""
    reason: str = ""
    imports_s: list[float] = []
    starts_s: list[float] = []


AnyAnswer = Description | Built | Seen | Ended


def encode(message: AnyOrder | AnyAnswer) -> str:
    """Return the text of an order or an answer."""
    return msgspec.json.encode(message).decode()


def read_order(text: str) -> AnyOrder:
    """Return the order of a text.

    Raises:
        ValueError: it is none.
    """
    order: AnyOrder = msgspec.json.decode(text, type=AnyOrder)
    return order


def read_answer(text: str) -> AnyAnswer:
    """Return the answer of a text.

    Raises:
        ValueError: it is none.
    """
    answer: AnyAnswer = msgspec.json.decode(text, type=AnyAnswer)
    return answer
