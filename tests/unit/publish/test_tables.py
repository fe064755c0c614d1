"""Aggregate: order, columns, texts and totals of hand-made results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from report_fixtures import HOSTILE, make_run, publish_run

from runner.domain import UNJUDGED, Observation, Outcome
from runner.domain.errors import ConfigurationError
from runner.publish.columns import LATER_COLUMNS
from runner.publish.reading import load_data
from runner.publish.tables import (
    CELL_COLUMNS,
    MESSAGE_LIMIT,
    OBSERVATION_COLUMNS,
    TotalsError,
    _without_particulars,
    build_cells,
    build_observations,
    check_totals,
    count_totals,
    round_significant,
    shorten_message,
)

RUN = make_run()


def test_cells_have_the_published_columns_in_declared_order() -> None:
    cells = build_cells(RUN.results, RUN.order)

    assert tuple(cells.columns) == CELL_COLUMNS
    assert len(cells) == len(RUN.results)
    assert list(cells["scenario"].unique()) == ["plain_dense", "custom_loss_metric"]
    first = cells[(cells["scenario"] == "plain_dense") & (cells["format"] == "h5")]
    assert list(first["writer"].unique()) == ["tf1.15", "keras2.3", "keras3.10"]
    pair = first[(first["writer"] == "tf1.15") & (first["reader"] == "keras3.10")]
    assert list(pair["remedy"]) == ["none", "compile_false"]


def test_order_does_not_depend_on_the_order_of_results() -> None:
    forward = build_cells(RUN.results, RUN.order)
    backward = build_cells(tuple(reversed(RUN.results)), RUN.order)

    assert forward.equals(backward)


def test_a_row_says_what_happened_briefly() -> None:
    cells = build_cells(RUN.results, RUN.order)
    failed = cells[cells["outcome"] == "load_error"].iloc[0]
    diverged = cells[cells["outcome"] == "diverged"].iloc[0]
    unavailable = cells[cells["outcome"] == "environment_unavailable"].iloc[0]

    assert failed["exception"] == "ValueError"
    assert len(failed["message"]) <= MESSAGE_LIMIT
    assert "\n" not in failed["message"]
    assert failed["cause"] == "unknown_class"
    assert failed["artifact_sha256"] == "0123456789ab"
    # 0.123 was measured: two digits of it are published.
    assert failed["duration_s"] == 0.12
    assert diverged["aspects"] == "outputs;losses"
    assert diverged["max_abs_diff"] == pytest.approx(0.1235)
    assert unavailable["message"] == "it could not be built"
    assert unavailable["duration_s"] != unavailable["duration_s"]


def test_observations_keep_everything_but_what_only_the_machine_has() -> None:
    seen = build_observations(RUN.results, RUN.order, hide=("/home/me",))

    assert tuple(seen.columns) == OBSERVATION_COLUMNS
    failed = seen[seen["status"] == "raised"].iloc[0]
    assert "…/site-packages/keras/a.py" in failed["traceback"]
    assert not seen["traceback"].astype(str).str.contains("/home/me|0x7f3a12bc9d10").any()
    assert not seen["message"].astype(str).str.contains("/home/me|0x7f3a12bc9d10").any()
    assert HOSTILE in failed["message"]
    assert failed["warnings"] == f"{HOSTILE}\nsecond"
    assert len(failed["message"]) > MESSAGE_LIMIT
    diverged = seen[seen["aspects"].astype(str).str.contains("differs")].iloc[0]
    assert json.loads(diverged["aspects"])["losses"] == {"status": "missing"}


def test_a_message_names_no_folder_of_the_machine() -> None:
    """As a model says it that looks for a file of its writer beside it."""
    said = (
        "[Errno 2] No such file or directory: "
        "'/me/runs/batches/batch-1apc4g05/probe-ak6gpf2g/child-5rjatggc/job-okm90d75/a.txt'"
    )
    seen = {"status": "raised", "exception": "FileNotFoundError", "message": said}
    result = replace(RUN.results[0], observation=Observation(data=seen))
    cells = build_cells([result], RUN.order, hide=("/me/runs",))
    observations = build_observations([result], RUN.order, hide=("/me/runs",))

    for frame in (cells, observations):
        assert frame["message"][0] == "[Errno 2] No such file or directory: '…/…/a.txt'"


def test_text_that_is_not_unicode_is_still_published(tmp_path: Path) -> None:
    broken = "\udcff\x00 output"
    seen = {"status": "raised", "exception": broken, "message": broken, "output": broken}
    result = replace(RUN.results[0], observation=Observation(data=seen))
    frames = (build_cells([result], RUN.order), build_observations([result], RUN.order))

    for frame in frames:
        frame.to_parquet(tmp_path / "any.parquet")
        assert frame["message"][0].startswith("?")


def test_totals_reconcile_in_every_view() -> None:
    cells = build_cells(RUN.results, RUN.order)
    totals = count_totals(cells)

    check_totals(totals, cells)

    assert totals.cells == 40
    assert totals.by_outcome == {
        "equivalent": 12,
        "diverged": 4,
        "load_error": 4,
        "environment_unavailable": 20,
    }
    assert set(totals.by_pair) == {
        f"{w}->{r}" for w in RUN.order.environments for r in RUN.order.environments
    }


@pytest.mark.parametrize("view", ["by_scenario", "by_format", "by_pair"])
def test_a_view_that_does_not_add_up_is_refused(view: str) -> None:
    cells = build_cells(RUN.results, RUN.order)
    totals = count_totals(cells)
    spoilt = dict(getattr(totals, view))
    spoilt.popitem()

    with pytest.raises(TotalsError, match="do not add up"):
        check_totals(replace(totals, **{view: spoilt}), cells)


def test_outcomes_that_moved_between_views_are_refused() -> None:
    cells = build_cells(RUN.results, RUN.order)
    totals = count_totals(cells)
    moved = {**totals.by_format, "h5": {"equivalent": sum(totals.by_format["h5"].values())}}

    with pytest.raises(TotalsError, match="overall they are"):
        check_totals(replace(totals, by_format=moved), cells)


def test_a_cell_that_is_there_twice_is_refused() -> None:
    cells = build_cells((*RUN.results, RUN.results[0]), RUN.order)

    with pytest.raises(TotalsError, match="there twice"):
        check_totals(count_totals(cells), cells)


def test_an_undeclared_id_is_refused() -> None:
    stray = replace(RUN.results[0], cell=replace(RUN.results[0].cell, writer="tf9.9"))

    with pytest.raises(ConfigurationError, match=r"tf9\.9"):
        build_cells([stray], RUN.order)


def test_nothing_measured_is_an_empty_table() -> None:
    cells = build_cells([], RUN.order)

    assert tuple(cells.columns) == CELL_COLUMNS
    assert build_observations([], RUN.order).empty
    check_totals(count_totals(cells), cells)


def test_every_outcome_is_counted() -> None:
    results = [
        replace(RUN.results[place], outcome=outcome) for place, outcome in enumerate(Outcome)
    ]

    assert count_totals(build_cells(results, RUN.order)).by_outcome == {
        str(each): 1 for each in Outcome
    }


def test_small_helpers() -> None:
    assert shorten_message("  a\n b  ") == "a b"
    assert shorten_message("x" * 200).endswith("…")
    assert round_significant(0.0123456, 2) == pytest.approx(0.012)
    assert round_significant(float("inf"), 2) == float("inf")


@pytest.mark.parametrize("start", ["[[", "[[ "])
def test_printed_arrays_do_not_make_equal_messages_differ(start):
    numbers = "\n [".join("0.06383903 -0.469989    0.26868105 -3.7e-05]" for _ in range(4))
    text = f"Unknown variable: <Variable value={start}{numbers}]>. \x1b[1mThis optimizer\x1b[0m"
    expected = "Unknown variable: <Variable value=[…]>. This optimizer"
    assert _without_particulars(text) == expected


def test_short_shapes_stay_in_messages():
    text = "expected shape=[(None, 10), (None, 4)], found (8, 10)"
    assert _without_particulars(text) == text


def test_the_baseline_is_the_writer_that_reads_its_own_file_the_same_way() -> None:
    run = make_run()
    cells = build_cells(run.results, run.order)
    own = {
        (row.scenario, row.format, row.writer, row.remedy): row.outcome
        for row in cells.itertuples()
        if row.writer == row.reader
    }
    found = {
        (row.scenario, row.format, row.writer, row.remedy, row.baseline)
        for row in cells.itertuples()
    }

    assert len(set(cells["baseline"])) > 1
    for *key, baseline in found:
        outcome = own.get(tuple(key), "")
        assert baseline == ("" if outcome in UNJUDGED else outcome), key


def test_older_tables_are_read_with_the_columns_they_lack(tmp_path: Path) -> None:
    run = make_run()
    publish_run(run, tmp_path)
    now = load_data(tmp_path).cells
    path = tmp_path / "cells.parquet"
    table = pq.read_table(path)
    older = table.drop_columns([*LATER_COLUMNS["cells/1"]])
    pq.write_table(older.replace_schema_metadata(table.schema.metadata), path)

    then = load_data(tmp_path).cells

    assert tuple(then.columns) == CELL_COLUMNS
    for column in ("baseline", "impact"):
        assert then[column].tolist() == now[column].tolist()
    assert set(then["measured_at"]) == {""}
    # No cell of this run was kept from another.
    assert set(then["origin"]) <= {"measured", ""}
