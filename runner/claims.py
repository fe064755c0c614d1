"""Stage 7b: claims held against the cells -> what is true of what the articles say. Pure.

Input: the declared claims and the tables of `aggregate`. Output: the record of claims.json.
A verdict is given only if no cell that was not measured could change it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.aggregate import ID_COLUMNS
from runner.boundaries import Axis, cover_grid, pair_words
from runner.domain import (
    CellSet,
    Claim,
    ClaimVerdict,
    Event,
    Given,
    Outcome,
    Pair,
    Prediction,
    Share,
)
from runner.grids import BLANK
from runner.report_data import CLAIMS_SCHEMA
from runner.selector import compile_glob, parse_pattern
from runner.vocabulary import OUTCOME_STYLES

EXAMPLES = 3
BARE = "none"
PAIR = ["writer", "reader"]
OUTCOMES = tuple(style.outcome for style in OUTCOME_STYLES)
RAN = np.array([style.ran for style in OUTCOME_STYLES])
LOADED = np.array([style.loaded for style in OUTCOME_STYLES])
CODE = {outcome: place for place, outcome in enumerate(OUTCOMES)}
EQUIVALENT, NOT_RUN = CODE[Outcome.EQUIVALENT], CODE[Outcome.NOT_RUN]
HOLDS, FAILS, MIXED = 0, 1, 2
"""What the cells of one writer and reader say together."""

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """The rows of the cells that decide a claim, by what they say."""

    supports: Places
    opposes: Places
    ties: int = 0
    """Compared pairs without a difference."""
    missing: int = 0
    """Cells that would decide, had they been measured."""
    excluded: Mapping[str, int] = field(default_factory=dict)
    """Outcome -> cells that say nothing about loading."""
    compared: Mapping[int, int] = field(default_factory=dict)
    """For comparisons: row -> the row it is compared with."""


class Table:
    """The cells of a run as arrays, and the environments they name."""

    def __init__(
        self,
        cells: pd.DataFrame,
        observations: pd.DataFrame,
        environments: Sequence[Mapping[str, Any]],
    ) -> None:
        self.size = len(cells)
        self.axis = Axis(ids=tuple(str(each["id"]) for each in environments))
        self._family = np.array([str(each["family"]) for each in environments], dtype=object)
        released = [str(each["released"]) for each in environments]
        self._released = np.unique(released, return_inverse=True)[1].reshape(-1)
        self._cells = cells
        self._observations = observations
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
        return str(self._cells[column].iloc[row])

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


def judge_claims(
    claims: Sequence[Claim],
    *,
    articles: Mapping[str, str],
    cells: pd.DataFrame,
    observations: pd.DataFrame,
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of claims.json; `articles` are titles by file name."""
    table = Table(cells, observations, run["environments"])
    return {
        "schema": CLAIMS_SCHEMA,
        "run": run["started"],
        "cells": len(cells),
        "articles": [{"file": file, "title": title} for file, title in articles.items()],
        "claims": [judge_claim(claim, table) for claim in claims],
    }


def judge_claim(claim: Claim, table: Table) -> dict[str, Any]:
    """Return one entry of claims.json."""
    decided = _compare(claim, table) if claim.than else _decide(claim, table)
    verdict = reach_verdict(claim.predicts.share, decided)
    return {
        "id": claim.id,
        "article": claim.article,
        "statement": claim.statement,
        "note": claim.note,
        "cells": list(claim.decided_by.cells),
        "than": list(claim.than.cells) if claim.than else [],
        "conditions": claim_conditions(claim),
        "prediction": prediction_words(claim),
        "verdict": str(verdict),
        "deciding": len(decided.supports) + len(decided.opposes),
        "for": len(decided.supports),
        "against": len(decided.opposes),
        "ties": decided.ties,
        "missing": decided.missing,
        "excluded": dict(decided.excluded),
        "examples_for": _examples(table, decided, decided.supports),
        "examples_against": _examples(table, decided, decided.opposes),
        "holds": _ranges(table, decided, HOLDS),
        "fails": _ranges(table, decided, FAILS),
        "mixed": _ranges(table, decided, MIXED),
        "parts": _parts(table, decided),
    }


