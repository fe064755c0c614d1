"""Releases in both directions: what is counted, lost and won, and what helps."""

from __future__ import annotations

import pytest
from report_fixtures import (
    SmallRun,
    make_environment,
    make_remedy,
    make_result,
    make_scenario,
    put_together,
)

from runner.analyse.advice import build_advice
from runner.analyse.grids import bare_loads, code_cells, tell_apart
from runner.analyse.releases import Release, Releases, Role
from runner.domain import Cell, Family, Format, Outcome

GOOD, ERROR, OTHER = Outcome.EQUIVALENT, Outcome.LOAD_ERROR, Outcome.DIVERGED


def describe(outcomes, remedied=(), **scenario):
    """Releases a, b and c of one line; `outcomes` by writer and reader, equivalent elsewhere."""
    results = []
    for writer in "abc":
        for reader in "abc":
            pair = writer + reader
            cell = {"scenario": "s", "format": Format.H5, "writer": writer, "reader": reader}
            outcome = outcomes.get(pair, GOOD)
            results.append(make_result(Cell(**cell, remedy="none"), outcome))
            if pair in remedied:
                results.append(make_result(Cell(**cell, remedy="rebuild"), GOOD))
    run = SmallRun(
        environments=tuple(
            make_environment(name, Family.KERAS3, place) for place, name in enumerate("abc")
        ),
        scenarios=(make_scenario("s", remedies=("rebuild",), **scenario),),
        remedies=(make_remedy("none", 0), make_remedy("rebuild", 4)),
        results=tuple(results),
    )
    data = put_together(run)
    coded, advice = code_cells(data), build_advice(data.cells, data.run)
    masks = {"bare": bare_loads(coded), "about": tell_apart(data, coded)}
    found = Releases(data, coded, advice, **masks).describe()
    return {each.id: each for each in found}


def numbers(release: Release, role: Role) -> tuple[int, ...]:
    found = next(each.all for each in release.directions if each.role is role)
    return found.loads, found.same, found.silent, found.lost, found.won, found.both


def test_a_release_is_held_against_the_one_before_it():
    found = describe({"ac": OTHER})
    assert [(each.before, each.after) for each in found.values()] == [
        *(("", "b"), ("a", "c"), ("b", "")),
    ]
    assert numbers(found["c"], Role.READER) == (2, 1, 1, 1, 0, 2)
    assert numbers(found["b"], Role.READER) == (2, 2, 0, 0, 0, 2)
    assert numbers(found["a"], Role.READER) == (2, 2, 0, 0, 0, 0)


def test_what_an_older_reader_no_longer_reads_of_it_is_the_writers_side():
    found = describe({"ba": ERROR, "ca": ERROR}, remedied=("ba",))
    assert numbers(found["b"], Role.WRITER) == (2, 1, 0, 1, 0, 2)
    # Nothing more is lost with c: its readers fail on b already.
    assert numbers(found["c"], Role.WRITER) == (2, 1, 0, 0, 0, 2)
    (loss,) = found["b"].directions[1].losses
    assert (loss.cause, loss.loads, loss.tried, loss.restored) == (
        *("unknown_class", 1, 1, (("rebuild", 1),)),
    )


def test_what_was_not_tried_is_not_said_to_be_beyond_help():
    (loss,) = describe({"ba": ERROR})["b"].directions[1].losses
    assert (loss.tried, loss.restored, loss.given_up) == (0, (), 0)


def test_what_a_release_does_not_get_back_itself_is_apart():
    found = describe({"cc": ERROR, "ca": ERROR})
    assert found["c"].ceased == (("s", "h5"),)
    assert numbers(found["c"], Role.WRITER) == (0, 0, 0, 0, 0, 0)
    assert numbers(found["a"], Role.READER) == (1, 1, 0, 0, 0, 0)


@pytest.mark.parametrize("role", Role)
def test_a_damaged_file_counts_nowhere(role):
    found = describe({"cc": ERROR, "ac": ERROR}, damage="truncate")
    assert all(numbers(each, role) == (0, 0, 0, 0, 0, 0) for each in found.values())
    assert found["c"].ceased == ()
