"""The shards of a plan, stage 3: its bare loads and their estimated times -> equal parts. Pure.

The loads stand in a line, reader by reader, and the line is cut into as many parts as there are
shards, so that the longest part is as short as it can be. Only the readers at a cut are in two
parts: each machine builds few environments. A load's remedies go where it goes. The same plan
and the same times give the same parts, on whichever machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from runner.domain import Cell, Save

Seconds = npt.NDArray[np.float64]
_HALVINGS = 60
"""Of the interval in which the shortest possible longest part is looked for."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Loads `start` to `stop` (not included) of one reader, in planned order."""

    reader: str
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A plan, split."""

    shards: Sequence[Sequence[Piece]]
    loads: Mapping[str, Sequence[Cell]]
    """Reader -> its bare loads, in planned order."""
    estimated_s: Sequence[float]
    """Seconds of each shard, its environments included."""
    digest: str
    """Of the plan and its cuts: shards of one run have the same."""

    def cells(self, index: int) -> list[Cell]:
        """Return the bare loads of the shard with this index, from 1."""
        pieces = self.shards[index - 1]
        return [cell for each in pieces for cell in self.loads[each.reader][each.start : each.stop]]

    def readers(self, index: int) -> tuple[str, ...]:
        """Return the readers that the shard builds, in the order of the plan."""
        return tuple(dict.fromkeys(each.reader for each in self.shards[index - 1]))


def split_plan(
    bare: Iterable[Cell],
    readers: Sequence[str],
    of: int,
    *,
    cost_s: Callable[[Cell], float],
    setup_s: Callable[[str], float],
    about: str = "",
) -> Split:
    """Split the bare loads of a plan into `of` shards.

    `readers` are the environments of the run in order; those that no cell reads take part as
    well, for their controls. `cost_s` estimates a load with its remedies, `setup_s` the building
    and import of an environment. `about` counts in the digest: what else the shards share.
    """
    loads: dict[str, list[Cell]] = {name: [] for name in readers}
    for cell in bare:
        loads[cell.reader].append(cell)
    costs = {
        name: np.fromiter(map(cost_s, cells), np.float64, len(cells))
        for name, cells in loads.items()
    }
    setup = {name: setup_s(name) for name in loads}
    shards = cut(costs, setup, of)
    estimated = [
        sum(
            setup[each.reader] + float(costs[each.reader][each.start : each.stop].sum())
            for each in pieces
        )
        for pieces in shards
    ]
    return Split(
        shards=shards,
        loads=loads,
        estimated_s=estimated,
        digest=_digest(loads, shards, about),
    )


def split_saves(
    saves: Iterable[Save],
    writers: Sequence[str],
    of: int,
    *,
    setup_s: Callable[[str], float],
    save_s: float,
) -> list[list[Save]]:
    """Split saves likewise, by writer; each is taken to last `save_s` seconds."""
    by_writer: dict[str, list[Save]] = {name: [] for name in writers}
    for save in saves:
        by_writer[save.writer].append(save)
    by_writer = {name: found for name, found in by_writer.items() if found}
    costs = {name: np.full(len(found), save_s) for name, found in by_writer.items()}
    shards = cut(costs, {name: setup_s(name) for name in by_writer}, of)
    return [
        [save for each in pieces for save in by_writer[each.reader][each.start : each.stop]]
        for pieces in shards
    ]


def cut(
    costs: Mapping[str, Seconds], setup: Mapping[str, float], of: int
) -> list[tuple[Piece, ...]]:
    """Cut the line of all loads into at most `of` parts, the longest as short as possible.

    `costs` has the seconds of each reader's loads in order. A part begins its reader's setup
    anew. Parts at the end may be empty, where there are more of them than loads.
    """
    sums = {name: np.concatenate(([0.0], np.cumsum(each))) for name, each in costs.items()}
    whole = sum(float(each[-1]) + setup[name] for name, each in sums.items())
    low, high = 0.0, whole + 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _fill(sums, setup, middle, of) is None:
            low = middle
        else:
            high = middle
    found = _with_loads(_fill(sums, setup, high, of) or [])
    return [*found, *((),) * (of - len(found))]


def _with_loads(parts: Sequence[tuple[Piece, ...]]) -> list[tuple[Piece, ...]]:
    """Join a part that only controls environments to the one before it, or to the next."""
    found: list[tuple[Piece, ...]] = []
    for part in parts:
        if found and not (_has_loads(part) and _has_loads(found[-1])):
            found[-1] = (*found[-1], *part)
        else:
            found.append(part)
    return found


def _has_loads(part: Sequence[Piece]) -> bool:
    return any(each.stop > each.start for each in part)


@dataclass(slots=True)
class _Filling:
    """Parts that are filled one after the other."""

    limit: float
    parts: list[list[Piece]] = field(default_factory=lambda: [[]])
    left: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.limit

    def open_part(self) -> None:
        self.parts.append([])
        self.left = self.limit


def _fill(
    sums: Mapping[str, Seconds], setup: Mapping[str, float], limit: float, of: int
) -> list[tuple[Piece, ...]] | None:
    """Fill parts of at most `limit` seconds in order; None where it takes more than `of`."""
    filling = _Filling(limit)
    for name, sum_ in sums.items():
        start, last = 0, len(sum_) - 1
        while True:
            room = filling.left - setup[name]
            stop = int(np.searchsorted(sum_, sum_[start] + room, side="right")) - 1
            fits = room >= 0 and (stop > start or start == last)
            if not fits:
                if not filling.parts[-1] or len(filling.parts) == of:
                    return None
                filling.open_part()
                continue
            stop = min(stop, last)
            filling.parts[-1].append(Piece(name, start, stop))
            filling.left = room - float(sum_[stop] - sum_[start])
            start = stop
            if start == last:
                break
    return [tuple(part) for part in filling.parts]


def _digest(
    loads: Mapping[str, Sequence[Cell]], shards: Sequence[Sequence[Piece]], about: str
) -> str:
    found = hashlib.sha256(about.encode())
    for cells in loads.values():
        for cell in cells:
            found.update(f"{cell.id}\n".encode())
    for pieces in shards:
        found.update(f"{[(each.reader, each.start, each.stop) for each in pieces]}\n".encode())
    return found.hexdigest()[:16]
