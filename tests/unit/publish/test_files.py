"""Publish: four files, validated and written atomically; and read back."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_fixtures import make_run, publish_run, put_together

from runner.domain import Outcome
from runner.domain.errors import ConfigurationError, StoreError
from runner.publish import reading
from runner.publish.files import SchemaError, data_files, format_csv, format_record, publish_data
from runner.publish.reading import load_data, load_details
from runner.publish.record import TotalsRecord
from runner.publish.tables import CELL_COLUMNS, build_cells

RUN = make_run()


def edit(path: Path, **changed: Any) -> None:
    """Change fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed))


FILES = {"cells.csv", "cells.parquet", "observations.parquet", "run.json"}


def test_four_files_and_nothing_else(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path / "data")

    assert {each.name for each in (tmp_path / "data").iterdir()} == FILES


def test_the_files_are_the_same_bytes_for_the_same_run(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path / "one")
    publish_run(RUN, tmp_path / "two")

    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_rows_of_one_scenario_are_those_of_the_whole(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path)
    whole = load_data(tmp_path)
    scenario = str(whole.cells["scenario"].iloc[-1])
    part = load_data(tmp_path, scenario=scenario)

    assert 0 < len(part.cells) < len(whole.cells)
    for name in ("cells", "observations"):
        mine, all_rows = getattr(part, name), getattr(whole, name)
        expected = all_rows[all_rows["scenario"] == scenario]
        pd.testing.assert_frame_equal(
            mine.astype(object), expected.reset_index(drop=True).astype(object)
        )
        # No value of the other rows is left behind, which would make each question slow.
        assert set(mine["scenario"].unique()) == {scenario}
        for column in mine.select_dtypes("category"):
            assert set(mine[column].cat.categories) == set(mine[column])
    assert len(load_data(tmp_path, scenario="no such one").cells) == 0


@pytest.mark.parametrize("marks", [0, 2**28])
def test_a_file_that_names_a_cell_twice_is_refused(
    tmp_path: Path, marks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_run(RUN, tmp_path)
    monkeypatch.setattr(reading, "MOST_MARKS", marks)
    assert len(load_data(tmp_path).cells)
    path = tmp_path / "observations.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)

    with pytest.raises(StoreError, match=r"observations\.parquet names a cell twice"):
        load_data(tmp_path)


def test_csv_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path)
    with (tmp_path / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pd.read_parquet(tmp_path / "cells.parquet")

    assert tuple(rows[0]) == CELL_COLUMNS
    assert [row["outcome"] for row in rows] == list(table["outcome"])
    assert [row["message"] for row in rows] == list(table["message"])


def test_published_data_is_read_back(tmp_path: Path) -> None:
    record = publish_run(RUN, tmp_path)
    data = load_data(tmp_path)

    assert data.run == record
    assert len(data.cells) == record.totals.cells
    row, seen = data.find_cell("plain_dense/h5/tf1.15->keras3.10/none")
    assert row["outcome"] == "load_error"
    assert seen["traceback"].startswith("Traceback")
    assert data.find_cell("plain_dense/h5/tf1.15->keras3.10/unknown") == ({}, {})
    assert data.find_cell("nonsense") == ({}, {})


def test_only_packages_that_matter_are_recorded(tmp_path: Path) -> None:
    environments = {each.id: each for each in publish_run(RUN, tmp_path).environments}

    assert list(environments) == ["tf1.15", "keras2.3", "keras3.10"]
    assert environments["tf1.15"].resolved == {"numpy": "1.26", "tensorflow-cpu": "2.15.1"}
    assert not environments["keras2.3"].available
    assert environments["keras2.3"].reason.startswith("pip said no")


def test_a_large_csv_is_compressed_and_nothing_is_left_out() -> None:
    cells = build_cells(RUN.results, RUN.order)
    plain, packed = format_csv(cells, 10**6, 1), format_csv(cells, 1, 10**6)

    assert (plain["cells.csv.gz"], packed["cells.csv"]) == (None, None)
    assert gzip.decompress(packed["cells.csv.gz"]) == plain["cells.csv"]
    # No time of writing in its header: the same run is the same bytes.
    assert packed["cells.csv.gz"][4:8] == bytes(4)


def test_a_very_large_csv_is_left_out_and_pages_lead_to_the_parquet(
    tmp_path: Path, monkeypatch
) -> None:
    assert set(format_csv(build_cells(RUN.results, RUN.order), 1, 1).values()) == {None}
    publish_run(RUN, tmp_path)
    monkeypatch.setattr("runner.publish.files.CSV_BUDGET", 1)
    monkeypatch.setattr("runner.publish.files.COMPRESSED_BUDGET", 1)
    publish_run(RUN, tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == FILES - {"cells.csv"}
    assert load_data(tmp_path).csv == "cells.parquet"
    assert len(pd.read_parquet(tmp_path / "cells.parquet")) == len(RUN.results)


def test_the_other_form_of_an_earlier_run_is_removed(tmp_path: Path, monkeypatch) -> None:
    publish_run(RUN, tmp_path)
    before = pd.read_csv(tmp_path / "cells.csv")
    monkeypatch.setattr("runner.publish.files.CSV_BUDGET", 1)
    publish_run(RUN, tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == FILES - {"cells.csv"} | {"cells.csv.gz"}
    assert pd.read_csv(tmp_path / "cells.csv.gz").equals(before)
    assert load_data(tmp_path).csv == "cells.csv.gz"
    assert len(load_details(tmp_path / "cells.csv.gz")) == len(before)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "fine"),
        ("verdict", "good"),
        ("format", "pickle"),
        ("cause", "Has Spaces"),
        ("aspects", "outputs,weights"),
        ("message", "x" * 121),
        ("artifact_sha256", "zz"),
        ("duration_s", -1.0),
        ("writer", "../etc"),
    ],
)
def test_one_wrong_value_in_a_column_is_found(column: str, value: Any) -> None:
    cells = build_cells(RUN.results, RUN.order).astype({column: object})
    cells.loc[len(cells) - 2, column] = value
    if column == "duration_s":
        cells[column] = cells[column].astype("float64")

    with pytest.raises(SchemaError, match=column):
        list(data_files(replace(put_together(RUN), cells=cells)))


