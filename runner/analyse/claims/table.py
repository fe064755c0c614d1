"""The cells of a run as arrays, which claims are held against (part of stage 7b). Pure.

Input: the tables of `aggregate`. Output: a `Table`, which answers for all cells at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.analyse.aspects import number_values
from runner.analyse.boundaries import Axis
from runner.analyse.grids import BLANK, OUTCOMES
from runner.domain import BARE, ID_COLUMNS, OUTCOME_TABLE, Pair
from runner.domain.declared import ClaimSet
from runner.domain.pairs import is_pair, read_version
from runner.domain.selector import matches_any, matches_environment
from runner.publish.reading import PublishedRun
from runner.publish.record import EnvironmentRecord
from runner.publish.tables import number_cells

PAIR = ["writer", "reader"]
RAN = np.array([style.measured for style in OUTCOME_TABLE])
LOADED = np.array([style.loaded for style in OUTCOME_TABLE])
CODE = {outcome: place for place, outcome in enumerate(OUTCOMES)}
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


class Table:
    """The cells of a run as arrays, and the environments they name."""

    def __init__(
        self,
        cells: pd.DataFrame,
        observations: pd.DataFrame,
        environments: Sequence[EnvironmentRecord],
        released: Mapping[str, date],
        between: Sequence[str] = (),
    ) -> None:
        self.size = len(cells)
        self.axis = Axis(ids=tuple(each.id for each in environments))
        self._family = np.array([str(each.family) for each in environments], dtype=object)
        self.versions = [
            read_version(each.id, each.family, released.get(each.id, each.released))
            for each in environments
        ]
        self.between = tuple(between)
        self._stands: dict[Pair, Mask] = {}
        self._cells = cells
        self._observations = observations
        self._texts: dict[str, npt.NDArray[np.object_]] = {}
        self._ids: dict[str, tuple[str, ...]] = {}
        self._codes: dict[str, Places] = {}
        for column in ID_COLUMNS:
            ids = self.axis.ids if column in PAIR else None
            self._add(column, cells[column], ids)
        self.outcome = _codes(cells["outcome"], tuple(map(str, OUTCOMES)))

    @classmethod
    def of_run(cls, data: PublishedRun, claims: ClaimSet) -> Table:
        """Return the cells of a run, as the claims of a set see them."""
        return cls(
            data.cells, data.observations, data.run.environments, claims.released, claims.between
        )

    def _add(self, column: str, values: pd.Series[Any], ids: Sequence[str] | None) -> None:
        if ids is None:
            ids = sorted({*map(str, values.unique()), BARE})
        self._ids[column] = tuple(ids)
        self._codes[column] = _codes(values, self._ids[column])

    def codes(self, column: str) -> Places:
        """Return the place of each cell's id among those of the column."""
        return self._codes[column]

    def matching(self, column: str, globs: Iterable[str]) -> Mask:
        """Return which cells have an id that one of the globs matches."""
        matches = matches_environment if column in {"writer", "reader"} else matches_any
        wanted = tuple(globs)
        found = [matches(name, wanted) for name in self._ids[column]]
        return np.asarray(np.array(found, dtype=bool)[self._codes[column]])

    @cached_property
    def counted(self) -> Mask:
        """Which cells count: bare loads, and other ways of loading between certain versions."""
        if not self.between:
            return np.ones(self.size, dtype=bool)
        inside = self.matching("writer", self.between) & self.matching("reader", self.between)
        return inside | self.matching("remedy", (BARE,))

    def in_families(self, column: str, families: Iterable[str]) -> Mask:
        """Return which cells have a writer or reader of these families."""
        wanted = np.isin(self._family, [str(each) for each in families])
        return np.asarray(wanted[self._codes[column]])

    def pair(self, kind: Pair) -> Mask:
        """Return which cells have a writer and reader that stand so to each other."""
        if kind not in self._stands:
            every = self.versions
            self._stands[kind] = np.array(
                [[is_pair(kind, first, second) for second in every] for first in every], dtype=bool
            )
        return np.asarray(
            self._stands[kind][self._codes["writer"], self._codes["reader"]], dtype=bool
        )

    def keys(self, **instead: Places) -> Places:
        """One number a cell, or the number of the cell with other parts."""
        key = np.zeros(self.size, dtype=np.int64)
        for column in ID_COLUMNS:
            key = key * len(self._ids[column]) + instead.get(column, self._codes[column])
        return key

    @cached_property
    def _by_key(self) -> tuple[Places, Places]:
        keys = self.keys()
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def outcome_of(self, keys: Places) -> Places:
        """Return the outcome code of each of these cells, `BLANK` where there is none."""
        known, order = self._by_key
        if not len(known):
            return np.full(len(keys), BLANK, dtype=np.int64)
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[at] == keys, self.outcome[order[at]], BLANK)

    @property
    def bare(self) -> Places:
        """The code of the bare load, for every cell."""
        return np.full(self.size, self._ids["remedy"].index(BARE), dtype=np.int64)

    def cell_id(self, row: int) -> str:
        """Return the identifier of one cell."""
        part = {name: self._ids[name][self._codes[name][row]] for name in ID_COLUMNS}
        return (
            f"{part['scenario']}/{part['format']}/"
            f"{part['writer']}->{part['reader']}/{part['remedy']}"
        )

    def part(self, column: str, row: int) -> str:
        """Return one part of the identifier of one cell."""
        return self._ids[column][int(self._codes[column][row])]

    def text(self, column: str, row: int) -> str:
        """Return the value of one cell in a published column."""
        if column not in self._texts:
            self._texts[column] = self._cells[column].astype(object).to_numpy()
        return str(self._texts[column][row])

    def caused(self, globs: Iterable[str]) -> Mask:
        """Return which cells have a cause that one of the globs matches."""
        wanted = list(globs)
        return self._causes.test(lambda name: matches_any(name, wanted))

    @cached_property
    def _causes(self) -> Texts:
        return make_texts(self._cells["cause"])

    @cached_property
    def written(self) -> Mask:
        """Whether there is a file at all."""
        digests = self._cells["artifact_sha256"].astype(object).fillna("").astype(str)
        return np.asarray(digests != "", dtype=bool)

    @cached_property
    def exceptions(self) -> Texts:
        """The type of each cell's exception."""
        return make_texts(self._cells["exception"])

    @cached_property
    def aspects(self) -> Texts:
        """The aspects that differ, of each cell."""
        return make_texts(self._cells["aspects"])

    @cached_property
    def messages(self) -> Texts:
        """The whole message of each cell; `cells` has only its beginning."""
        begun = make_texts(self._cells["message"])
        if not len(self._observations):
            return begun
        whole = make_texts(self._observations["message"])
        wanted, keys = number_cells(self._cells, self._observations)
        order = np.argsort(keys)
        found = order[np.searchsorted(keys, wanted, sorter=order) % len(keys)]
        has_whole = np.array([bool(text) for text in whole.distinct])
        is_whole = (keys[found] == wanted) & has_whole[whole.codes[found]]
        codes = np.where(is_whole, whole.codes[found] + len(begun.distinct), begun.codes)
        return Texts(codes, (*begun.distinct, *whole.distinct))

    @cached_property
    def said(self) -> Texts:
        """Each cell's exception and message, as in the last line of a traceback."""
        types, messages = self.exceptions, self.messages
        size = len(messages.distinct)
        pairs, codes = np.unique(types.codes * size + messages.codes, return_inverse=True)
        said = (divmod(each, size) for each in pairs.tolist())
        distinct = tuple(f"{types.distinct[a]}: {messages.distinct[b]}" for a, b in said)
        return Texts(codes.reshape(-1), distinct)

    @cached_property
    def bare_outcome(self) -> Places:
        """The outcome code of the bare load of each cell's file in its reader."""
        return self.outcome_of(self.keys(remedy=self.bare))

    @cached_property
    def home_outcome(self) -> Places:
        """The outcome code of the same load in the writer itself."""
        writer = self.codes("writer")
        same_way = self.outcome_of(self.keys(reader=writer))
        # A remedy is not tried where the bare load does.
        bare = self.outcome_of(self.keys(reader=writer, remedy=self.bare))
        return np.where(same_way == BLANK, bare, same_way)


@dataclass(frozen=True, slots=True)
class Texts:
    """A text of each cell, each distinct one once."""

    codes: Places
    distinct: tuple[str, ...]

    def test(self, question: Callable[[str], bool]) -> Mask:
        """Ask once for each distinct text."""
        return np.asarray(np.array([question(text) for text in self.distinct], bool)[self.codes])


def make_texts(values: pd.Series[Any]) -> Texts:
    """Return the texts of a column; nothing is an empty text."""
    codes, distinct = number_values(values)
    # The last stands for nothing, which is -1.
    return Texts(codes % (len(distinct) + 1), (*distinct, ""))


def _codes(values: pd.Series[Any], ids: Sequence[str]) -> Places:
    """Return the place of each value among the ids; -1 for one that is not among them."""
    codes, distinct = number_values(values)
    place = {name: code for code, name in enumerate(ids)}
    return np.array([*(place.get(each, -1) for each in distinct), -1], dtype=np.int64)[codes]
