"""Part of stage 7b: the cells of a run as arrays, which claims are held against. Pure.

Input: the tables of `aggregate`. Output: a `Table`, which answers for all cells at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.analyse.boundaries import Axis
from runner.analyse.grids import BLANK
from runner.domain import BARE, ID_COLUMNS, OUTCOME_TABLE, Outcome, Pair
from runner.domain.selector import compile_glob
from runner.publish.record import EnvironmentRecord

PAIR = ["writer", "reader"]
OUTCOMES = tuple(Outcome)
RAN = np.array([style.measured for style in OUTCOME_TABLE])
LOADED = np.array([style.loaded for style in OUTCOME_TABLE])
CODE = {outcome: place for place, outcome in enumerate(OUTCOMES)}
EQUIVALENT, NOT_RUN = CODE[Outcome.EQUIVALENT], CODE[Outcome.NOT_RUN]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


class Table:
    """The cells of a run as arrays, and the environments they name."""

    def __init__(
        self,
        cells: pd.DataFrame,
        observations: pd.DataFrame,
        environments: Sequence[EnvironmentRecord],
    ) -> None:
        self.size = len(cells)
        self.axis = Axis(ids=tuple(each.id for each in environments))
        self._family = np.array([str(each.family) for each in environments], dtype=object)
        released = [each.released.isoformat() for each in environments]
        self._released = np.unique(released, return_inverse=True)[1].reshape(-1)
        self._cells = cells
        self._observations = observations
        self._texts: dict[str, npt.NDArray[np.object_]] = {}
        self._ids: dict[str, tuple[str, ...]] = {}
        self._codes: dict[str, Places] = {}
        for column in ID_COLUMNS:
            ids = self.axis.ids if column in PAIR else None
            self._add(column, cells[column].astype(str), ids)
        self.outcome = _codes(cells["outcome"].astype(str), tuple(map(str, OUTCOMES)))

    def _add(self, column: str, values: pd.Series[Any], ids: Sequence[str] | None) -> None:
        self._ids[column] = tuple(ids if ids is not None else sorted(set(values) | {BARE}))
        self._codes[column] = _codes(values, self._ids[column])

    def codes(self, column: str) -> Places:
        """Return the place of each cell's id among those of the column."""
        return self._codes[column]

    def matching(self, column: str, globs: Iterable[str]) -> Mask:
        """Return which cells have an id that one of the globs matches."""
        matchers = [compile_glob(glob) for glob in globs]
        found = [any(match(name) for match in matchers) for name in self._ids[column]]
        return np.asarray(np.array(found, dtype=bool)[self._codes[column]])

    def in_families(self, column: str, families: Iterable[str]) -> Mask:
        """Return which cells have a writer or reader of these families."""
        wanted = np.isin(self._family, [str(each) for each in families])
        return np.asarray(wanted[self._codes[column]])

    def pair(self, kind: Pair) -> Mask:
        """Return which cells have a writer and reader that stand so to each other."""
        writer, reader = self._codes["writer"], self._codes["reader"]
        same_family = self._family[writer] == self._family[reader]
        found = {
            Pair.SAME_ENVIRONMENT: writer == reader,
            Pair.OTHER_ENVIRONMENT: writer != reader,
            Pair.SAME_FAMILY: same_family,
            Pair.OTHER_FAMILY: ~same_family,
            Pair.READER_NEWER: self._released[reader] > self._released[writer],
            Pair.READER_OLDER: self._released[reader] < self._released[writer],
        }
        return np.asarray(found[kind], dtype=bool)

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
        """Return what one cell has in a published column."""
        if column not in self._texts:
            self._texts[column] = self._cells[column].astype(object).to_numpy()
        return str(self._texts[column][row])

    @cached_property
    def exceptions(self) -> npt.NDArray[np.object_]:
        """The type of each cell's exception."""
        return self._cells["exception"].astype(str).to_numpy(dtype=object)

    @cached_property
    def aspects(self) -> npt.NDArray[np.object_]:
        """The aspects that differ, of each cell."""
        return self._cells["aspects"].astype(str).to_numpy(dtype=object)

    @cached_property
    def messages(self) -> npt.NDArray[np.object_]:
        """The whole message of each cell; `cells` has only its beginning."""
        found = self._cells["message"].astype(str).to_numpy(dtype=object).copy()
        if len(self._observations):
            seen = self._observations
            whole = pd.Series(
                seen["message"].astype(str).to_numpy(),
                index=pd.MultiIndex.from_arrays([seen[name].astype(str) for name in ID_COLUMNS]),
            )
            index = pd.MultiIndex.from_arrays(
                [self._cells[name].astype(str) for name in ID_COLUMNS]
            )
            aligned = whole.reindex(index).fillna("").to_numpy()
            found = np.where(aligned != "", aligned, found)
        return found

    @cached_property
    def said(self) -> npt.NDArray[np.object_]:
        """What each cell's exception says, as the last line of a traceback does."""
        return np.asarray(self.exceptions + ": " + self.messages)


def _codes(values: pd.Series[Any], ids: Sequence[str]) -> Places:
    return pd.Categorical(values, categories=list(ids)).codes.astype(np.int64)
