"""The change points of bisected cells as a file: change_points.json (`change_points/1`).

Input: `Bisection`s. Output: the record, written; one of the same cell and range is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from runner.domain.change_points import Axis, Bisection, ChangeKind, ChangePoint, Point
from runner.publish.decoding import read_record
from runner.publish.gate_record import DetailRecord
from runner.publish.record import Count, Id, Moment, Record, Text, plain
from runner.store import atomic_write_text

CHANGE_POINTS_FILE = "change_points.json"
SCHEMA: Literal["change_points/1"] = "change_points/1"
MESSAGE = 500
"""Characters of an exception's text that are kept."""


class PointRecord(Record, kw_only=True, frozen=True):
    """One release on the axis."""

    environment: Id
    version: Text
    released: date
    cell: Text
    measured: bool
    result: DetailRecord | None = None
    """What came of it; without `measured`, why nothing did."""
    reason: str = ""
    exception: str = ""
    message: str = ""
    notes: str = ""
    repeated: Count = 0
    """Further runs in fresh processes, all of which agreed."""


class OtherPackage(Record, kw_only=True, frozen=True):
    """A package whose version differs as well between the two sides of a change."""

    name: Text
    before: str
    after: str


class ChangeRecord(Record, kw_only=True, frozen=True):
    """Two measured releases whose results differ, with none measurable in between."""

    kind: ChangeKind
    before: Annotated[Id, Meta(description="Environment of the last release before the change.")]
    after: Annotated[Id, Meta(description="Environment of the first release with it.")]
    between: tuple[Id, ...] = ()
    """Releases between the two that could not be measured."""
    also_differ: tuple[OtherPackage, ...] = ()


class BisectionRecord(Record, kw_only=True, frozen=True):
    """A cell, measured along one axis of releases."""

    cell: Text
    """Its id, with `first..last` in the place of the varied environment."""
    axis: Axis
    at: Moment
    tool_version: Text
    points: tuple[PointRecord, ...]
    """In the order of versions."""
    changes: tuple[ChangeRecord, ...]


class ChangePointsRecord(Record, kw_only=True, frozen=True):
    """change_points.json: every bisected cell, and its change points."""

    schema: Literal["change_points/1"]
    bisections: tuple[BisectionRecord, ...]


def make_record(found: Bisection, *, at: str, tool_version: str) -> BisectionRecord:
    """Return the record of one cell."""
    return BisectionRecord(
        cell=found.cell,
        axis=found.axis,
        at=at,
        tool_version=tool_version,
        points=tuple(map(_point, found.points)),
        changes=tuple(map(_change, found.changes)),
    )


def _point(point: Point) -> PointRecord:
    detail = point.detail
    return PointRecord(
        environment=point.environment,
        version=point.version,
        released=point.released,
        cell=point.cell.id,
        measured=point.measured,
        result=DetailRecord(
            outcome=detail.outcome, cause=detail.cause, aspects=tuple(sorted(detail.aspects))
        )
        if detail
        else None,
        reason=point.reason,
        exception=point.exception,
        message=point.message[:MESSAGE],
        notes=point.notes,
        repeated=point.repeated,
    )


def _change(change: ChangePoint) -> ChangeRecord:
    return ChangeRecord(
        kind=change.kind,
        before=change.before.environment,
        after=change.after.environment,
        between=tuple(each.environment for each in change.between),
        also_differ=tuple(
            OtherPackage(name=name, before=old, after=new)
            for name, (old, new) in change.also_differ.items()
        ),
    )


def add_change_points(path: Path, records: Iterable[BisectionRecord]) -> ChangePointsRecord:
    """Put records into a file, each in the place of the one of the same cell and range.

    Raises:
        StoreError: the file cannot be read or written.
    """
    kept = {each.cell: each for each in read_change_points(path).bisections}
    kept |= {each.cell: each for each in records}
    record = ChangePointsRecord(
        schema=SCHEMA, bisections=tuple(kept[cell] for cell in sorted(kept))
    )
    atomic_write_text(path, json.dumps(plain(record), indent=1) + "\n")
    return record


def read_change_points(path: Path) -> ChangePointsRecord:
    """Read a file of change points; one that is not there has none.

    Raises:
        StoreError: it cannot be read, or is damaged.
    """
    if not path.exists():
        return ChangePointsRecord(schema=SCHEMA, bisections=())
    return read_record(path, ChangePointsRecord, f"remove {path}, and bisect again")
