"""The words of a claim: its deciding cells in sentences and examples (part of stage 7b). Pure.

Input: a claim, the `Table` and the rows that decide. Output: sentences, version ranges,
examples and counts, as they stand in claims.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from runner.analyse.boundaries import cover_grid, pair_words, version_words
from runner.analyse.claims.table import Places, Table
from runner.analyse.grids import BLANK, OUTCOMES
from runner.domain import BARE, Baseline, Claim, Event, Pair, Prediction, Share, Weight
from runner.domain.selector import parse_pattern
from runner.publish.record import EXAMPLES, ClaimExample, ClaimPart

HOLDS, FAILS, MIXED = 0, 1, 2
"""The answer of the cells of one writer and reader together."""


def _none() -> Places:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """The rows of the cells that decide a claim, by what they say."""

    supports: Places
    opposes: Places
    supports_than: Places | None = None
    """For comparisons, the row that each of `supports` is compared with."""
    opposes_than: Places | None = None
    ties: Places = field(default_factory=_none)
    """Compared pairs without a difference."""
    missing: Places = field(default_factory=_none)
    """Cells that would decide, had they been measured."""
    excluded: Mapping[str, int] = field(default_factory=dict)
    """Outcome -> cells that say nothing about loading."""
    unmatched: tuple[str, ...] = ()
    """Selectors without a cell in this run."""
    other_reasons: int = 0
    """Cells that fail for another reason than the claim names."""
    fails_at_home: int = 0
    """Cells left out because their writer does no better."""


def pick_examples(table: Table, rows: Places, than: Places | None) -> tuple[ClaimExample, ...]:
    """Return a few cells, spread over all of them."""
    if not len(rows):
        return ()
    places = np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).round().astype(int))
    return tuple(
        _example(table, int(rows[place]), None if than is None else int(than[place]))
        for place in places
    )


def _example(table: Table, row: int, than: int | None) -> ClaimExample:
    said = [table.text("aspects", row), table.text("exception", row), table.text("message", row)]
    return ClaimExample(
        cell=table.cell_id(row),
        outcome=OUTCOMES[table.outcome[row]],
        detail=": ".join(text for text in said if text and text != "nan"),
        than="" if than is None else table.cell_id(than),
        than_outcome="" if than is None else str(OUTCOMES[table.outcome[than]]),
    )


def name_one(table: Table, place: int) -> str:
    """Name one environment as a sentence does: `Keras 3.0`."""
    return version_words(table.axis.ids[place])


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
        for code, found in said.items():
            ranges = table.axis.ranges(np.flatnonzero(matrix.diagonal() == code).tolist())
            if ranges:
                found.append(f"saved and loaded by {table.axis.words(ranges)}")
    else:
        for rule in cover_grid(matrix, table.axis):
            said[rule.code].append(pair_words(rule, table.axis))
    return {code: tuple(words) for code, words in said.items()}


def count_parts(table: Table, decided: Decided) -> tuple[ClaimPart, ...]:
    """Count by scenario, format and remedy the cells for a claim and those against it."""
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
QUANTIFIERS = {Share.ALL: "all", Share.MOST: "most", Share.SOME: "may", Share.BETTER: "better"}
WEIGHT_WORDS = {
    Weight.PAIR: "each writer and reader counted once",
    Weight.GENERATION: "each pair of generations counted once",
}
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
PAIR_WORDS = {
    Pair.ANY: "every writer and every reader",
    Pair.SAME_ENVIRONMENT: "one and the same version",
    Pair.OTHER_ENVIRONMENT: "two versions, older or newer",
    Pair.SAME_FAMILY: "both of one family",
    Pair.OTHER_FAMILY: "of two families",
    Pair.READER_NEWER: "an older writer and a newer reader",
    Pair.READER_OLDER: "a newer writer and an older reader",
    Pair.READER_NOT_OLDER: "the writer itself and every newer reader",
    Pair.NEIGHBOURING: "adjacent minor versions of one line, either way",
    Pair.OTHER_BACKEND: "one version on two backends",
}


def prediction_words(claim: Claim) -> str:
    """Say a claim's prediction in words."""
    predicts = claim.predicts
    if predicts is None:
        return ""
    if claim.than is not None:
        said = "equivalent in some pair where what it is compared with fails, and never the reverse"
        return said + _reason_words(predicts)
    who = f"{SHARE_WORDS[predicts.share]} {AMONG_WORDS[predicts.among]}"
    weight = f", {WEIGHT_WORDS[predicts.weight]}" if predicts.share is Share.MOST else ""
    return f"{who} {_said_words(predicts)}{weight}{_reason_words(predicts)}"


