"""A bisected cell of six readers: broken, one that was not built, repaired."""

from __future__ import annotations

from datetime import date

from runner.domain import Cell, Detail, Format, Outcome
from runner.domain.change_points import Axis, Bisection, Point
from runner.judge.change_points import find_changes

GOOD = Detail(outcome=Outcome.EQUIVALENT)
BAD = Detail(outcome=Outcome.LOAD_ERROR, cause="newer_argument")
AWAY = Detail(outcome=Outcome.ENVIRONMENT_UNAVAILABLE)
CELL = "plain_dense/h5/keras3.15->keras3.0..keras3.5/none"


def point(number, detail, **more):
    name = f"keras3.{number}"
    return Point(
        environment=name,
        version=f"3.{number}.0",
        released=date(2024, 1 + number, 1),
        cell=Cell(
            scenario="plain_dense", format=Format.H5, writer="keras3.15", reader=name, remedy="none"
        ),
        detail=detail,
        notes=f"https://github.com/keras-team/keras/releases/tag/v3.{number}.0",
        packages={
            "keras": f"3.{number}.0",
            "Python": "3.11.9" if number < 4 else "3.12.4",
            "numpy": "1.26.4" if number < 4 else "2.0.2",
            **({} if number < 4 else {"pillow": "11.0"}),
        },
        package="keras",
        **more,
    )


def bisection():
    points = [
        point(0, GOOD),
        point(1, GOOD, repeated=1),
        point(2, BAD, exception="TypeError", message="Unrecognized\nkeyword arguments", repeated=1),
        point(3, AWAY, reason="keras3.3: the package index cannot be reached"),
        point(4, GOOD, repeated=1),
        point(5, GOOD),
    ]
    return Bisection(cell=CELL, axis=Axis.READER, points=points, changes=find_changes(points))