def reach_verdict(share: Share, decided: Decided) -> ClaimVerdict:
    """Return what the counts say, unless what is missing could change it."""
    supports, opposes, missing = len(decided.supports), len(decided.opposes), decided.missing
    if share is Share.MOST:
        return _majority(supports, opposes, missing)
    if share is Share.SOME and supports:
        return ClaimVerdict.CONFIRMED
    if supports and opposes:
        return ClaimVerdict.DEPENDS
    if missing or not (supports or opposes or decided.ties):
        return ClaimVerdict.UNDECIDED
    return ClaimVerdict.CONFIRMED if supports else ClaimVerdict.REFUTED


def _majority(supports: int, opposes: int, missing: int) -> ClaimVerdict:
    every = supports + opposes + missing
    if not supports + opposes:
        return ClaimVerdict.UNDECIDED
    if 2 * supports > every:
        return ClaimVerdict.CONFIRMED
    return ClaimVerdict.REFUTED if 2 * (supports + missing) <= every else ClaimVerdict.UNDECIDED


def _decide(claim: Claim, table: Table) -> Decided:
    chosen = choose(claim.decided_by, table)
    predicted = _happened(table, claim.predicts.event) & _said(table, claim.predicts)
    deciding = chosen.decides & _happened(table, claim.predicts.among)
    return Decided(
        supports=np.flatnonzero(deciding & predicted),
        opposes=np.flatnonzero(deciding & ~predicted),
        missing=chosen.missing,
        excluded=chosen.excluded,
    )


def _compare(claim: Claim, table: Table) -> Decided:
    """Join the two sets of cells; a pair where only one is equivalent decides."""
    if claim.than is None:
        raise ValueError(f"{claim.id} compares with nothing")
    ours, theirs = choose(claim.decided_by, table), choose(claim.than, table)
    left, right = _join(table, claim.alike, ours.decides, theirs.decides)
    good, other_good = table.outcome[left] == EQUIVALENT, table.outcome[right] == EQUIVALENT
    better, worse = good & ~other_good, ~good & other_good
    return Decided(
        supports=left[better],
        opposes=left[worse],
        ties=int((good == other_good).sum()),
        missing=ours.missing + theirs.missing,
        excluded=_add(ours.excluded, theirs.excluded),
        compared=dict(
            zip(left[better | worse].tolist(), right[better | worse].tolist(), strict=True)
        ),
    )


def _join(table: Table, alike: Sequence[str], first: Mask, second: Mask) -> tuple[Places, Places]:
    frames = []
    for name, chosen in (("left", first), ("right", second)):
        rows = np.flatnonzero(chosen)
        parts = {column: table.codes(column)[rows] for column in alike}
        frames.append(pd.DataFrame({**parts, name: rows}))
    joined = frames[0].merge(frames[1], on=list(alike)).sort_values(["left", "right"])
    return joined["left"].to_numpy(dtype=np.int64), joined["right"].to_numpy(dtype=np.int64)


def _add(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}


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


def _happened(table: Table, event: Event) -> Mask:
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


def _said(table: Table, prediction: Prediction) -> Mask:
    """Return where exception, message and aspects are those predicted."""
    held = np.ones(table.size, dtype=bool)
    if prediction.exceptions:
        globs = prediction.exceptions
        held &= _each(
            table.exceptions, lambda name: any(fnmatch.fnmatchcase(name, g) for g in globs)
        )
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


def _examples(table: Table, decided: Decided, rows: Places) -> list[dict[str, str]]:
    """Return a few cells, spread over all of them."""
    if not len(rows):
        return []
    places = np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).round().astype(int))
    return [_example(table, decided, int(rows[place])) for place in places]


def _example(table: Table, decided: Decided, row: int) -> dict[str, str]:
    said = [table.text("aspects", row), table.text("exception", row), table.text("message", row)]
    than = decided.compared.get(row)
    return {
        "cell": table.cell_id(row),
        "outcome": str(OUTCOMES[table.outcome[row]]),
        "detail": ": ".join(text for text in said if text and text != "nan"),
        "than": "" if than is None else table.cell_id(than),
        "than_outcome": "" if than is None else str(OUTCOMES[table.outcome[than]]),
    }


