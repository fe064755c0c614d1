"""Boundaries: few rules, nothing lost, words that name the ranges."""

from __future__ import annotations

import time

import numpy as np
import pytest

from runner.analyse import boundaries_check
from runner.analyse.boundaries import (
    EVERYTHING,
    Axis,
    Range,
    Rule,
    cover_grid,
    describe_boundaries,
    describe_grid,
    expand_rules,
)
from runner.analyse.boundaries_check import compare_sentences
from runner.analyse.grids import BLANK, OUTCOMES, Coded
from runner.domain import Family, Outcome

IDS = (
    *("keras2.3", "keras2.3-theano", "tf1.15"),
    *(f"tf2.{minor}" for minor in range(16)),
    *(f"tf-keras2.{minor}" for minor in range(16, 22)),
    *(f"keras3.{minor}" for minor in range(16)),
    *("keras3.15-jax", "keras3.15-torch"),
)
AXIS = Axis(ids=IDS)
SIZE = len(IDS)
EQUIVALENT = OUTCOMES.index(Outcome.EQUIVALENT)
LOAD_ERROR = OUTCOMES.index(Outcome.LOAD_ERROR)
NOT_RUN = OUTCOMES.index(Outcome.NOT_RUN)
UNSUPPORTED = OUTCOMES.index(Outcome.UNSUPPORTED)


def at(name: str) -> int:
    return IDS.index(name)


def blocks(random: np.random.Generator, size: int) -> np.ndarray:
    """A grid as measured ones are: blocks of versions, strips, a diagonal, holes."""
    grid = np.full((size, size), int(random.integers(len(OUTCOMES))), dtype=np.int64)
    for _ in range(int(random.integers(8))):
        top, left = random.integers(size, size=2)
        grid[
            top : top + random.integers(1, size + 1), left : left + random.integers(1, size + 1)
        ] = random.integers(BLANK, len(OUTCOMES))
    if random.integers(2):
        np.fill_diagonal(grid, EQUIVALENT)
    holes = random.random((size, size)) < random.choice([0, 0, 0.02, 0.3])
    grid[holes] = random.choice([BLANK, NOT_RUN, UNSUPPORTED])
    return grid


@pytest.mark.parametrize("seed", range(60))
def test_rules_give_every_cell_back_and_no_other(seed: int) -> None:
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 13)) if seed % 10 else SIZE
    axis = Axis(ids=IDS[:size])
    grid = blocks(random, size) if seed % 3 else random.integers(BLANK, 4, size=(size, size))

    rules = cover_grid(grid, axis)

    np.testing.assert_array_equal(expand_rules(rules, size), grid)


@pytest.mark.parametrize("seed", range(10))
def test_no_rule_is_superfluous_and_none_crosses_a_line(seed: int) -> None:
    grid = blocks(np.random.default_rng(seed), SIZE)

    rules = cover_grid(grid, AXIS)

    for rule in rules:
        others = [other for other in rules if other is not rule]
        assert not np.array_equal(expand_rules(others, SIZE), grid)
        for each in (*rule.writers, *rule.readers):
            assert len(set(AXIS.lines[each.first : each.last + 1])) == 1


def test_one_block_is_one_rule() -> None:
    grid = np.full((SIZE, SIZE), EQUIVALENT, dtype=np.int64)
    grid[at("tf2.4") : at("tf2.15") + 1, at("keras3.0") : at("keras3.15") + 1] = LOAD_ERROR

    found = describe_grid(grid, AXIS)

    assert found[-1].text == ("written by TF 2.4 to 2.15, read by Keras 3.0 to 3.15: fails to load")
    assert found[-1].cells == 12 * 16
    assert len(found) == 3


def test_a_single_outcome_is_one_sentence() -> None:
    found = describe_grid(np.full((SIZE, SIZE), LOAD_ERROR, dtype=np.int64), AXIS)

    assert [each.text for each in found] == [
        f"written by {EVERYTHING}, read by {EVERYTHING}: fails to load"
    ]
    assert found[0].cells == SIZE * SIZE


def test_a_grid_without_cells_says_nothing() -> None:
    assert cover_grid(np.full((SIZE, SIZE), BLANK, dtype=np.int64), AXIS) == ()
    assert cover_grid(np.empty((0, 0), dtype=np.int64), Axis(ids=())) == ()


def test_a_rule_never_speaks_of_a_hole() -> None:
    grid = np.full((4, 4), EQUIVALENT, dtype=np.int64)
    grid[1, 2] = BLANK

    rules = cover_grid(grid, Axis(ids=IDS[2:6]))

    assert expand_rules(rules, 4)[1, 2] == BLANK
    assert len(rules) == 2


def test_ranges_are_named_within_their_line() -> None:
    places = [*range(at("tf2.4"), at("tf2.8")), at("tf2.9"), *range(at("keras3.5"), SIZE)]

    assert AXIS.words(AXIS.ranges(places)) == (
        "TF 2.4 to 2.7 and 2.9, Keras 3.5 to 3.15, Keras 3.15 on jax, Keras 3.15 on torch"
    )
    assert AXIS.words(AXIS.ranges([0, 1])) == "Keras 2.3, Keras 2.3 on theano"
    assert AXIS.words(AXIS.ranges([at("tf1.15"), at("tf2.0")])) == "TF 1.15 to 2.0"
    assert AXIS.words(AXIS.ranges(range(SIZE))) == EVERYTHING
    assert Axis(ids=("nightly", "tf2.0")).words([Range(0, 0)]) == "nightly"


