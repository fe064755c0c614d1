"""The text of a bisected cell."""

from __future__ import annotations

from change_point_fixtures import BAD, CELL, GOOD, bisection, point

from runner.domain.change_points import Axis, Bisection
from runner.judge.change_points import find_changes
from runner.render.change_points import lines


def text(found=None):
    titles = {"newer_argument": "The file has an argument of a newer version"}
    return "\n".join(lines(found or bisection(), titles, "nox -s bisect -- 'CELL'"))


def test_the_row_has_every_release_and_marks_where_it_changes():
    assert """\
plain_dense/h5/keras3.15->keras3.0..keras3.5/none
  6 readers, 5 measured; changes: 2

    keras3.0  2024-01-01  equivalent
    keras3.1  2024-02-01  equivalent
  > keras3.2  2024-03-01  load error [newer_argument]
    keras3.3  2024-04-01  environment unavailable: keras3.3: the package index cannot be reached
  > keras3.4  2024-05-01  equivalent
    keras3.5  2024-06-01  equivalent
""" in text()


def test_a_change_has_both_sides_the_notes_and_the_way_to_repeat_it():
    said = text()
    assert (
        """\
  broken from keras3.2 on (3.2.0, 2024-03-01)
    before: keras3.1 (3.1.0): the same model
    after: keras3.2 (3.2.0): fails to load
      cause: The file has an argument of a newer version [newer_argument]
      TypeError: Unrecognized keyword arguments
    notes: https://github.com/keras-team/keras/releases/tag/v3.2.0
    both results came again in 1 more run(s), in fresh processes
    repeat with: nox -s matrix -- --select 'plain_dense/h5/keras3.15->keras3.1/none' \
--select 'plain_dense/h5/keras3.15->keras3.2/none' --force
"""
        in said
    )
    assert said.endswith("\n  repeat with: nox -s bisect -- 'CELL'")


def test_what_may_have_another_reason_is_said():
    said = text()
    assert (
        "    not measured between: keras3.3: keras3.3: the package index cannot be reached" in said
    )
    assert (
        """\
    the two readers differ in more than that, and it may be the reason:
      Python 3.11.9 to 3.12.4, numpy 1.26.4 to 2.0.2, 1 that only one of them has
    tell it apart with: nox -s matrix -- --with keras=3.4.0 --base keras3.2 \
--select 'plain_dense/h5/keras3.15->keras@3.4.0/none'
"""
        in said
    )
    assert said.count("may be the reason") == 1


def test_a_backport_is_said():
    points = [point(3, GOOD), point(1, BAD)]
    said = text(Bisection(cell=CELL, axis=Axis.READER, points=points, changes=find_changes(points)))
    assert "keras3.3 was released later than keras3.1: its result may be that of a backport" in said


def test_a_row_without_a_change_says_so():
    points = [point(0, GOOD), point(1, GOOD)]
    said = text(Bisection(cell=CELL, axis=Axis.READER, points=points, changes=[]))
    assert "2 readers, 2 measured; changes: 0" in said
    assert "broken" not in said
