"""The cells that decide a claim, by its conditions (part of stage 7b). Pure.

Input: the sets of cells and the prediction of a claim, and the `Table`. Output: masks over
its rows, and how many cells would decide, had they been measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from runner.analyse.claims.table import (
    CODE,
    LOADED,
    RAN,
    Mask,
    Table,
)
from runner.analyse.grids import BLANK, EQUIVALENT, NOT_RUN
from runner.domain import BARE, ID_COLUMNS, Baseline, CellSet, Event, Given, Outcome, Prediction
from runner.domain.selector import compile_glob, matches_any, parse_pattern


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The cells of a set: those that decide, those missing, those left out."""

    decides: Mask
    missing: Mask
    """Cells that would decide, had they been measured."""
    excluded: Mapping[str, int]
    unmatched: tuple[str, ...]
    """Selectors without a cell in this run."""
    fails_at_home: int
    """Cells left out because their writer does no better."""


def choose(cell_set: CellSet, table: Table) -> Chosen:
    """Return the cells of a set that decide, and the counts of the others."""
    where = _where(cell_set, table)
    selected = [where & _selected((selector,), table) for selector in cell_set.cells]
    inside = np.logical_or.reduce(selected)
    at_home, unknown_at_home = _at_home(cell_set.baseline, table)
    held, unknown = _given(cell_set.given, table)
    unknown = (unknown & (at_home | unknown_at_home)) | (held & unknown_at_home)
    counted = RAN[table.outcome]
    for outcome in cell_set.counts:
        counted |= (table.outcome == CODE[outcome]) & _has_file(outcome, table)
    not_run = table.outcome == NOT_RUN
    held_at_home = held & at_home
    left_out = table.outcome[inside & held_at_home & ~counted & ~not_run]
    missing = inside & ((not_run & (held_at_home | unknown)) | (counted & unknown))
    return Chosen(
        decides=inside & counted & held_at_home,
        missing=missing | _unplanned(cell_set, table, where),
        excluded={
            str(outcome): int((left_out == code).sum())
            for outcome, code in CODE.items()
            if (left_out == code).any()
        },
        unmatched=tuple(
            selector
            for selector, found in zip(cell_set.cells, selected, strict=True)
            if not found.any()
        ),
        fails_at_home=int((inside & counted & held & ~at_home & ~unknown_at_home).sum()),
    )


def has_bare_loads(selector: str, table: Table) -> bool:
    """Whether the run has the scenario in that format at all, in whatever pair."""
    pattern = parse_pattern(selector)
    anywhere = f"{pattern.scenario}/{pattern.format}/*->*/{BARE}"
    return bool(_selected((anywhere,), table).any())


def _has_file(outcome: Outcome, table: Table) -> Mask:
    """Whether a reader could refuse it: what was never written is no failure of a format."""
    return table.written if outcome is Outcome.UNSUPPORTED else np.ones(table.size, dtype=bool)


def _where(cell_set: CellSet, table: Table) -> Mask:
    """Return the cells whose writer and reader are meant."""
    where = table.matching("writer", cell_set.writers) & table.matching("reader", cell_set.readers)
    where &= table.counted
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


def _unplanned(cell_set: CellSet, table: Table, where: Mask) -> Mask:
    """Find bare loads that were not measured: whether a remedy is tried depends on them."""
    selectors = [
        each for each in cell_set.cells if not compile_glob(parse_pattern(each).remedy)(BARE)
    ]
    bare = where & _selected(selectors, table, remedy=BARE)
    waiting = bare & (table.outcome == NOT_RUN)
    if not waiting.any():
        return np.asarray(waiting, dtype=bool)
    planned = table.keys(remedy=table.bare)[where & _selected(selectors, table)]
    return np.asarray(waiting & ~np.isin(table.keys(), planned), dtype=bool)


def _at_home(baseline: Baseline, table: Table) -> tuple[Mask, Mask]:
    """Return where the writer itself gets the same model back, and where that is not known."""
    if baseline is Baseline.ANY:
        return np.ones(table.size, dtype=bool), np.zeros(table.size, dtype=bool)
    outcome = table.home_outcome
    return outcome == EQUIVALENT, outcome == NOT_RUN


def _given(conditions: Iterable[Given], table: Table) -> tuple[Mask, Mask]:
    """Return where every condition on the bare load holds, and where that is not known."""
    held, unknown = np.ones(table.size, dtype=bool), np.zeros(table.size, dtype=bool)
    for condition in conditions:
        outcome = table.bare_outcome
        good = outcome != BLANK
        good &= LOADED[outcome] if condition is Given.BARE_LOADS else outcome != EQUIVALENT
        good &= RAN[outcome]
        unknown |= outcome == NOT_RUN
        held &= good
    return held, unknown


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
        held &= table.exceptions.test(lambda name: matches_any(name, prediction.exceptions))
    if prediction.messages:
        parts = [part.lower() for part in prediction.messages]
        held &= table.said.test(lambda text: any(part in text.lower() for part in parts))
    if prediction.aspects:
        names = set(map(str, prediction.aspects))
        held &= table.aspects.test(lambda text: bool(names & set(text.split(";"))))
    if prediction.agrees:
        kept = set(map(str, prediction.agrees))
        held &= table.aspects.test(lambda text: not kept & set(text.split(";")))
    return held
