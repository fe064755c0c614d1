"""The attribution of a failure to the scenario, the writer, the reader or this pair. Pure.

Input: the table of cells. Output: one word for each row. An overlay: it reads outcomes and
never rewrites one. Only bare loads are looked at, within one scenario and format, and only
those in which the reader really ran.

- `scenario`: the writer itself, loading its own file the same way, does not get its model back
  either: nothing is said of the pair.
- `writer`: what this writer wrote fails in at least NEARLY_ALL of its readers, and whether it
  reads its own file was not measured; so does whatever it could not write at all.
- `reader`: this reader fails with at least NEARLY_ALL of the artifacts that their writers read.
- `both`: both are true, where it was not measured whether the writer reads its own file.
- `pair`: none of these; this writer and this reader do not go together.

A share is taken of FEWEST cells or more: of two readers nothing can be said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from runner.analyse.grids import Codes, Mask
from runner.domain import BARE, FAILED, Outcome

NEARLY_ALL = 0.9
"""Of the cells in which the reader ran: so much must fail before one side is blamed."""
FEWEST = 4
"""Cells below which a share says nothing."""
SCENARIO, WRITER, READER, BOTH, PAIR, NONE = "scenario", "writer", "reader", "both", "pair", ""
ATTRIBUTIONS = (NONE, SCENARIO, WRITER, READER, BOTH, PAIR)
_MOST = f"at least {round(10 * NEARLY_ALL)} of 10"
ATTRIBUTION_TEXT = {
    SCENARIO: "the model: its writer, loading the same way, does not get it back either",
    WRITER: f"the writer: it could not write the file, or {_MOST} readers fail with it",
    READER: f"the reader: {_MOST} such files that their own writers get back fail in it",
    BOTH: f"writer and reader: {_MOST} readers fail with the file, and {_MOST} such files in the "
    "reader; whether the writer reads its own was not measured",
    PAIR: "the pair: other readers read the file, and the reader reads other writers' files",
}


def attribute_failures(cells: pd.DataFrame) -> pd.Series[Any]:
    """Return one of ATTRIBUTIONS for each row; empty where nothing failed, and for remedies."""
    outcome = cells["outcome"].astype(object).to_numpy()
    bare = (cells["remedy"] == BARE).to_numpy()
    failed = bare & np.isin(outcome, [str(each) for each in FAILED])
    ran = failed | (bare & (outcome == str(Outcome.EQUIVALENT)))
    itself = cells["writer"].astype(object).to_numpy() == cells["reader"].astype(object).to_numpy()
    fails_itself = _any_in(cells, "writer", failed & itself)
    reads_itself = _any_in(cells, "writer", ran & itself & ~failed)
    # A file that does not load in its writer either says nothing of its readers.
    of_writer = _widely(cells, "writer", ran, failed) & ~reads_itself
    of_reader = _widely(cells, "reader", ran & ~fails_itself, failed & ~fails_itself)
    words = np.select(
        [
            bare & (outcome == str(Outcome.SAVE_ERROR)),
            failed & fails_itself,
            failed & of_writer & of_reader,
            failed & of_writer,
            failed & of_reader,
            failed,
        ],
        [WRITER, SCENARIO, BOTH, WRITER, READER, PAIR],
        default=NONE,
    )
    return pd.Series(words, index=cells.index, name="attribution")


def attribute_pair(cells: pd.DataFrame, pair: Mapping[str, str]) -> str:
    """Return the attribution of one bare load; `pair` names scenario, format, writer, reader."""
    near = cells[(cells["scenario"] == pair["scenario"]) & (cells["format"] == pair["format"])]
    here = (
        (near["writer"] == pair["writer"])
        & (near["reader"] == pair["reader"])
        & (near["remedy"] == BARE)
    )
    found = attribute_failures(near)[here]
    return str(found.iloc[0]) if len(found) else NONE


def _widely(cells: pd.DataFrame, role: str, ran: Mask, failed: Mask) -> Mask:
    """Whether nearly all cells of a row's scenario, format and writer (reader) failed."""
    group = _group(cells, role)
    tried, lost = np.bincount(group, ran)[group], np.bincount(group, failed)[group]
    return np.asarray((tried >= FEWEST) & (lost >= NEARLY_ALL * tried))


def _any_in(cells: pd.DataFrame, role: str, marked: Mask) -> Mask:
    group = _group(cells, role)
    return np.asarray(np.bincount(group, marked)[group] > 0)


def _group(cells: pd.DataFrame, role: str) -> Codes:
    """Number the scenario, format and writer (reader) of each row."""
    number = np.zeros(len(cells), dtype=np.int64)
    for column in ("scenario", "format", role):
        values = pd.Categorical(cells[column])
        number = number * len(values.categories) + values.codes
    return number
