"""The files of each release in both directions: read by it, and written by it for others.

Input: a published run and its coded cells. Output: for each environment and role, the bare loads
by format and by group, and what is lost and won against the release before it.

Only bare loads of whole files count that their writer, loading the same way, gets back as the same
model; a format that the reader does not have counts as a load that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import pandas as pd

from runner.analyse.advice import number_pairs
from runner.analyse.grids import (
    COMPATIBILITY,
    DAMAGE,
    DIVERGED,
    EQUIVALENT,
    MEASURED,
    UNSUPPORTED,
    Coded,
    Codes,
    Mask,
    code_column,
)
from runner.domain import Help
from runner.publish.reading import PublishedRun


class Role(StrEnum):
    """The part of a release in a load."""

    READER = "reader"
    WRITER = "writer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Loads of one release in one role: all of them, or those of a format or a group."""

    id: str
    """Of the format or the group; empty for all."""
    loads: int
    same: int
    silent: int
    lost: int
    """The same model with the release before, and not with this one."""
    won: int
    both: int
    """Loads that were measured with the release before, too."""

    @property
    def failing(self) -> int:
        """Neither the same model nor silently another."""
        return self.loads - self.same - self.silent


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """The lost loads of one cause."""

    cause: str
    """Empty where no cause is known."""
    loads: int
    silent: int
    formats: tuple[str, ...]
    scenarios: int
    tried: int
    """Loads for which another way of loading was tried."""
    restored: tuple[tuple[str, int], ...]
    """Remedy, and for how many of them it gave the model back."""
    given_up: int
    """Loads for which one gave the model without what had failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Direction:
    """One role of a release."""

    role: Role
    all: Slice
    formats: tuple[Slice, ...]
    groups: tuple[Slice, ...]
    losses: tuple[Loss, ...]
    """By cause, the most loads first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """An environment in both roles, held against the one before it."""

    id: str
    before: str
    """The environment before it of the same family and backend; empty for the first."""
    after: str
    ceased: tuple[tuple[str, str], ...]
    """Scenario and format of the models that the release before gets back from its own file, and
    this one does not."""
    directions: tuple[Direction, ...]