def _said_words(predicts: Prediction) -> str:
    said = [EVENT_WORDS[predicts.event]] if predicts.event in EVENT_WORDS else []
    for what, names in (
        ("raise", predicts.exceptions),
        ("say", [f"“{part}”" for part in predicts.messages]),
        ("differ in", sorted(map(str, predicts.aspects))),
        ("do not differ in", sorted(map(str, predicts.agrees))),
    ):
        if names:
            said.append(f"{what} {' or '.join(names)}")
    return " and ".join(said)


def _reason_words(predicts: Prediction) -> str:
    if predicts.reasons is None:
        return ""
    return f"; of those that fail only these causes count: {', '.join(predicts.reasons)}"


def refuting_words(claim: Claim) -> str:
    """Say in words which cells would refute a claim."""
    predicts = claim.predicts
    if predicts is None:
        return ""
    if claim.than is not None:
        return (
            "no pair where these cells are equivalent and those they are compared with are not; "
            "one the other way round makes it depend"
        )
    said = _said_words(predicts)
    among = AMONG_WORDS[predicts.among]
    if predicts.share is Share.SOME:
        return f"not one {among} of which this is so: they {said}"
    if predicts.share is Share.MOST:
        return f"half or more {among} of which this is not so: they {said}"
    return (
        f"not one {among} of which this is so: they {said}; "
        "one of which it is not so makes it depend"
    )


def count_words(predicts: Prediction, decided: Decided, share: float) -> str:
    """Say how many cells support a claim, with its quantifier: `may: 337 of 1,788 cells`."""
    good, every = len(decided.supports), len(decided.supports) + len(decided.opposes)
    name = QUANTIFIERS[predicts.share]
    if predicts.share is Share.BETTER:
        return f"{name}: {good:,} of {every:,} pairs that differ"
    said = f"{name}: {good:,} of {every:,} cells"
    if predicts.share is Share.MOST and every:
        said += f", {100 * share:.0f} % with {WEIGHT_WORDS[predicts.weight]}"
    return said


def pair_kinds(claim: Claim) -> str:
    """Say in words which pairs of versions a claim is judged on."""
    sets = [each for each in (claim.decided_by, claim.than) if each is not None]
    said = []
    for each in sets:
        words = [PAIR_WORDS[kind] for kind in Pair if kind in each.pair]
        if each.baseline is Baseline.EQUIVALENT:
            words.append("if the writer itself gets the same model back")
        said.append(", ".join(words))
    return "; compared with: ".join(dict.fromkeys(said))


def claim_conditions(claim: Claim, between: Sequence[str] = ()) -> str:
    """Say in words which writers and readers are meant, beyond the kind of pair.

    `between` are those between which other ways of loading count, if not all.
    """
    chosen = claim.decided_by
    if chosen is None:
        return ""
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
            ("given", chosen.given),
            ("counted as failures", chosen.counts),
        )
        if each
    ]
    if between and _has_remedies(claim):
        said.append(("other ways of loading than the bare one, between", tuple(between)))
    return "; ".join(f"{name}: {', '.join(names)}" for name, names in said)


def _has_remedies(claim: Claim) -> bool:
    sets = [each for each in (claim.decided_by, claim.than) if each is not None]
    remedies = {parse_pattern(cell).remedy for each in sets for cell in each.cells}
    return remedies != {BARE}