def test_a_range_says_nothing_of_a_release_that_was_left_out() -> None:
    axis = Axis(ids=("tf1.15", "tf2.0", "tf2.3", "tf2.12", "tf2.13", "keras3.15", "keras3.15-jax"))

    assert axis.words(axis.ranges(range(6))) == "TF 1.15 to 2.0, 2.3 and 2.12 to 2.13, Keras 3.15"


@pytest.mark.parametrize("seed", range(20))
def test_sentences_read_back_are_the_grid_they_were_made_from(seed: int) -> None:
    random = np.random.default_rng(seed)
    ids = tuple(name for name in IDS if random.random() < random.choice([0.3, 0.9, 1.0]))
    grid = blocks(random, len(ids))

    sentences = [each.text for each in describe_grid(grid, Axis(ids=ids))]

    assert compare_sentences(sentences, grid, ids) == ""
    for left_out in range(len(sentences)):
        others = [*sentences[:left_out], *sentences[left_out + 1 :]]
        assert "wrong of" in compare_sentences(others, grid, ids)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("written by TF 2.0 to 2.2, read by TF 2.0: fails to load", "names tf2.1"),
        ("written by TF 2.2 to 2.0, read by TF 2.0: fails to load", "names tf2.3"),
        (
            "written by TF 2.0 and later, read by TF 2.0: fails to load",
            "and later, which was not measured",
        ),
        ("written by TF 2.0, read by TF 2.0: the same model", "wrong of tf2.0->tf2.0"),
        ("written by TF 2.0, read by TF 2.0: fails somehow", "no sentence"),
    ],
)
def test_a_sentence_that_says_more_than_was_measured_is_found(said: str, problem: str) -> None:
    grid = np.full((2, 2), BLANK, dtype=np.int64)
    grid[0, 0] = LOAD_ERROR

    assert problem in compare_sentences([said], grid, ("tf2.0", "tf2.2"))


def test_every_outcome_has_words_and_what_was_not_measured_comes_last() -> None:
    grid = np.full((SIZE, SIZE), NOT_RUN, dtype=np.int64)
    grid[0, 0] = LOAD_ERROR

    assert next(each.outcome for each in describe_grid(grid, AXIS)) is Outcome.LOAD_ERROR


def test_a_rule_counts_its_cells() -> None:
    assert Rule(writers=(Range(0, 1), Range(4, 4)), readers=(Range(2, 3),), code=0).cells == 6


def test_boundaries_are_kept_apart_by_scenario_format_and_remedy() -> None:
    coded = Coded(
        scenarios=("one", "two"),
        formats=("h5", "keras"),
        environments=("tf2.0", "tf2.1"),
        families=(Family.TF_KERAS, Family.TF_KERAS),
        remedies=("none", "other"),
        scenario=np.array([0, 0, 0, 1, 1]),
        format=np.array([0, 0, 1, 0, 0]),
        writer=np.array([0, 1, 0, 0, 1]),
        reader=np.array([0, 1, 0, 0, 1]),
        remedy=np.array([0, 0, 0, 1, 1]),
        outcome=np.array([EQUIVALENT, LOAD_ERROR, LOAD_ERROR, EQUIVALENT, NOT_RUN]),
    )

    found = list(describe_boundaries(coded, np.array([3, 0, 1, 4, 2])))

    assert [(each.scenario, each.format, each.remedy) for each in found] == [
        ("one", "h5", "none"),
        ("one", "keras", "none"),
        ("two", "h5", "other"),
    ]
    assert [rule.text for rule in found[0].rules] == [
        "written by TF 2.0, read by TF 2.0: the same model",
        "written by TF 2.1, read by TF 2.1: fails to load",
    ]
    assert [each.not_run for each in found] == [0, 0, 1]
    assert (len(found[2].rules), len(found[2].measured_rules())) == (2, 1)
    assert list(describe_boundaries(coded, np.array([], dtype=np.int64))) == []


def test_hundreds_of_grids_take_seconds() -> None:
    random = np.random.default_rng(1)
    grids = [blocks(random, SIZE) for _ in range(20)]
    begun = time.process_time()
    for grid in grids:
        cover_grid(grid, AXIS)

    assert (time.process_time() - begun) / len(grids) < 1.0


def test_a_sentence_names_releases_beside_minor_versions():
    """A check that took `2.4` out of `TF 2.4.0` refused every run of a release."""
    words = "TF 2.4.0 and 2.15.0.post1, Keras 3.4, 3.4.0, 3.14 to 3.15 and 3.14.0"
    assert list(boundaries_check._read_names(words)) == [
        *("tf2.4.0", "tf2.15.0.post1", "keras3.4", "keras3.4.0"),
        *("keras3.14", "keras3.15", "keras3.14.0"),
    ]
