"""The progress of a shard, as other machines see it; and that of all shards together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

SCHEMA: Literal["progress/1"] = "progress/1"
SILENT = timedelta(minutes=5)
"""A shard that told nothing for so long may have ended."""


class ShardProgress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The progress of one shard (`progress/1`)."""

    schema: Literal["progress/1"] = SCHEMA
    index: int
    of: int
    plan: str
    """Digest of the whole plan: shards of another plan are not joined with these."""
    host: str
    at: datetime
    """When it was told, UTC."""
    state: Literal["running", "finished", "stopped"]
    phase: str = ""
    done: int = 0
    total: int = 0
    """Jobs of the present phase."""
    cells: int = 0
    """Loads that were measured in all phases so far."""
    outcomes: dict[str, int] = {}
    """Of these."""
    environments: dict[str, str] = {}
    """Environment -> its present work."""
    left_s: float | None = None
    """Seconds left, as it estimates them; null before it can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JoinedProgress:
    """The progress of all shards of a plan that told of theirs."""

    of: int
    shards: Sequence[ShardProgress]
    silent: Sequence[ShardProgress]
    """Those at work that told nothing for long."""
    unheard: Sequence[int]
    """Indices of those that never told anything."""

    @property
    def finished(self) -> int:
        """The number of finished shards."""
        return sum(each.state == "finished" for each in self.shards)

    @property
    def machines(self) -> int:
        """The number of machines with a shard at work."""
        return len({each.host for each in self._at_work})

    @property
    def cells(self) -> int:
        """Loads measured so far."""
        return sum(each.cells for each in self.shards)

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Their outcomes."""
        found: Counter[str] = Counter()
        for each in self.shards:
            found.update(each.outcomes)
        return found

    @property
    def environments(self) -> Mapping[str, int]:
        """Present work -> the number of environments of shards at work that are at it."""
        return Counter(work for each in self._at_work for work in each.environments.values())

    @property
    def left_s(self) -> float | None:
        """Seconds until the last shard at work ends; None where one cannot say."""
        known = [each.left_s for each in self._at_work]
        if not known or self.unheard or None in known:
            return None
        return max(each for each in known if each is not None)

    @property
    def _at_work(self) -> list[ShardProgress]:
        return [each for each in self.shards if each.state == "running"]


def join_progress(records: Iterable[ShardProgress], now: datetime) -> list[JoinedProgress]:
    """Join what shards told, plan by plan; the newest record of a shard counts."""
    plans: dict[tuple[str, int], dict[int, ShardProgress]] = {}
    for each in sorted(records, key=lambda record: record.at):
        plans.setdefault((each.plan, each.of), {})[each.index] = each
    return [
        JoinedProgress(
            of=of,
            shards=[shards[index] for index in sorted(shards)],
            silent=[
                each
                for each in shards.values()
                if each.state == "running" and now - each.at > SILENT
            ],
            unheard=[index for index in range(1, of + 1) if index not in shards],
        )
        for (_, of), shards in plans.items()
    ]
