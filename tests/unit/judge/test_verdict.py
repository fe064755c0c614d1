"""Outcomes held against expectations and a baseline."""

from __future__ import annotations

import pytest

from runner.domain import (
    UNJUDGED,
    Aspect,
    Cell,
    CellResult,
    Detail,
    Expectation,
    Format,
    Outcome,
    Verdict,
)
from runner.judge.verdict import Judge

CELL = Cell(
    scenario="plain_dense", format=Format.H5, writer="tf2.15", reader="keras3.15", remedy="none"
)


def expectation(outcome, cells="plain_dense/h5/*->*/none", **changes):
    return Expectation(cells=cells, outcome=outcome, reason="", link="", **changes)


def verdict(outcome, *expectations, baseline=None):
    before = None if baseline is None else {CELL: Detail(outcome=baseline)}
    result = CellResult(cell=CELL, outcome=outcome, reason="kept")
    judged = Judge(expectations, before).judge(result)
    assert (judged.cell, judged.outcome, judged.reason) == (CELL, outcome, "kept")
    return judged.verdict


@pytest.mark.parametrize("source", ["expectation", "baseline"])
@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Outcome.EQUIVALENT, Outcome.EQUIVALENT, Verdict.EXPECTED),
        (Outcome.LOAD_ERROR, Outcome.LOAD_ERROR, Verdict.KNOWN_FAILURE),
        (Outcome.DIVERGED, Outcome.EQUIVALENT, Verdict.FIXED),
        (Outcome.EQUIVALENT, Outcome.LOAD_ERROR, Verdict.REGRESSION),
        (Outcome.EQUIVALENT, Outcome.DIVERGED, Verdict.REGRESSION),
        # Silent is worse than loud.
        (Outcome.LOAD_ERROR, Outcome.DIVERGED, Verdict.REGRESSION),
        (Outcome.DIVERGED, Outcome.LOAD_ERROR, Verdict.CHANGED),
        (Outcome.LOAD_ERROR, Outcome.UNUSABLE, Verdict.CHANGED),
        (Outcome.LOAD_ERROR, Outcome.CRASHED, Verdict.REGRESSION),
        (Outcome.UNSUPPORTED, Outcome.EQUIVALENT, Verdict.FIXED),
    ],
)
def test_verdicts(source, before, now, expected):
    if source == "expectation":
        assert verdict(now, expectation(before)) is expected
    else:
        assert verdict(now, baseline=before) is expected


@pytest.mark.parametrize("outcome", sorted(UNJUDGED))
def test_what_says_nothing_of_the_model_is_not_judged(outcome):
    assert verdict(outcome, expectation(Outcome.EQUIVALENT)) is Verdict.NOT_JUDGED
    assert verdict(Outcome.LOAD_ERROR, baseline=outcome) is Verdict.NOT_JUDGED


def test_without_expectation_and_baseline_nothing_is_judged():
    assert verdict(Outcome.LOAD_ERROR) is Verdict.NOT_JUDGED
    assert verdict(Outcome.EQUIVALENT) is Verdict.NOT_JUDGED


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("load_error", "a"), ("load_error", "a"), Verdict.KNOWN_FAILURE),
        (("load_error", "a"), ("load_error", "b"), Verdict.CHANGED),
        (("diverged", "a", "outputs"), ("diverged", "a", "outputs"), Verdict.KNOWN_FAILURE),
        (("diverged", "a", "outputs"), ("diverged", "a", "outputs;weights"), Verdict.REGRESSION),
        (("diverged", "a", "outputs;weights"), ("diverged", "a", "outputs"), Verdict.CHANGED),
    ],
)
def test_cause_and_aspects_count_and_the_message_does_not(before, after, expected):
    def names(said):
        return [Aspect(each) for part in said[2:] for each in part.split(";")]

    detail = Detail(
        outcome=Outcome(before[0]), cause=before[1], aspects=frozenset(map(str, names(before)))
    )
    result = CellResult(
        cell=CELL,
        outcome=Outcome(after[0]),
        cause=after[1],
        aspects=tuple(names(after)),
        reason="another message",
    )
    assert Judge([], {CELL: detail}).judge(result).verdict is expected


def test_a_cell_that_the_baseline_does_not_have_is_new():
    result = CellResult(cell=CELL, outcome=Outcome.LOAD_ERROR)
    assert Judge([], {}).judge(result).verdict is Verdict.NEW


def test_an_expectation_counts_more_than_the_baseline():
    declared = expectation(Outcome.LOAD_ERROR)
    assert verdict(Outcome.LOAD_ERROR, declared, baseline=Outcome.EQUIVALENT) is (
        Verdict.KNOWN_FAILURE
    )


def test_the_last_expectation_that_matches_decides():
    general = expectation(Outcome.LOAD_ERROR, cells="plain_dense")
    special = expectation(Outcome.EQUIVALENT)
    other = expectation(Outcome.CRASHED, cells="corrupted_*")
    assert verdict(Outcome.EQUIVALENT, general, special, other) is Verdict.EXPECTED
    assert verdict(Outcome.EQUIVALENT, special, general) is Verdict.FIXED


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({"writers": ("tf2.*",)}, True),
        ({"writers": ("tf1.*", "tf2.1[45]")}, True),
        ({"writers": ("keras3*",)}, False),
        ({"readers": ("keras3*",)}, True),
        ({"readers": ("tf*",)}, False),
        ({"writers": ("tf*",), "readers": ("tf*",)}, False),
    ],
)
def test_an_expectation_can_name_its_writers_and_readers(changes, matches):
    judge = Judge([expectation(Outcome.LOAD_ERROR, **changes)], None)
    assert (judge.expectation(CELL) is not None) is matches
