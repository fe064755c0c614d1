"""Singletons: cells that stand alone among the versions next to them.

Input: the coded cells of a run, and its environments. Output: the rows whose outcome is that of
neither neighbouring reader and of neither neighbouring writer. Versions change their behaviour
seldom and stay with it: who differs on all four sides is a release with a fault of its own, or a
cell that was measured wrongly, and each is worth a look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.analyse.grids import BLANK, MEASURED, Coded, Codes, Mask
from runner.domain.selector import is_build, minor_of
from runner.publish.record import EnvironmentRecord

NOBODY = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Singletons:
    """The cells that stand alone, and how many could be judged."""

    rows: Codes
    """Rows of the cells, in their order."""
    judged: int
    """Cells that were measured and whose four neighbours were."""
    cells: int


def find_singletons(coded: Coded, environments: Sequence[EnvironmentRecord]) -> Singletons:
    """Find the cells whose outcome differs from that of all four neighbours.

    A neighbour is the cell of the same scenario, format and remedy whose reader, or whose writer,
    is the minor version before or after, in the same family on the same backend.
    """
    before, after = _neighbours(environments)
    outcomes = _Grid(coded)
    judged: Mask = MEASURED[coded.outcome].copy()
    alone: Mask = judged.copy()
    for side in (before, after):
        for writer, reader in (
            (side[coded.writer], coded.reader),
            (coded.writer, side[coded.reader]),
        ):
            found = outcomes.at(writer, reader)
            judged &= (found != BLANK) & MEASURED[found]
            alone &= found != coded.outcome
    return Singletons(
        rows=np.nonzero(judged & alone)[0],
        judged=int(judged.sum()),
        cells=len(coded.outcome),
    )


class _Grid:
    """Finds a cell's outcome by its writer and reader, for all cells at once."""

    def __init__(self, coded: Coded) -> None:
        self._coded = coded
        self._keys = coded.keys()
        self._order = np.argsort(self._keys)
        self._sorted = self._keys[self._order]

    def at(self, writer: Codes, reader: Codes) -> Codes:
        """Return each cell's outcome with another writer and reader; BLANK where there is none."""
        coded = self._coded
        size = len(coded.environments)
        there = (writer != NOBODY) & (reader != NOBODY)
        # What a key gains by the change of its two digits.
        gain = ((writer - coded.writer) * size + (reader - coded.reader)) * len(coded.remedies)
        keys = self._keys + gain
        place = np.minimum(np.searchsorted(self._sorted, keys), len(keys) - 1)
        there &= self._sorted[place] == keys
        return np.where(there, coded.outcome[self._order[place]], BLANK)


def _neighbours(environments: Sequence[EnvironmentRecord]) -> tuple[Codes, Codes]:
    """Return each environment's place before and after in its line; NOBODY where there is none.

    Patch releases, crossed dependencies and builds are no neighbours of minor versions.
    """
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, each in enumerate(environments):
        if not is_build(each.id) and minor_of(each.id) == each.id:
            lines[each.family, each.backend].append(place)
    before = np.full(len(environments), NOBODY, dtype=np.int64)
    after = before.copy()
    for line in lines.values():
        line.sort(key=lambda place: environments[place].order)
        before[line[1:]] = line[:-1]
        after[line[:-1]] = line[1:]
    return before, after