class Releases:
    """The counted loads of a run, and the releases they are of."""

    def __init__(
        self,
        data: PublishedRun,
        coded: Coded,
        advice: pd.DataFrame,
        *,
        bare: Mask,
        about: Codes,
    ) -> None:
        """Select the loads that count: bare, of whole files that their writers get back.

        `bare` tells the bare loads, and `about` what each cell says something about; see `grids`.
        """
        self._data, self._coded = data, coded
        answered = MEASURED[coded.outcome] | (coded.outcome == UNSUPPORTED)
        self._rows = np.flatnonzero(bare & answered & (about == COMPATIBILITY))
        self._own = np.flatnonzero(
            bare & MEASURED[coded.outcome] & (about != DAMAGE) & (coded.writer == coded.reader)
        )
        causes = sorted({str(each) for each in data.cells["cause"].unique()} | {""})
        self._causes = causes
        self._cause = code_column(data.cells["cause"], causes)
        self._groups = list(dict.fromkeys(each.group for each in data.run.scenarios))
        self._group = np.array(
            [self._groups.index(each.group) for each in data.run.scenarios], dtype=np.int64
        )
        self._advice = advice

    def describe(self) -> list[Release]:
        """Describe every environment, in order of release."""
        before = _predecessors(self._data)
        after = {old: new for new, old in before.items() if old}
        places = {name: place for place, name in enumerate(self._coded.environments)}
        return [
            Release(
                id=name,
                before=before[name],
                after=after.get(name, ""),
                ceased=self._ceased(place, places.get(before[name], -1)),
                directions=tuple(
                    self._direction(role, place, places.get(before[name], -1)) for role in Role
                ),
            )
            for name, place in places.items()
        ]

    def _ceased(self, place: int, before: int) -> tuple[tuple[str, str], ...]:
        """Return what the release before gets back from its own file, and this one does not."""
        coded = self._coded
        good = coded.outcome[self._own] == EQUIVALENT
        old = self._own[good & (coded.reader[self._own] == before)]
        new = self._own[~good & (coded.reader[self._own] == place)]
        known = {(int(coded.scenario[row]), int(coded.format[row])) for row in old}
        found = [(int(coded.scenario[row]), int(coded.format[row])) for row in new]
        return tuple(
            (coded.scenarios[scenario], coded.formats[format_])
            for scenario, format_ in sorted(found)
            if (scenario, format_) in known
        )

    def _direction(self, role: Role, place: int, before: int) -> Direction:
        coded = self._coded
        own, other = (
            (coded.reader, coded.writer) if role is Role.READER else (coded.writer, coded.reader)
        )
        chosen = own[self._rows] == place
        here = self._rows[chosen & (other[self._rows] != place)]
        good = coded.outcome[here] == EQUIVALENT
        old = self._rows[own[self._rows] == before]
        found = pd.Index(self._keys(old, other)).get_indexer(pd.Index(self._keys(here, other)))
        both = found >= 0
        was_good = np.zeros(len(here), dtype=bool)
        was_good[both] = coded.outcome[old[found[both]]] == EQUIVALENT
        lost, won = both & was_good & ~good, both & ~was_good & good
        marks = (good, coded.outcome[here] == DIVERGED, lost, won, both)
        groups = self._group[coded.scenario[here]]
        return Direction(
            role=role,
            all=_slice("", np.ones(len(here), dtype=bool), marks),
            formats=_slices(coded.formats, coded.format[here], marks),
            groups=_slices(self._groups, groups, marks),
            losses=tuple(self._losses(here[lost])),
        )

    def _keys(self, rows: Codes, other: Codes) -> Codes:
        coded = self._coded
        key = coded.scenario[rows] * len(coded.formats) + coded.format[rows]
        return key * len(coded.environments) + other[rows]

    @cached_property
    def _helped(self) -> tuple[pd.Index[int], Codes, list[str], list[str]]:
        """The pairs of the advice, the pair of each cell, and what helped with what."""
        keys, wanted = number_pairs(self._advice, self._data.cells)
        helps = [str(each) for each in self._advice["help"]]
        return pd.Index(keys), wanted, helps, [str(each) for each in self._advice["advice"]]

    def _losses(self, rows: Codes) -> list[Loss]:
        """Count lost loads by cause."""
        coded = self._coded
        pairs, wanted, helps, ways = self._helped
        order = {each.id: place for place, each in enumerate(self._data.run.remedies)}
        losses = []
        for code in np.unique(self._cause[rows]).tolist():
            inside = rows[self._cause[rows] == code]
            advised = [at for at in pairs.get_indexer(pd.Index(wanted[inside])).tolist() if at >= 0]
            restored: dict[str, int] = {}
            for at in advised:
                if helps[at] == Help.RESTORED:
                    restored[ways[at]] = restored.get(ways[at], 0) + 1
            losses.append(
                Loss(
                    cause=self._causes[code],
                    loads=len(inside),
                    silent=int((coded.outcome[inside] == DIVERGED).sum()),
                    formats=tuple(
                        coded.formats[each] for each in np.unique(coded.format[inside]).tolist()
                    ),
                    scenarios=len(np.unique(coded.scenario[inside])),
                    tried=sum(helps[at] != Help.NOT_TRIED for at in advised),
                    restored=tuple(sorted(restored.items(), key=lambda each: order[each[0]])),
                    given_up=sum(helps[at] == Help.GIVEN_UP for at in advised),
                )
            )
        return sorted(losses, key=lambda each: (-each.loads, each.cause))


def _predecessors(data: PublishedRun) -> dict[str, str]:
    """Return for each environment the one before it of the same family and backend, or nothing."""
    last: dict[tuple[str, str], str] = {}
    found = {}
    for each in data.run.environments:
        line = (each.family, each.backend)
        found[each.id] = "" if each.build else last.get(line, "")
        if not each.build:
            last[line] = each.id
    return found


def _slices(
    names: Sequence[str], code: Codes, marks: tuple[Mask, Mask, Mask, Mask, Mask]
) -> tuple[Slice, ...]:
    return tuple(
        _slice(name, code == place, marks)
        for place, name in enumerate(names)
        if (code == place).any()
    )


def _slice(name: str, inside: Mask, marks: tuple[Mask, Mask, Mask, Mask, Mask]) -> Slice:
    same, silent, lost, won, both = (int((each & inside).sum()) for each in marks)
    return Slice(
        id=name,
        loads=int(inside.sum()),
        same=same,
        silent=silent,
        lost=lost,
        won=won,
        both=both,
    )
