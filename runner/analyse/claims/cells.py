"""Part of stage 7b: a claim's conditions -> the cells that decide it. Pure.

Input: the sets of cells and the prediction of a claim, and the `Table`. Output: masks over
its rows, and how many cells would decide, had they been measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.analyse.claims.table import CODE, EQUIVALENT, LOADED, NOT_RUN, RAN, Mask, Places, Table
from runner.analyse.grids import BLANK
from runner.domain import BARE, ID_COLUMNS, CellSet, Event, Given, Outcome, Prediction
from runner.domain.selector import compile_glob, matches_any, parse_pattern


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The cells of a set: which decide, how many are missing, what is left out."""

    decides: Mask
    missing: int
    excluded: Mapping[str, int]


def choose(cell_set: CellSet, table: Table) -> Chosen:
    """Return the cells of a set that decide, and what is known of the others."""
    where = _where(cell_set, table)
    inside = where & _selected(cell_set.cells, table)
    held, unknown = _given(cell_set.given, table)
    counted = RAN.copy()
    for outcome in cell_set.counts:
        counted[CODE[outcome]] = True
    tried, not_run = counted[table.outcome], table.outcome == NOT_RUN
    left_out = table.outcome[inside & held & ~tried & ~not_run]
    missing = (inside & not_run & (held | unknown)) | (inside & tried & unknown)
    return Chosen(
        decides=inside & tried & held,
        missing=int(missing.sum()) + _unplanned(cell_set, table, where),
        excluded={
            str(outcome): int((left_out == code).sum())
            for outcome, code in CODE.items()
            if (left_out == code).any()
        },
    )


def _where(cell_set: CellSet, table: Table) -> Mask:
    """Return the cells whose writer and reader are meant."""
    where = table.matching("writer", cell_set.writers) & table.matching("reader", cell_set.readers)
    if cell_set.writer_families:
        where &= table.in_families("writer", cell_set.writer_families)
    if cell_set.reader_families:
        where &= table.in_families("reader", cell_set.reader_families)
    for kind in cell_set.pair:
        where &= table.pair(kind)
    return where


def _selected(selectors: Iterable[str], table: Table, *, remedy: str = "") -> Mask:
    found = np.zeros(table.size, dtype=bool)
    for selector in selectors:
        pattern = parse_pattern(selector)
        inside = np.ones(table.size, dtype=bool)
        for part in ID_COLUMNS:
            glob = remedy if remedy and part == "remedy" else pattern.glob(part)
            if glob != "*":
                inside &= table.matching(part, (glob,))
        found |= inside
    return found


def _unplanned(cell_set: CellSet, table: Table, where: Mask) -> int:
    """Count bare loads that were not measured: whether a remedy is tried depends on them."""
    selectors = [
        each for each in cell_set.cells if not compile_glob(parse_pattern(each).remedy)(BARE)
    ]
    bare = where & _selected(selectors, table, remedy=BARE)
    waiting = bare & (table.outcome == NOT_RUN)
    if not waiting.any():
        return 0
    planned = table.keys(remedy=table.bare)[where & _selected(selectors, table)]
    return int((~np.isin(table.keys()[waiting], planned)).sum())


def _given(conditions: Iterable[Given], table: Table) -> tuple[Mask, Mask]:
    """Return where every condition holds, and where that is not known."""
    held, unknown = np.ones(table.size, dtype=bool), np.zeros(table.size, dtype=bool)
    for condition in conditions:
        outcome = _related(condition, table)
        waits = outcome == NOT_RUN
        good = outcome == EQUIVALENT
        if condition is Given.BARE_FAILS:
            good = RAN[outcome] & (outcome != EQUIVALENT) & (outcome != BLANK)
        unknown = (unknown & (good | waits)) | (held & waits)
        held &= good
    return held, unknown


def _related(condition: Given, table: Table) -> Places:
    """Return the outcome code of the cell each condition is about."""
    if condition is Given.BARE_FAILS:
        return table.outcome_of(table.keys(remedy=table.bare))
    writer = table.codes("writer")
    same_way = table.outcome_of(table.keys(reader=writer))
    # A remedy is not tried where the bare load does.
    bare = table.outcome_of(table.keys(reader=writer, remedy=table.bare))
    return np.where(same_way == BLANK, bare, same_way)


def find_events(table: Table, event: Event) -> Mask:
    """Return where it happened."""
    outcome = table.outcome
    found = {
        Event.EQUIVALENT: outcome == EQUIVALENT,
        Event.FAILS: outcome != EQUIVALENT,
        Event.LOADS: LOADED[outcome],
        Event.ERROR: ~LOADED[outcome],
        Event.DIVERGED: outcome == CODE[Outcome.DIVERGED],
        Event.ANY: np.ones(table.size, dtype=bool),
    }
    return np.asarray(found[event], dtype=bool)


def find_said(table: Table, prediction: Prediction) -> Mask:
    """Return where exception, message and aspects are those predicted."""
    held = np.ones(table.size, dtype=bool)
    if prediction.exceptions:
        held &= _each(table.exceptions, lambda name: matches_any(name, prediction.exceptions))
    if prediction.messages:
        parts = [part.lower() for part in prediction.messages]
        held &= _each(table.said, lambda text: any(part in text.lower() for part in parts))
    if prediction.aspects:
        names = set(map(str, prediction.aspects))
        held &= _each(table.aspects, lambda text: bool(names & set(text.split(";"))))
    if prediction.agrees:
        kept = set(map(str, prediction.agrees))
        held &= _each(table.aspects, lambda text: not kept & set(text.split(";")))
    return held


def _each(values: npt.NDArray[np.object_], test: Callable[[str], bool]) -> Mask:
    """Apply a test once for each distinct text."""
    codes, distinct = pd.factorize(values)
    return np.asarray(np.array([test(str(each)) for each in distinct], dtype=bool)[codes])
