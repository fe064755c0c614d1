"""The changes along an axis: each is found, whatever could not be measured in between."""

from __future__ import annotations

from datetime import date

import pytest

from runner.domain import Cell, Detail, Format, Outcome
from runner.domain.change_points import ChangeKind, Point
from runner.judge.change_points import find_changes

RESULTS = {
    "g": Detail(outcome=Outcome.EQUIVALENT),
    "b": Detail(outcome=Outcome.LOAD_ERROR, cause="newer_argument"),
    "c": Detail(outcome=Outcome.LOAD_ERROR, cause="module_moved"),
    "d": Detail(outcome=Outcome.DIVERGED, cause="x", aspects=frozenset({"outputs"})),
    "e": Detail(outcome=Outcome.DIVERGED, cause="x", aspects=frozenset({"weights"})),
    "s": Detail(outcome=Outcome.SAVE_ERROR),
    "?": Detail(outcome=Outcome.ENVIRONMENT_UNAVAILABLE),
    "!": Detail(outcome=Outcome.HARNESS_ERROR),
    "-": None,
}


def points(letters):
    return [
        Point(
            environment=f"keras3.{number}",
            version=f"3.{number}.0",
            released=date(2024, 1, 1 + number),
            cell=Cell(scenario="s", format=Format.H5, writer="w", reader="r", remedy="none"),
            detail=RESULTS[letter],
        )
        for number, letter in enumerate(letters)
    ]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("ggg", []),
        ("gb", [("breaks", 0, 1, 0)]),
        ("gbbgg", [("breaks", 0, 1, 0), ("repairs", 2, 3, 0)]),
        ("gbcd", [("breaks", 0, 1, 0), ("changes", 1, 2, 0), ("changes", 2, 3, 0)]),
        ("de", [("changes", 0, 1, 0)]),
        ("g?b", [("breaks", 0, 2, 1)]),
        ("g?!-b", [("breaks", 0, 4, 3)]),
        ("g?g", []),
        ("?gb!", [("breaks", 1, 2, 0)]),
        ("gb?bg", [("breaks", 0, 1, 0), ("repairs", 3, 4, 0)]),
        ("gs", [("breaks", 0, 1, 0)]),
        ("???", []),
        ("", []),
    ],
)
def test_changes_of_a_row(letters, expected):
    row = points(letters)
    found = find_changes(row)
    assert [
        (str(each.kind), row.index(each.before), row.index(each.after), len(each.between))
        for each in found
    ] == expected


def test_a_message_that_reads_otherwise_is_no_change():
    first, second = points("bb")
    assert find_changes([first, Point(**{**fields(second), "message": "another text"})]) == []


def test_a_later_version_that_is_the_older_release_is_told_from_a_backport():
    first, second = points("gb")
    change = find_changes([first, second])[0]
    assert change.kind is ChangeKind.BREAKS
    assert not change.backport
    later = Point(**{**fields(first), "released": date(2025, 1, 1)})
    assert find_changes([later, second])[0].backport


def fields(point):
    return {name: getattr(point, name) for name in type(point).__dataclass_fields__}