def test_wrong_columns_are_found() -> None:
    wrong = replace(put_together(RUN), cells=put_together(RUN).cells.drop(columns="cause"))
    with pytest.raises(SchemaError, match="columns"):
        list(data_files(wrong))


def test_a_record_that_is_no_record_is_not_written() -> None:
    record = msgspec.structs.replace(put_together(RUN).run, started="yesterday")

    with pytest.raises(SchemaError, match="started"):
        format_record("run.json", record)


def test_nothing_is_written_when_totals_differ(tmp_path: Path) -> None:
    published = put_together(RUN)
    totals = TotalsRecord(cells=1, by_outcome={Outcome.EQUIVALENT: 1})
    wrong = msgspec.structs.replace(published.run, totals=totals)

    with pytest.raises(SchemaError, match=r"run\.json counts 1"):
        publish_data(tmp_path / "bad", replace(published, run=wrong))
    assert not (tmp_path / "bad").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(StoreError, match="annot"):
        publish_run(RUN, tmp_path / "data")


def test_missing_data_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nox -s matrix"):
        load_data(tmp_path)


@pytest.mark.parametrize("name", ["cells.parquet", "observations.parquet", "run.json"])
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, name: str) -> None:
    publish_run(RUN, tmp_path)
    (tmp_path / name).write_bytes(b"PAR1 not really")

    with pytest.raises(StoreError, match=name):
        load_data(tmp_path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path)
    edit(tmp_path / "run.json", schema="run/9")

    with pytest.raises(ConfigurationError, match="run/9"):
        load_data(tmp_path)


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path)
    shutil.copy(tmp_path / "observations.parquet", tmp_path / "cells.parquet")

    with pytest.raises(ConfigurationError, match="observations/1"):
        load_data(tmp_path)


def test_files_of_different_runs_are_refused(tmp_path: Path) -> None:
    publish_run(RUN, tmp_path)
    edit(tmp_path / "run.json", totals={"cells": 1, "by_outcome": {"equivalent": 1}})

    with pytest.raises(StoreError, match="outcomes differ"):
        load_data(tmp_path)
