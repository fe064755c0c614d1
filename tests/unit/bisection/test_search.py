"""The search for the first bad of a row, some of which cannot be judged."""

from __future__ import annotations

import pytest

from runner.bisection.search import State, find_first_bad, fraction

STATES = {"g": State.GOOD, "b": State.BAD, "?": State.UNKNOWN}


def search(row):
    asked = []

    def judge(place):
        asked.append(place)
        return STATES[row[place]]

    return find_first_bad(len(row), judge), asked


@pytest.mark.parametrize(
    ("row", "good", "bad"),
    [
        ("gb", 0, 1),
        ("ggb", 1, 2),
        ("gbb", 0, 1),
        ("g?b", 0, 2),
        ("gg?b", 1, 3),
        ("gg??bb", 1, 4),
        ("g????b", 0, 5),
        ("gg?gbb", 3, 4),
        ("gggggggb?b", 6, 7),
        ("g" * 90 + "b" * 10, 89, 90),
    ],
)
def test_the_first_bad_is_found_and_what_may_be_it_is_said(row, good, bad):
    found, _ = search(row)
    assert (found.last_good, found.first_bad) == (good, bad)
    assert found.between == list(range(good + 1, bad))
    assert all(row[each] == "?" for each in found.between)


def test_the_ends_are_not_asked_for_and_no_commit_twice():
    for row in ("g????????b", "gg?gbb", "g" * 60 + "?" * 20 + "b" * 20):
        _, asked = search(row)
        assert len(set(asked)) == len(asked)
        assert not {0, len(row) - 1} & set(asked)


def test_it_takes_the_steps_of_a_halving():
    for place in range(1, 1024):
        _, asked = search("g" * place + "b" * (1025 - place))
        assert len(asked) <= 11


def test_a_row_of_commits_that_cannot_be_judged_is_left_quickly():
    _, asked = search("g" * 450 + "?" * 100 + "g" * 200 + "b" * 250)
    assert len(asked) < 20


def test_fractions_are_spread():
    assert [fraction(each) for each in range(1, 8)] == [
        1 / 2,
        1 / 4,
        3 / 4,
        1 / 8,
        5 / 8,
        3 / 8,
        7 / 8,
    ]