def _ranges(table: Table, decided: Decided, wanted: int) -> list[str]:
    """Name the writers and readers whose cells say so, the widest rule first."""
    size = len(table.axis.ids)
    matrix = np.full((size, size), BLANK, dtype=np.int64)
    for rows, code in ((decided.supports, HOLDS), (decided.opposes, FAILS)):
        at = table.codes("writer")[rows], table.codes("reader")[rows]
        before = matrix[at]
        matrix[at] = np.where((before == BLANK) | (before == code), code, MIXED)
    if (matrix[~np.eye(size, dtype=bool)] == BLANK).all():
        ranges = table.axis.ranges(np.flatnonzero(matrix.diagonal() == wanted).tolist())
        return [f"saved and loaded by {table.axis.words(ranges)}"] if ranges else []
    rules = cover_grid(matrix, table.axis)
    return [pair_words(rule, table.axis) for rule in rules if rule.code == wanted]


def _parts(table: Table, decided: Decided) -> list[dict[str, Any]]:
    """Count by scenario, format and remedy what speaks for a claim and what against it."""
    counts: dict[tuple[str, str, str], list[int]] = {}
    for side, rows in enumerate((decided.supports, decided.opposes)):
        for row in rows.tolist():
            key = (
                table.part("scenario", row),
                table.part("format", row),
                table.part("remedy", row),
            )
            counts.setdefault(key, [0, 0])[side] += 1
    return [
        {"scenario": scenario, "format": format_, "remedy": remedy, "for": good, "against": bad}
        for (scenario, format_, remedy), (good, bad) in sorted(counts.items())
    ]


SHARE_WORDS = {Share.ALL: "all", Share.MOST: "more than half", Share.SOME: "at least one"}
EVENT_WORDS = {
    Event.EQUIVALENT: "give the same model back",
    Event.FAILS: "fail: an error, or another model than was saved",
    Event.LOADS: "load without an error",
    Event.ERROR: "end without a model",
    Event.DIVERGED: "load without an error and are not the model that was saved",
}
AMONG_WORDS = {
    Event.ANY: "of these cells",
    Event.EQUIVALENT: "of these cells that are equivalent",
    Event.FAILS: "of these cells that fail",
    Event.LOADS: "of these cells that load",
    Event.ERROR: "of these cells that end without a model",
    Event.DIVERGED: "of these cells that diverge",
}


def prediction_words(claim: Claim) -> str:
    """Say in words what a claim predicts of its cells."""
    predicts = claim.predicts
    if claim.than is not None:
        return "equivalent in some pair where what it is compared with fails, and never the reverse"
    said = [EVENT_WORDS[predicts.event]] if predicts.event in EVENT_WORDS else []
    for what, names in (
        ("raise", predicts.exceptions),
        ("say", [f"“{part}”" for part in predicts.messages]),
        ("differ in", sorted(map(str, predicts.aspects))),
        ("do not differ in", sorted(map(str, predicts.agrees))),
    ):
        if names:
            said.append(f"{what} {' or '.join(names)}")
    return f"{SHARE_WORDS[predicts.share]} {AMONG_WORDS[predicts.among]} {' and '.join(said)}"


def claim_conditions(claim: Claim) -> str:
    """Say in words which writers and readers are meant."""
    chosen = claim.decided_by
    said = [
        (name, globs)
        for name, globs in (("writers", chosen.writers), ("readers", chosen.readers))
        if globs != ("*",)
    ]
    said += [
        (name, tuple(sorted(map(str, each))))
        for name, each in (
            ("writers' family", chosen.writer_families),
            ("readers' family", chosen.reader_families),
            ("pair", chosen.pair),
            ("given", chosen.given),
            ("counted as failures", chosen.counts),
        )
        if each
    ]
    return "; ".join(f"{name}: {', '.join(names)}" for name, names in said)
