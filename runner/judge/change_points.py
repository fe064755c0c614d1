"""The change points of a cell along an axis: measured results in order -> the changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.change_points import ChangePoint, Point


def find_changes(points: Sequence[Point]) -> list[ChangePoint]:
    """Return every place where one measured release differs from the one before it.

    Outcome, cause and differing aspects are compared, never the text of a message. What could
    not be measured is neither good nor bad: it stands between the two.
    """
    found: list[ChangePoint] = []
    last: Point | None = None
    between: list[Point] = []
    for point in points:
        if not point.measured:
            between.append(point)
            continue
        if last is not None and last.detail != point.detail:
            found.append(ChangePoint(before=last, after=point, between=tuple(between)))
        last, between = point, []
    return found
