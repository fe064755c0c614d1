"""The workers of a cluster: who is there, who may be used, and what they answer.

Input: orders, each for one worker. Output: events, in the order in which they happened. Which
worker does what is decided elsewhere; Dask carries the orders. A worker has one order at a time,
and Dask repeats none: each is bound to its worker, and given up here once that is gone.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import dask.config
from distributed import Client, Future, Queue

from runner.domain.errors import ClusterError
from runner.executors.dask import messages
from runner.executors.dask.address import is_safe
from runner.executors.dask.messages import AnyAnswer, AnyOrder, Describe, Description, Ended
from runner.executors.dask.worker import work
from runner.executors.interface import Warn

LOOK_S = 1.0
"""Between two questions who is there."""
STEP_S = 0.1
SILENCE_S = 60.0
"""A worker that the scheduler did not hear of for so long is taken for lost."""
CALL_S = 30.0
"""A scheduler that does not answer for so long is taken for lost."""
MAKE_SURE = "--nthreads 1 --memory-limit 0"


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker may be used from here on."""

    worker: str


@dataclass(frozen=True, slots=True)
class Left:
    """A worker is gone, with the order that it had."""

    worker: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A worker's answer to the order that it has."""

    worker: str
    answer: AnyAnswer


Event = Joined | Left | Answered


@dataclass(kw_only=True, slots=True)
class _Known:
    """A worker as the scheduler tells of it."""

    last_seen: float
    heard_at: float
    """When `last_seen` changed, by this machine's clock."""
    process: str = ""
    """Of its description; empty until it came."""
    number: int | None = None
    """Of the order that it has."""


@dataclass(kw_only=True, slots=True)
class Member:
    """A worker that may be used."""

    name: str
    place: str
    """Machine and store."""
    locks: set[tuple[str, str]]
    """Environments built there, each with the digest of its lock."""


