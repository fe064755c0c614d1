"""The page of a release: the change points that were bisected, where any are known."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from report_fixtures import make_run, publish_run

from runner.domain import Outcome
from runner.domain.change_points import Axis, ChangeKind
from runner.publish.change_points import (
    CHANGE_POINTS_FILE,
    BisectionRecord,
    ChangeRecord,
    OtherPackage,
    PointRecord,
    add_change_points,
)
from runner.publish.gate_record import DetailRecord
from runner.render.site import render_site


def point(environment: str, version: str, outcome: Outcome) -> PointRecord:
    return PointRecord(
        environment=environment,
        version=version,
        released=date(2020, 2, 1),
        cell=f"plain_dense/h5/tf1.15->{environment}/none",
        measured=True,
        result=DetailRecord(outcome=outcome, cause="", aspects=()),
        notes="https://example.org/notes",
    )


def test_a_release_names_the_changes_that_were_bisected_to_it(tmp_path: Path) -> None:
    publish_run(make_run(), tmp_path)
    record = BisectionRecord(
        cell="plain_dense/h5/tf1.15->keras3.9..keras3.10/none",
        axis=Axis.READER,
        at="2026-01-02T03:04:05+00:00",
        tool_version="0.1.0",
        points=(
            point("keras3.9", "3.9.2", Outcome.EQUIVALENT),
            point("keras3.10.0", "3.10.0", Outcome.LOAD_ERROR),
        ),
        changes=(
            ChangeRecord(
                kind=ChangeKind.BREAKS,
                before="keras3.9",
                after="keras3.10.0",
                also_differ=(OtherPackage(name="numpy", before="1.26", after="2.0"),),
            ),
        ),
    )
    add_change_points(tmp_path / CHANGE_POINTS_FILE, [record])
    render_site(tmp_path, tmp_path / "site")
    shown = (tmp_path / "site" / "release" / "keras3.10.html").read_text(encoding="utf-8")
    other = (tmp_path / "site" / "release" / "tf1.15.html").read_text(encoding="utf-8")

    assert "<b>3.10.0</b> (2020-02-01), as reader" in shown
    assert "✗ load error; with 3.9.2 it was ✓ equivalent" in shown
    assert "Also different: numpy 1.26 → 2.0." in shown
    assert 'href="https://example.org/notes"' in shown
    assert "as bisected" not in other
