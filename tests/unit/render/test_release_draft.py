"""The draft of a release's page: what its cells are, against those of the release before."""

from __future__ import annotations

from runner.declare.environments import read_environments
from runner.domain import Cell, CellResult, Detail, Format, Outcome
from runner.domain.change_points import Axis
from runner.render.release_draft import compare, draft

GOOD = Detail(outcome=Outcome.EQUIVALENT)
BAD = Detail(outcome=Outcome.LOAD_ERROR, cause="newer_argument")


def cell(writer, reader, scenario="plain_dense"):
    return Cell(scenario=scenario, format=Format.H5, writer=writer, reader=reader, remedy="none")


def result(writer, reader, detail, **more):
    return CellResult(cell=cell(writer, reader, **more), outcome=detail.outcome, cause=detail.cause)


BEFORE = {
    cell("tf2.15", "keras3.14"): BAD,
    cell("keras3.14", "keras3.8"): GOOD,
    cell("keras3.14", "keras3.14"): GOOD,
    cell("keras3.14", "tf2.15"): Detail(outcome=Outcome.ENVIRONMENT_UNAVAILABLE),
}
RESULTS = [
    result("tf2.15", "keras3.15", GOOD),
    result("keras3.15", "keras3.8", BAD),
    result("keras3.15", "keras3.15", GOOD),
    result("keras3.15", "tf2.15", BAD),
    result("keras3.15", "tf2.12", BAD),
    result("tf2.15", "keras3.8", BAD),
]


def test_row_and_column_are_held_against_those_of_the_release_before():
    found = compare(RESULTS, BEFORE, "keras3.15", "keras3.14")
    assert (found.compared, found.without, found.unknown) == (3, 1, 1)
    assert found.changed[Axis.READER] == {(BAD, GOOD): [cell("tf2.15", "keras3.15")]}
    assert found.changed[Axis.WRITER] == {(GOOD, BAD): [cell("keras3.15", "keras3.8")]}


def test_the_draft_says_what_changed_on_each_side_and_what_is_not_known():
    declared = read_environments()
    new, previous = (declared.by_id(each) for each in ("keras3.15", "keras3.14"))
    found = compare(RESULTS, BEFORE, "keras3.15", "keras3.14")
    text = "\n".join(draft(new, previous, found, {"newer_argument": "A newer key"}, "a run"))
    assert "# keras3.15 (version 3.15.1)" in text
    assert "[notes](https://github.com/keras-team/keras/releases/tag/v3.15.1)" in text
    assert (
        "3 cells were compared with those of keras3.14 (3.14.1) in a run; 1 have none there, and"
        " 1 could not be judged." in text
    )
    assert (
        "| 1 | load error (A newer key) | equivalent | `plain_dense/h5/tf2.15->keras3.15/none` |"
        in text
    )
    assert (
        "| 1 | equivalent | load error (A newer key) | `plain_dense/h5/keras3.15->keras3.8/none` |"
        in text
    )


def test_a_release_that_changes_nothing_says_so():
    declared = read_environments()
    new, previous = (declared.by_id(each) for each in ("keras3.15", "keras3.14"))
    found = compare([RESULTS[2]], BEFORE, "keras3.15", "keras3.14")
    assert "No cell differs from keras3.14." in "\n".join(draft(new, previous, found, {}, "a run"))