@dataclass(kw_only=True)
class Team:
    """The workers of one scheduler."""

    client: Client
    order: Callable[[str, int], dict[str, Any]]
    """Queue and number -> the fields that every order has."""
    tool: str
    warn: Warn
    start_timeout_s: float
    members: dict[str, Member] = field(default_factory=dict)
    """Address -> a worker that may be used."""
    refused: dict[str, str] = field(default_factory=dict)
    """Address -> why a worker may not be used."""

    def __post_init__(self) -> None:
        self.silence_s = float(dask.config.get("keras-matrix.silence", SILENCE_S))
        self._name = f"keras-matrix-{secrets.token_hex(8)}"
        self._queue = Queue(self._name, client=self.client)
        self._known: dict[str, _Known] = {}
        self._orders: dict[int, tuple[str, Future]] = {}
        self._broken: SimpleQueue[tuple[int, str]] = SimpleQueue()
        self._number = 0
        self._looked_at = float("-inf")
        self._alone_since = time.monotonic()

    @property
    def idle(self) -> list[str]:
        """The workers that may be used and have no order."""
        return [each for each in self.members if self._known[each].number is None]

    def send(self, worker: str, make: Callable[..., AnyOrder]) -> int:
        """Send an idle worker an order, which `make` completes; return its number."""
        self._number += 1
        number = self._number
        text = messages.encode(make(**self.order(self._name, number)))
        with self._scheduler():
            future = self.client.submit(
                work,
                text,
                key=f"{self._name}-{number}",
                workers=[worker],
                allow_other_workers=False,
                retries=0,
                pure=False,
            )
        self._orders[number] = worker, future
        self._known[worker].number = number
        future.add_done_callback(lambda ended: self._note_end(number, ended))
        return number

    def events(self, wait_s: float = LOOK_S) -> Iterator[Event]:
        """Yield what happened, after so many seconds at most.

        Raises:
            ClusterError: the scheduler does not answer, or no worker that may be used is there
                for longer than `start_timeout_s`.
        """
        until = time.monotonic() + wait_s
        some = False
        while not some:
            if time.monotonic() - self._looked_at >= LOOK_S:
                for event in self._look():
                    some = True
                    yield event
            for answer in self._answers():
                some = True
                yield from self._take(answer)
            for event in self._take_broken():
                some = True
                yield event
            self._require_members()
            if time.monotonic() >= until:
                return
            if not some:
                time.sleep(STEP_S)

    def end(self) -> None:
        """Take back every order; workers end their probes soon."""
        futures = [future for _, future in self._orders.values()]
        self._orders.clear()
        with contextlib.suppress(Exception):
            self.client.cancel(futures, force=True)
        for known in self._known.values():
            known.number = None

    def close(self) -> None:
        """End everything, and remove the queue."""
        self.end()
        with contextlib.suppress(Exception):
            self._queue.close()

    # --- what the scheduler says

    def _look(self) -> Iterator[Event]:
        """Ask the scheduler who is there."""
        with self._scheduler():
            found = self.client.sync(
                self.client.scheduler.identity, n_workers=-1, callback_timeout=CALL_S
            )["workers"]
        now = self._looked_at = time.monotonic()
        for address in [each for each in self._known if each not in found]:
            yield from self._lose(address, "it is gone")
        for address, said in found.items():
            known = self._known.get(address)
            if known is None:
                self._meet(address, said, now)
            elif known.last_seen != said["last_seen"]:
                known.last_seen, known.heard_at = said["last_seen"], now
                if not known.process and known.number is None and address not in self.refused:
                    # It was silent, and is not any more.
                    self._ask(address)
            elif now - known.heard_at > self.silence_s and (known.process or known.number):
                yield from self._silence(address)

    def _meet(self, address: str, said: dict[str, Any], now: float) -> None:
        self._known[address] = _Known(last_seen=said["last_seen"], heard_at=now)
        fault = _fault(address, said)
        if fault:
            self._refuse(address, fault)
        else:
            self._ask(address)

    def _ask(self, address: str) -> None:
        self.send(address, Describe)

    def _refuse(self, address: str, reason: str) -> None:
        self.refused[address] = reason
        self.members.pop(address, None)
        self.warn(f"worker {address} is not used: {reason}")

    def _lose(self, address: str, why: str) -> Iterator[Event]:
        known = self._known.pop(address)
        self.refused.pop(address, None)
        yield from self._give_up(address, known, why)

    def _silence(self, address: str) -> Iterator[Event]:
        """Take a silent worker for lost, but know it again when it speaks."""
        known = self._known[address]
        yield from self._give_up(address, known, f"silent for {self.silence_s:.0f} s")
        known.process, known.number = "", None

    def _give_up(self, address: str, known: _Known, why: str) -> Iterator[Event]:
        if known.number is not None:
            self._drop(known.number)
        if self.members.pop(address, None) is not None:
            self.warn(f"worker {address} is lost: {why}")
            yield Left(address, known.number)
        if not self.members:
            self._alone_since = time.monotonic()

    def _drop(self, number: int) -> None:
        """Take an order back: neither its worker nor another is to carry it out."""
        _, future = self._orders.pop(number, (None, None))
        if future is not None:
            with contextlib.suppress(Exception):
                self.client.cancel([future], force=True)

    # --- what workers say

    def _answers(self) -> list[AnyAnswer]:
        with self._scheduler():
            texts = self._queue.get(batch=True)
        return [messages.read_answer(each) for each in texts]

    def _take(self, answer: AnyAnswer) -> Iterator[Event]:
        """Take an answer to an order that is still asked for; others are late."""
        worker, _ = self._orders.get(answer.number, ("", None))
        if not worker:
            return
        known = self._known[worker]
        if known.process and known.process != answer.process:
            # Started again at the same address: Dask gave it the order of the one before.
            yield from self._give_up(worker, known, "it was started again")
            known.process, known.number = "", None
            self._ask(worker)
            return
        if not isinstance(answer, messages.Seen):
            self._done(answer.number)
        if isinstance(answer, Description):
            yield from self._admit(worker, known, answer)
            return
        if isinstance(answer, Ended) and not known.process:
            # It could not even say what it is.
            self._refuse(worker, answer.reason)
            return
        yield Answered(worker, answer)
        if isinstance(answer, Ended) and answer.how == "refused":
            self._refuse(worker, answer.reason)

    def _admit(self, worker: str, known: _Known, said: Description) -> Iterator[Event]:
        if said.tool != self.tool:
            self._refuse(worker, "its tool, its probe, its scenarios or its locks are others")
            return
        known.process = said.process
        self.members[worker] = Member(name=worker, place=said.place, locks=set(said.locks))
        yield Joined(worker)

    def _done(self, number: int) -> None:
        worker, _ = self._orders.pop(number)
        self._known[worker].number = None

    def _note_end(self, number: int, future: Future) -> None:
        """Note a task that Dask ended otherwise than by the end of its function."""
        if future.status == "finished":
            return
        try:
            raised = future.exception(timeout=CALL_S) if future.status == "error" else None
            reason = _explain(raised) if raised else str(future.status)
        except (Exception, CancelledError) as error:  # noqa: BLE001 - then that is the reason
            reason = _explain(error)
        self._broken.put((number, reason[:300]))

    def _take_broken(self) -> Iterator[Event]:
        with contextlib.suppress(Empty):
            while True:
                number, reason = self._broken.get_nowait()
                worker, _ = self._orders.get(number, ("", None))
                if not worker:
                    continue
                self._done(number)
                known = self._known[worker]
                if not known.process:
                    self._refuse(worker, f"it cannot carry out an order: {reason}")
                    continue
                ended = Ended(number=number, process=known.process, how="failed", reason=reason)
                yield Answered(worker, ended)

    # --- faults

    def _require_members(self) -> None:
        if self.members:
            self._alone_since = time.monotonic()
            return
        waited_s = time.monotonic() - self._alone_since
        if waited_s > self.start_timeout_s:
            raise no_worker(self.client_address, waited_s, self.refused)

    @property
    def client_address(self) -> str:
        """The address of the scheduler."""
        return str(self.client.scheduler.address) if self.client.scheduler else "the scheduler"

    @contextlib.contextmanager
    def _scheduler(self) -> Iterator[None]:
        """Turn every fault of the connection into one error."""
        try:
            yield
        except (OSError, RuntimeError, CancelledError) as error:
            raise ClusterError(
                f"the scheduler is lost: {type(error).__name__}: {str(error)[:200]}",
                cause="it was ended, or the network to it",
                next_step="start scheduler and workers again, then run the same command again: "
                "every recorded cell is kept",
            ) from error


