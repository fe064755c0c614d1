"""The command `bisect`: its text, its file and its exit codes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from change_point_fixtures import AWAY, CELL, GOOD, bisection, point

from runner.bisection import releases
from runner.cli import main
from runner.publish.change_points import read_change_points


@pytest.fixture
def bisect(monkeypatch, capsys, tmp_path):
    def run(*found, arguments=()):
        monkeypatch.setattr(releases, "read_selector", lambda text, _: SimpleNamespace(text=text))
        monkeypatch.setattr(releases, "bisect_releases", lambda *_: list(found))
        code = main(["bisect", CELL, "--store", str(tmp_path / "store"), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_change_points_are_printed_and_kept(bisect, tmp_path):
    path = tmp_path / "found.json"
    code, out, err = bisect(bisection(), arguments=["--add", str(path)])

    assert (code, err) == (0, "")
    assert "broken from keras3.2" in out
    assert "repaired from keras3.4" in out
    assert f"repeat with: nox -s bisect -- '{CELL}'" in out
    assert [each.cell for each in read_change_points(path).bisections] == [CELL]


def test_a_cell_that_never_changes_is_an_error_of_its_own(bisect):
    same = replace(bisection(), points=[point(0, GOOD), point(1, GOOD)], changes=[])
    code, out, err = bisect(same)

    assert code == 23
    assert "2 readers, 2 measured; changes: 0" in out
    assert "does not change: equivalent everywhere from keras3.0 to keras3.1" in err
    assert "next: widen the range" in err


def test_a_cell_that_may_change_where_it_could_not_be_measured_is_not_judged(bisect):
    points = [point(0, GOOD), point(1, AWAY, reason="no network"), point(2, GOOD)]
    code, _, err = bisect(replace(bisection(), points=points, changes=[]))

    assert code == 20
    assert "could not be measured: keras3.1" in err


def test_a_cell_without_a_range_is_refused_with_one_that_works(capsys):
    assert main(["bisect", "plain_dense/h5/tf2.15->keras3.15/none"]) == 2
    said = capsys.readouterr().err
    assert "has no range of releases" in said
    assert "next: nox -s bisect -- 'plain_dense/h5/tf2.15->keras3.15.0..keras3.15/none'" in said
