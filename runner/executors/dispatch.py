"""The dispatcher: which environment's jobs an idle worker takes next. Pure; it knows no clock.

Input: the jobs of each environment with their estimated seconds, and what happens to workers.
Output: batches, each a run of one environment's jobs for one worker. The same code serves local
processes, a cluster, and the simulation of a cluster in virtual time.

A worker stays with an environment that it has started before, as long as there is work in it.
Otherwise it takes the one with the most work for each worker that is at it, if that is worth the
start. Batches get shorter as the work of an environment ends, so that no worker waits for another
at the end. A batch whose worker is lost is halved, until a single job is found; only that job is
given up. A worker that fails twice with nothing done gets no more.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Worker = Hashable
Seconds = npt.NDArray[np.float64]
LOST_ALONE = 2
"""Workers that may be lost with a single job before that job is given up."""
FAILURES = 2
"""Batches in a row that a worker may fail before it gets no more."""
WORTH = 0.9
"""Of the seconds of building an environment, that have to be left for each worker at it before
another one builds it too."""
MOST_BUILT = 1.48
"""Of the fair share of environments: once so many are built, one where others work is not."""
MOST_SPREAD = 1.9
"""A batch is the work left in its environment over its workers and this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The sizes of batches and the cost of a start, in seconds."""

    shortest_s: float = 10.0
    """A batch is not split below this: each pays an import of the framework."""
    longest_s: float = 600.0
    """No batch is longer: it is all that a lost worker takes with it."""
    split: bool = True
    """Whether two workers may be at one environment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """The jobs of one environment."""

    costs: Seconds
    """Estimated seconds of each job, in the order in which they share processes."""
    build_s: float = 0.0
    """Of the environment, on a worker that does not have it."""
    import_s: float = 0.0
    """Of its framework, at the beginning of each batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs `start` to `stop` (not included) of an environment, for one worker."""

    number: int
    environment: str
    start: int
    stop: int
    estimated_s: float
    """Without build and import."""

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(slots=True)
class _Queue:
    """The waiting jobs of an environment, as ranges."""

    work: Work
    sums: Seconds
    ranges: list[tuple[int, int]]
    """The last one is taken first."""
    left_s: float
    workers: set[Worker] = field(default_factory=set)
    """At work in it now."""
    built: set[Worker] = field(default_factory=set)
    refused: set[Worker] = field(default_factory=set)
    """Workers that cannot work in it."""

    def cost(self, start: int, stop: int) -> float:
        return float(self.sums[stop] - self.sums[start])

    def put_back(self, start: int, stop: int) -> None:
        self.ranges.append((start, stop))
        self.left_s += self.cost(start, stop)

    @property
    def share_s(self) -> float:
        """The work left for each worker if one more came, with the imports of its batches."""
        share = self.left_s / (len(self.workers) + 1)
        halvings = np.log2(max(1.0, share / max(10.0, 2 * self.work.import_s)))
        return float(share + self.work.import_s * (2 + halvings))