def _explain(error: BaseException) -> str:
    """Return an error of Dask in words."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, ImportError) or "deserialization" in said:
        return f"scheduler or worker cannot import this tool; start both where it is ({said})"
    return said


def _fault(address: str, said: dict[str, Any]) -> str:
    """Return why a worker may not be used, by what the scheduler says of it; empty for nothing."""
    if said["nthreads"] != 1:
        return f"it has {said['nthreads']} threads; start it with {MAKE_SURE}"
    if said.get("memory_limit") and said["memory_limit"] != float("inf"):
        return (
            "Dask's memory limit is on, and would end it where a cell is out of memory; "
            f"start it with {MAKE_SURE}"
        )
    if not is_safe(address):
        return "it is reached over a network without TLS"
    return ""


def no_worker(address: str, waited_s: float, refused: dict[str, str]) -> ClusterError:
    """Return the error where no worker may be used."""
    shown = "".join(f"\n    {name}: {why}" for name, why in sorted(refused.items())[:5])
    return ClusterError(
        f"no worker that may be used came to {address} within {waited_s:.0f} s"
        + (f"; refused were:{shown}" if shown else ""),
        cause="the refused ones are started otherwise than needed"
        if shown
        else "no worker was started, or the cluster has no machine free",
        next_step=f"dask worker {address} {MAKE_SURE}; then run the same command again",
    )
