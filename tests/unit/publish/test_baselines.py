"""A baseline as a file: what a run may change in it, and the difference that it leaves."""

from __future__ import annotations

import difflib

import pytest
from report_fixtures import make_run, publish_run

from runner.domain import Detail, Outcome
from runner.domain.errors import ConfigurationError
from runner.publish.baselines import (
    BaselineRow,
    read_baseline,
    read_rows,
    rows_of,
    update_rows,
    without_builds,
    write_rows,
)
from runner.publish.reading import load_details, read_cells

GOOD = Detail(outcome=Outcome.EQUIVALENT)
BAD = Detail(outcome=Outcome.LOAD_ERROR, cause="renamed")
WORSE = Detail(outcome=Outcome.DIVERGED, aspects=frozenset({"outputs"}))
ELSE = Detail(outcome=Outcome.LOAD_ERROR, cause="other")
LOST = Detail(outcome=Outcome.NOT_RUN)
A, B, C, D = (f"plain_dense/keras/keras3.{n}->keras3.15/none" for n in (10, 11, 12, 13))
WHY = {"reason": "it was decided", "link": "https://example.org/1"}


def row(cell, detail, **more):
    return BaselineRow(cell=cell, detail=detail, **more)


def rows(*found):
    return {each.cell: each for each in found}


def difference(before, after):
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---"}]


@pytest.fixture
def file(tmp_path):
    """Make the file of some rows; `update` gives the difference that a run leaves in it."""
    path = tmp_path / "baseline.csv"

    def update(before, *run, grow=False):
        write_rows(path, before)
        text = path.read_text(encoding="utf-8")
        found = update_rows(read_rows(path), run, grow=grow)
        write_rows(path, found.rows)
        return found, difference(text, path.read_text(encoding="utf-8"))

    return update


def test_a_repaired_cell_is_one_changed_line_and_a_new_failure_is_refused(file):
    before = rows(row(C, GOOD), row(B, BAD, **WHY), row(A, BAD, **WHY))

    found, lines = file(before, row(B, GOOD), row(C, WORSE), row(D, BAD))

    assert lines == [
        f"-{B},load_error,renamed,,it was decided,https://example.org/1",
        f"+{B},equivalent,,,,",
    ]
    assert (found.fixed, found.refused, found.added, found.grown) == ((B,), (C, D), (), ())
    assert found.untouched == 1
    assert found.rows[A].reason == "it was decided"


def test_new_failures_are_written_when_they_are_asked_for_and_reasons_stay_with_their_cause(file):
    before = rows(row(A, BAD, **WHY), row(B, BAD, **WHY), row(C, GOOD))

    found, lines = file(before, row(A, ELSE), row(B, BAD), row(C, WORSE), row(D, GOOD), grow=True)

    assert lines == [
        f"-{A},load_error,renamed,,it was decided,https://example.org/1",
        f"+{A},load_error,other,,,",
        f"-{C},equivalent,,,,",
        f"+{C},diverged,,outputs,,",
        f"+{D},equivalent,,,,",
    ]
    assert (found.grown, found.added) == ((A, C), (D,))


def test_what_a_run_could_not_measure_changes_nothing(file):
    found, lines = file(rows(row(A, BAD, **WHY), row(B, GOOD)), row(A, LOST), row(B, LOST))

    assert lines == []
    assert found.untouched == 2


def test_a_build_changes_what_the_baseline_has_of_a_build_and_nothing_of_a_release():
    read, written = (
        "plain_dense/h5/keras3.10->keras@pr/none",
        "plain_dense/h5/keras@pr->tf2.15/none",
    )
    run = rows(row(read, BAD), row(written, GOOD), row(A, GOOD))
    bases = {"keras@pr": "keras3.15"}

    of_releases = rows(row(A, GOOD))
    assert without_builds(run, of_releases, bases) == (rows(row(A, GOOD)), 2)
    of_a_branch = rows(row(A, GOOD), row(read.replace("@pr", "@main"), GOOD))
    found, left_out = without_builds(run, of_a_branch, bases)
    assert left_out == 0
    assert list(found) == [read.replace("@pr", "@main"), written.replace("@pr", "@main"), A]
    # It has neither the build nor its base.
    assert without_builds(run, {}, bases) == (run, 0)


def test_a_run_and_its_file_are_the_same_baseline_sorted_by_cell(tmp_path):
    publish_run(make_run(), tmp_path)
    path = tmp_path / "baseline.csv"

    write_rows(path, rows_of(read_cells(tmp_path / "cells.parquet")))

    assert read_baseline(path) == load_details(tmp_path / "cells.csv") == read_baseline(tmp_path)
    cells = [line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[2:]]
    assert cells == sorted(cells)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# baseline/2\n", "has the schema 'baseline/2', this tool reads 'baseline/1'"),
        ("# baseline/1\ncell\n", "line 2: its columns are not"),
        (f"# baseline/1\ncell,outcome,cause,aspects,reason,link\n{A},gone,,,,\n", "line 3"),
        (f"# baseline/1\ncell,outcome,cause,aspects,reason,link\n{A},equivalent\n", "line 3"),
    ],
)
def test_a_file_of_another_shape_is_refused_and_the_line_is_named(tmp_path, text, said):
    path = tmp_path / "baseline.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=said):
        read_rows(path)
