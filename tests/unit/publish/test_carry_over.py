"""Cells of an earlier run come back as that run published them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_fixtures import SmallRun, make_run, provision, publish_run

from runner.domain import CellResult, Depends, Origin, Outcome
from runner.domain.errors import StoreError
from runner.publish.carry_over import Today, keep_results
from runner.publish.reading import load_data
from runner.publish.record import KeptRecord
from runner.publish.tables import build_cells, build_observations


def between_built(results: tuple[CellResult, ...]) -> list[CellResult]:
    return [
        each
        for each in results
        if "keras2.3" not in {each.cell.writer, each.cell.reader}
        and each.outcome is not Outcome.NOT_RUN
    ]


def test_what_is_kept_is_published_as_before(tmp_path: Path) -> None:
    run = make_run()
    publish_run(run, tmp_path)
    kept = keep_results(tmp_path, measured=(), today=today(run))
    expected = between_built(run.results)
    # The cause is found anew from what was seen: rules may have changed.
    assert {each.cause for each in kept.results} == {""}
    uncaused = [replace(each, cause="") for each in expected]
    # The published observations already hide the folders that messages name.
    pd.testing.assert_frame_equal(
        build_cells(kept.results, run.order).drop(columns=["message", "origin"]),
        build_cells(uncaused, run.order).drop(columns=["message", "origin"]),
    )
    pd.testing.assert_frame_equal(
        build_observations(kept.results, run.order),
        build_observations(expected, run.order, hide=("/home/me",)),
    )
    assert kept.record.started == "2026-01-02T03:04:05+00:00"
    assert (kept.record.tool_version, kept.record.cells) == ("0.1.0", len(expected))


def test_what_was_measured_again_is_not_kept(tmp_path: Path) -> None:
    run = make_run()
    publish_run(run, tmp_path)
    again = {each.cell for each in run.results if each.cell.scenario == "plain_dense"}
    kept = keep_results(tmp_path, measured=again, today=today(run))
    assert {each.cell.scenario for each in kept.results} == {"custom_loss_metric"}


def test_other_locks_and_scenarios_that_are_gone_are_not_kept(tmp_path: Path) -> None:
    run = make_run()
    publish_run(run, tmp_path)
    other = keep_results(
        tmp_path, measured=(), today=today(run, environments=provision(run, "cd" * 32))
    )
    assert other.results == ()
    assert other.record.refused.keys() == {"lock", "environment gone"}
    gone = keep_results(tmp_path, measured=(), today=today(run, scenarios=()))
    assert gone.results == ()
    assert gone.record.refused.keys() == {"scenario gone"}


DEPENDS = Depends(probe="1" * 12, scenario="2" * 12, writer_lock="ab" * 6, reader_lock="ab" * 6)
"""As of a cell measured in the environments of `provision`."""


def today(run: SmallRun, **changed: Any) -> Today:
    fields: dict[str, Any] = {
        "scenarios": [each.id for each in run.scenarios],
        "environments": provision(run),
        "depends": lambda *_: DEPENDS,
        "artifacts": {},
        "made_with": lambda *_: "",
    }
    return Today(**(fields | changed))


def measured_with(run: SmallRun, **changed: Any) -> SmallRun:
    """The run, each of its cells saying when and with what it was measured."""
    depends = replace(DEPENDS, **{key: changed.pop(key) for key in [*changed] if key != "at"})
    at = changed.get("at", "2026-01-02T03:04:05+00:00")
    results = [replace(each, depends=depends, measured_at=at) for each in run.results]
    return replace(run, results=tuple(results))


def test_what_was_made_by_other_rules_is_not_kept(tmp_path: Path) -> None:
    run = measured_with(make_run(), made_with="3" * 12)
    made = [replace(each, steps=("time_major",)) for each in run.results]
    publish_run(replace(run, results=tuple(made)), tmp_path)
    changed = run.results[0].cell.reader

    def made_with(_remedy: str, reader: str, steps: Sequence[str]) -> str:
        assert steps == ("time_major",)
        return ("4" if reader == changed else "3") * 12

    kept = keep_results(tmp_path, measured=(), today=today(run, made_with=made_with))
    assert kept.results
    assert changed not in {each.cell.reader for each in kept.results}
    assert "rules" in kept.record.refused
    assert {each.depends.made_with for each in kept.results} == {"3" * 12}
    assert {each.origin for each in kept.results if each.observation} == {Origin.KEPT}


def test_rows_that_do_not_say_what_made_their_file_are_stale(tmp_path: Path) -> None:
    run = measured_with(make_run())
    made = [replace(each, steps=("time_major",)) for each in run.results]
    publish_run(replace(run, results=tuple(made)), tmp_path)
    kept = keep_results(tmp_path, measured=(), today=today(run, made_with=lambda *_: "4" * 12))
    assert {each.origin for each in kept.results if each.observation} == {Origin.STALE}


def test_what_was_measured_with_all_as_it_is_today_is_kept_and_says_when(tmp_path: Path) -> None:
    run = measured_with(make_run())
    publish_run(run, tmp_path)

    kept = keep_results(tmp_path, measured=(), today=today(run))

    rows = build_cells(kept.results, run.order)
    assert set(rows["origin"]) == {"kept"}
    # Published by the minute.
    assert set(rows["measured_at"]) == {"2026-01-02T03:04:00+00:00"}
    assert set(rows["probe"]) == {DEPENDS.probe}
    assert kept.record.stale == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"probe": "9" * 12}, "probe"),
        ({"scenario": "9" * 12}, "scenario"),
        # The record of a run that kept rows names the lock of today, and not theirs.
        ({"writer_lock": "9" * 12}, "lock"),
        ({"reader_lock": "9" * 12}, "lock"),
    ],
)
def test_what_was_measured_with_anything_else_is_refused(
    tmp_path: Path, changed: dict[str, str], reason: str
) -> None:
    run = measured_with(make_run(), **changed)
    publish_run(run, tmp_path)

    kept = keep_results(tmp_path, measured=(), today=today(run))

    assert kept.results == ()
    assert kept.record.refused[reason] > 0


def test_rows_of_another_artifact_than_this_runs_are_refused(tmp_path: Path) -> None:
    run = measured_with(make_run())
    publish_run(run, tmp_path)
    place = ("plain_dense", "h5", "tf1.15")

    kept = keep_results(tmp_path, measured=(), today=today(run, artifacts={place: "f" * 64}))

    assert kept.record.refused["artifact"] > 0
    left = {(each.cell.scenario, each.cell.format, each.cell.writer) for each in kept.results}
    assert place not in left
    assert left


def test_rows_of_two_saves_of_one_model_are_never_kept_beside_each_other(tmp_path: Path) -> None:
    run = make_run()
    results = tuple(
        replace(each, artifact_sha256="f" * 64) if each.cell.reader == "tf1.15" else each
        for each in run.results
    )
    publish_run(replace(run, results=results), tmp_path)
    assert _mixed(load_data(tmp_path).cells) > 0

    kept = keep_results(tmp_path, measured=(), today=today(run))

    assert kept.results
    assert _mixed(build_cells(kept.results, run.order)) == 0
    assert kept.record.refused["artifact"] > 0


def _mixed(cells: pd.DataFrame) -> int:
    """How many saves the table has rows of two artifacts of."""
    names = ["scenario", "format", "writer", "artifact_sha256"]
    saves = cells.loc[cells["artifact_sha256"].astype(str) != "", names].astype(str)
    return int(saves.drop_duplicates().duplicated(names[:3]).sum())


def test_what_does_not_say_with_what_it_was_measured_is_stale(tmp_path: Path) -> None:
    run = make_run()
    publish_run(run, tmp_path)

    kept = keep_results(tmp_path, measured=(), today=today(run))

    assert {each.origin for each in kept.results} == {Origin.STALE}
    assert kept.record.stale == kept.record.cells


def test_a_folder_without_a_run_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"run\.json"):
        keep_results(tmp_path, measured=(), today=today(make_run()))


def test_the_run_record_says_what_was_kept(tmp_path: Path) -> None:
    kept = KeptRecord(started="2026-01-01T00:00:00+00:00", tool_version="0.0.9", cells=12)
    publish_run(make_run(), tmp_path, kept=kept)
    assert load_data(tmp_path).run.kept == kept
