"""The environments of a run, built by workers: the first of them says what each is.

Input: an environment. Output: its facts, as the worker found it that built it, or has it already;
or the error of two workers that could not. Called from several threads, one of which at a time
looks after the workers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.executors.dask.messages import Build, Built, Ended
from runner.executors.dask.team import Answered, Event, Left, Team

TRIES = 2
"""Workers that may fail to build an environment before it is unavailable."""


@dataclass(kw_only=True, slots=True)
class _Building:
    """An environment that is asked for."""

    environment: Environment
    lock: tuple[str, str]
    worker: str = ""
    failed: dict[str, ProvisionError] = field(default_factory=dict)
    """Worker -> its error."""
    found: ProvisionedEnvironment | ProvisionError | None = None


@dataclass(kw_only=True)
class Builders:
    """Has environments built, each by one worker."""

    team: Team
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _asked: list[_Building] = field(default_factory=list)
    _orders: dict[int, _Building] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def build(
        self, environment: Environment, lock_digest: str
    ) -> ProvisionedEnvironment | ProvisionError:
        """Have an environment built; wait until it is.

        Raises:
            ClusterError: no worker is there, or the scheduler does not answer.
        """
        asked = _Building(environment=environment, lock=(environment.id, lock_digest))
        with self._guard:
            self._asked.append(asked)
        while asked.found is None:
            if self.stopped.is_set():
                return ProvisionError(f"{environment.id}: the run was interrupted")
            with self._guard:
                self._give_orders()
                for event in self.team.events(wait_s=0.2):
                    self._take(event)
        return asked.found

    def _give_orders(self) -> None:
        for asked in [each for each in self._asked if not each.worker and each.found is None]:
            worker = next(self._fitting(asked), None)
            if worker is None:
                continue
            number = self.team.send(worker, partial(Build, environment=asked.environment))
            asked.worker = worker
            self._orders[number] = asked

    def _fitting(self, asked: _Building) -> Iterator[str]:
        """Yield idle workers that have not failed with it, those that have it built first."""
        idle = [each for each in self.team.idle if each not in asked.failed]
        members = self.team.members
        yield from sorted(idle, key=lambda each: asked.lock not in members[each].locks)

    def _take(self, event: Event) -> None:
        number = event.answer.number if isinstance(event, Answered) else None
        if isinstance(event, Left):
            number = event.number
        asked = self._orders.pop(number, None) if number is not None else None
        if asked is None:
            return
        worker, asked.worker = asked.worker, ""
        answer = event.answer if isinstance(event, Answered) else None
        if isinstance(answer, Built) and answer.facts is not None:
            asked.found = answer.facts.elsewhere(asked.environment)
            share_lock(self.team, worker, asked.lock)
            return
        asked.failed[worker] = self._error(asked, answer)
        others = [each for each in self.team.members if each not in asked.failed]
        if len(asked.failed) >= TRIES or (isinstance(answer, Built) and not others):
            asked.found = asked.failed[worker]

    @staticmethod
    def _error(asked: _Building, answer: object) -> ProvisionError:
        name = asked.environment.id
        if isinstance(answer, Built):
            return ProvisionError(answer.message, cause=answer.cause, next_step=answer.next_step)
        said = answer.reason if isinstance(answer, Ended) else "the worker was lost"
        return ProvisionError(
            f"{name}: no worker could build it: {said}",
            cause="a worker's disk or network failed, or its machine was taken away",
            next_step="repeat the command",
        )


def share_lock(team: Team, worker: str, lock: tuple[str, str]) -> list[str]:
    """Note that a worker has built an environment; return all whose machine has it now."""
    member = team.members.get(worker)
    if member is None:
        return []
    sharing = [name for name, each in team.members.items() if each.place == member.place]
    for name in sharing:
        team.members[name].locks.add(lock)
    return sharing
