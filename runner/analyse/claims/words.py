"""Part of stage 7b: what decides a claim, in words and examples for a reader. Pure.

Input: a claim, the `Table` and the rows that decide. Output: sentences, version ranges,
examples and counts, as they stand in claims.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from runner.analyse.boundaries import cover_grid, pair_words
from runner.analyse.claims.table import OUTCOMES, Places, Table
from runner.analyse.grids import BLANK
from runner.domain import Claim, Event, Share
from runner.publish.record import EXAMPLES, ClaimExample, ClaimPart

HOLDS, FAILS, MIXED = 0, 1, 2
"""What the cells of one writer and reader say together."""


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


def pick_examples(table: Table, decided: Decided, rows: Places) -> tuple[ClaimExample, ...]:
    """Return a few cells, spread over all of them."""
    if not len(rows):
        return ()
    places = np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).round().astype(int))
    return tuple(_example(table, decided, int(rows[place])) for place in places)


def _example(table: Table, decided: Decided, row: int) -> ClaimExample:
    said = [table.text("aspects", row), table.text("exception", row), table.text("message", row)]
    than = decided.compared.get(row)
    return ClaimExample(
        cell=table.cell_id(row),
        outcome=OUTCOMES[table.outcome[row]],
        detail=": ".join(text for text in said if text and text != "nan"),
        than="" if than is None else table.cell_id(than),
        than_outcome="" if than is None else str(OUTCOMES[table.outcome[than]]),
    )


def name_ranges(table: Table, decided: Decided) -> dict[int, tuple[str, ...]]:
    """Name the writers and readers whose cells say HOLDS, FAILS and MIXED, the widest first."""
    size = len(table.axis.ids)
    matrix = np.full((size, size), BLANK, dtype=np.int64)
    for rows, code in ((decided.supports, HOLDS), (decided.opposes, FAILS)):
        at = table.codes("writer")[rows], table.codes("reader")[rows]
        before = matrix[at]
        matrix[at] = np.where((before == BLANK) | (before == code), code, MIXED)
    said: dict[int, list[str]] = {HOLDS: [], FAILS: [], MIXED: []}
    if (matrix[~np.eye(size, dtype=bool)] == BLANK).all():
        for code, words in said.items():
            ranges = table.axis.ranges(np.flatnonzero(matrix.diagonal() == code).tolist())
            if ranges:
                words.append(f"saved and loaded by {table.axis.words(ranges)}")
    else:
        for rule in cover_grid(matrix, table.axis):
            said[rule.code].append(pair_words(rule, table.axis))
    return {code: tuple(words) for code, words in said.items()}


def count_parts(table: Table, decided: Decided) -> tuple[ClaimPart, ...]:
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
    return tuple(
        ClaimPart(scenario=scenario, format=format_, remedy=remedy, supports=good, against=bad)
        for (scenario, format_, remedy), (good, bad) in sorted(counts.items())
    )


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