class Dispatcher:
    """Hands out the jobs of a round, and takes back what was lost."""

    def __init__(self, works: Mapping[str, Work], policy: Policy) -> None:
        self._policy = policy
        self._queues = {name: _queue(work) for name, work in works.items() if len(work.costs)}
        self._running: dict[int, tuple[Batch, Worker]] = {}
        self._losses: dict[tuple[str, int], int] = {}
        self._failures: dict[Worker, int] = {}
        self._at: dict[Worker, str] = {}
        self._workers: set[Worker] = set()
        self._number = 0
        self._builds: dict[Worker, int] = {}
        """Environments that a worker has built in this round."""
        self._built = 0
        """Their sum."""
        self.quarantined: dict[Worker, str] = {}
        """Workers that get no more, and why."""

    @property
    def finished(self) -> bool:
        """Whether no job waits and none is at work."""
        return not self._running and not any(each.ranges for each in self._queues.values())

    @property
    def waiting(self) -> int:
        """Jobs that no worker has."""
        return sum(stop - start for each in self._queues.values() for start, stop in each.ranges)

    def announce(self, worker: Worker, environments: Sequence[str] = ()) -> None:
        """Note a worker, and the environments that it has built already."""
        self._workers.add(worker)
        for name in environments:
            if name in self._queues:
                self._queues[name].built.add(worker)

    def leave(self, worker: Worker) -> None:
        """Note that a worker is gone, and what it had built; its batch is told as `lost`."""
        self._workers.discard(worker)
        self._forget(worker)

    def refuse(self, worker: Worker, environment: str) -> int:
        """Note that a worker cannot work in an environment; return how many cannot."""
        queue = self._queues[environment]
        queue.refused.add(worker)
        return len(queue.refused)

    def give_up(self, environment: str) -> list[int]:
        """Take back the waiting jobs of an environment; they are given to nobody."""
        queue = self._queues[environment]
        jobs = [job for start, stop in sorted(queue.ranges) for job in range(start, stop)]
        queue.ranges.clear()
        queue.left_s = 0.0
        return jobs

    def waits_for(self) -> list[str]:
        """Return the environments that have waiting jobs."""
        return [name for name, each in self._queues.items() if each.ranges]

    def take(self, worker: Worker) -> Batch | None:
        """Return the next batch of an idle worker; None if there is none worth its start."""
        if worker in self.quarantined:
            return None
        self._workers.add(worker)
        name = self._choose(worker)
        if name is None:
            return None
        queue = self._queues[name]
        start, stop = queue.ranges.pop()
        end = self._cut(queue, start, stop)
        if end < stop:
            queue.ranges.append((end, stop))
        seconds = queue.cost(start, end)
        queue.left_s -= seconds
        queue.workers.add(worker)
        if worker not in queue.built:
            self._builds[worker] = self._builds.get(worker, 0) + 1
            self._built += 1
        queue.built.add(worker)
        self._at[worker] = name
        self._number += 1
        batch = Batch(self._number, name, start, end, seconds)
        self._running[batch.number] = (batch, worker)
        return batch

    def done(self, batch: Batch) -> bool:
        """Note that every job of a batch has its observation; False if it was given up before."""
        found = self._end(batch)
        if found is not None:
            self._failures.pop(found, None)
        return found is not None

    def lost(self, batch: Batch) -> int | None:
        """Note that a batch's worker is gone; return the job that is given up, if one is.

        A batch of several jobs is halved.
        """
        worker = self._end(batch)
        if worker is None:
            return None
        self._forget(worker)
        queue = self._queues[batch.environment]
        if len(batch) > 1:
            middle = (batch.start + batch.stop) // 2
            queue.put_back(middle, batch.stop)
            queue.put_back(batch.start, middle)
            return None
        key = (batch.environment, batch.start)
        self._losses[key] = self._losses.get(key, 0) + 1
        if self._losses[key] >= LOST_ALONE:
            return batch.start
        queue.put_back(batch.start, batch.stop)
        return None

    def failed(self, batch: Batch, reason: str, *, for_good: bool = False) -> bool:
        """Note that a worker could not run a batch at all; return whether it gets no more.

        The batch waits for another worker. `for_good` is a worker that can never run one.
        """
        worker = self._end(batch)
        if worker is None:
            return False
        queue = self._queues[batch.environment]
        queue.put_back(batch.start, batch.stop)
        queue.built.discard(worker)
        self._failures[worker] = self._failures.get(worker, 0) + 1
        if for_good or self._failures[worker] >= FAILURES:
            self.quarantined[worker] = reason
        return worker in self.quarantined

    def _forget(self, worker: Worker) -> None:
        for queue in self._queues.values():
            queue.built.discard(worker)
        self._at.pop(worker, None)
        self._built -= self._builds.pop(worker, 0)

    def _end(self, batch: Batch) -> Worker | None:
        _, worker = self._running.pop(batch.number, (None, None))
        if worker is not None:
            self._queues[batch.environment].workers.discard(worker)
        return worker

    def _choose(self, worker: Worker) -> str | None:
        """Return the environment that the worker works in next."""
        at = self._at.get(worker)
        if at is not None and self._may_take(worker, self._queues[at]):
            return at
        built = [
            (each.share_s, name)
            for name, each in self._queues.items()
            if worker in each.built and self._may_take(worker, each)
        ]
        if built:
            return max(built)[1]
        others = [
            (each.share_s, name)
            for name, each in self._queues.items()
            if self._may_take(worker, each) and self._is_worth(each)
        ]
        return max(others)[1] if others else None

    def _may_take(self, worker: Worker, queue: _Queue) -> bool:
        free = self._policy.split or not queue.workers
        return bool(queue.ranges) and free and worker not in queue.refused

    def _is_worth(self, queue: _Queue) -> bool:
        """Whether the work would end earlier with one worker more, that first builds it."""
        if not queue.workers:
            return True
        fair = max(len(self._workers), len(self._queues))
        if queue.work.build_s and self._built >= MOST_BUILT * fair:
            return False
        start_s = WORTH * queue.work.build_s + queue.work.import_s
        return queue.left_s / len(queue.workers) > start_s

    def _cut(self, queue: _Queue, start: int, stop: int) -> int:
        """Return where a batch that begins at `start` ends."""
        policy = self._policy
        own_s = queue.left_s / (len(queue.workers) + 1)
        all_s = sum(each.left_s for each in self._queues.values()) / max(1, len(self._workers))
        if queue.cost(start, stop) <= min(all_s, policy.longest_s):
            # Nobody waits for it at the end: one import for all of it.
            return stop
        spread = min(own_s, all_s) / MOST_SPREAD
        least = max(policy.shortest_s, queue.work.import_s)
        shortest = max(policy.shortest_s, 2 * queue.work.import_s)
        if own_s < shortest:
            # The last batches of an environment: its workers are to end together.
            shortest = max(least, own_s)
        size = min(max(spread, shortest), policy.longest_s)
        sums = queue.sums
        end = int(np.searchsorted(sums, sums[start] + size, side="right")) - 1
        end = min(max(end, start + 1), stop)
        # What would be left over is no batch of its own.
        if queue.cost(end, stop) < least / 2 and queue.cost(start, stop) <= policy.longest_s:
            return stop
        return end


