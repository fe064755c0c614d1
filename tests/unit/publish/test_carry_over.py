"""Cells of an earlier run come back as that run published them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from report_fixtures import make_run, provision, publish_run

from runner.domain import CellResult, Outcome
from runner.domain.errors import StoreError
from runner.publish.carry_over import keep_results
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
    kept = keep_results(
        tmp_path,
        measured=(),
        scenarios=[each.id for each in run.scenarios],
        environments=provision(run),
    )
    expected = between_built(run.results)
    # The cause is found anew from what was seen: rules may have changed.
    assert {each.cause for each in kept.results} == {""}
    uncaused = [replace(each, cause="") for each in expected]
    # The published observations already hide the folders that messages name.
    pd.testing.assert_frame_equal(
        build_cells(kept.results, run.order).drop(columns="message"),
        build_cells(uncaused, run.order).drop(columns="message"),
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
    kept = keep_results(
        tmp_path,
        measured=again,
        scenarios=[each.id for each in run.scenarios],
        environments=provision(run),
    )
    assert {each.cell.scenario for each in kept.results} == {"custom_loss_metric"}


def test_other_locks_and_scenarios_that_are_gone_are_not_kept(tmp_path: Path) -> None:
    run = make_run()
    publish_run(run, tmp_path)
    names = [each.id for each in run.scenarios]
    other = keep_results(
        tmp_path, measured=(), scenarios=names, environments=provision(run, "cd" * 32)
    )
    assert other.results == ()
    gone = keep_results(tmp_path, measured=(), scenarios=(), environments=provision(run))
    assert gone.results == ()


def test_a_folder_without_a_run_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"run\.json"):
        keep_results(tmp_path, measured=(), scenarios=(), environments={})


def test_the_run_record_says_what_was_kept(tmp_path: Path) -> None:
    kept = KeptRecord(started="2026-01-01T00:00:00+00:00", tool_version="0.0.9", cells=12)
    publish_run(make_run(), tmp_path, kept=kept)
    assert load_data(tmp_path).run.kept == kept
