"""change_points.json: what was found, in the place of what was found before."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import jsonschema
import pytest
from change_point_fixtures import CELL, bisection

from runner.domain.errors import ConfigurationError, StoreError
from runner.publish.change_points import add_change_points, make_record, read_change_points
from runner.publish.schemas import SCHEMAS, load_schema

AT = "2026-11-29T04:00:00+00:00"


def record(found=None):
    return make_record(found or bisection(), at=AT, tool_version="1.0")


def test_the_file_follows_its_schema_and_is_read_back(tmp_path):
    path = tmp_path / "change_points.json"
    written = add_change_points(path, [record()])

    jsonschema.validate(json.loads(path.read_text()), load_schema("change_points"))
    assert read_change_points(path) == written
    (found,) = written.bisections
    assert (found.cell, str(found.axis), found.at) == (CELL, "reader", AT)
    assert [(str(each.kind), each.before, each.after, each.between) for each in found.changes] == [
        ("breaks", "keras3.1", "keras3.2", ()),
        ("repairs", "keras3.2", "keras3.4", ("keras3.3",)),
    ]
    assert [each.measured for each in found.points] == [True, True, True, False, True, True]
    assert [each.name for each in found.changes[1].also_differ] == ["Python", "numpy", "pillow"]


def test_the_same_cell_replaces_itself_and_others_stay(tmp_path):
    path = tmp_path / "change_points.json"
    add_change_points(path, [record()])
    other = replace(bisection(), cell="a" + CELL, changes=[])
    add_change_points(path, [record(other)])
    again = replace(bisection(), changes=[])
    found = add_change_points(path, [record(again)])

    assert [each.cell for each in found.bisections] == ["a" + CELL, CELL]
    assert [len(each.changes) for each in found.bisections] == [0, 0]


def test_a_damaged_file_is_not_replaced(tmp_path):
    path = tmp_path / "change_points.json"
    path.write_text("{")
    with pytest.raises(StoreError, match="cannot read"):
        add_change_points(path, [record()])
    assert path.read_text() == "{"
    path.write_text('{"schema": "change_points/9", "bisections": []}')
    with pytest.raises(ConfigurationError, match="change_points/9"):
        read_change_points(path)


def test_the_published_change_points_are_those_of_their_points():
    path = SCHEMAS.parent / "published" / "change_points.json"
    jsonschema.validate(json.loads(path.read_text()), load_schema("change_points"))
    found = read_change_points(path).bisections
    assert len(found) >= 10
    for each in found:
        measured = [point for point in each.points if point.measured]
        pairs = itertools.pairwise(measured)
        expected = [
            (one.environment, other.environment)
            for one, other in pairs
            if one.result != other.result
        ]
        assert [(change.before, change.after) for change in each.changes] == expected, each.cell
        sides = {name for change in each.changes for name in (change.before, change.after)}
        assert all(point.repeated for point in measured if point.environment in sides), each.cell