def _queue(work: Work) -> _Queue:
    sums = np.concatenate(([0.0], np.cumsum(work.costs)))
    return _Queue(work=work, sums=sums, ranges=[(0, len(work.costs))], left_s=float(sums[-1]))


# --- the same code in virtual time -----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """A round, as it would run."""

    wall_s: float
    """Until the last batch ended."""
    idle: float
    """Share of all workers' time until then that they had nothing to do."""
    builds: int
    """Environments built, summed over the workers."""
    batches: int
    cells: int


def simulate(
    works: Mapping[str, Work],
    actual: Mapping[str, Seconds],
    workers: int,
    policy: Policy,
) -> Simulated:
    """Run a round with the real dispatcher in virtual time.

    `works` has the estimates that the dispatcher sees, `actual` the seconds that jobs take.
    """
    dispatcher = Dispatcher(works, policy)
    sums = {name: np.concatenate(([0.0], np.cumsum(each))) for name, each in actual.items()}
    events: list[tuple[float, int, Batch | None]] = [(0.0, each, None) for each in range(workers)]
    heapq.heapify(events)
    for each in range(workers):
        dispatcher.announce(each)
    built: set[tuple[int, str]] = set()
    busy_s = wall_s = 0.0
    batches = 0
    while events:
        now, worker, batch = heapq.heappop(events)
        if batch is not None:
            dispatcher.done(batch)
            wall_s = now
        # Nothing is lost here, so whoever finds nothing to do never will.
        found = dispatcher.take(worker)
        if found is None:
            continue
        work, own = works[found.environment], sums[found.environment]
        seconds = work.import_s + float(own[found.stop] - own[found.start])
        if (worker, found.environment) not in built:
            built.add((worker, found.environment))
            seconds += work.build_s
        busy_s += seconds
        batches += 1
        heapq.heappush(events, (now + seconds, worker, found))
    return Simulated(
        wall_s=wall_s,
        idle=1 - busy_s / (wall_s * workers) if wall_s else 0.0,
        builds=len(built),
        batches=batches,
        cells=sum(map(len, actual.values())),
    )
