"""What a run knows beforehand of its jobs, from the run that the repository publishes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from runner.contract import Job
from runner.domain import Kind
from runner.domain.request import PUBLISHED, Request
from runner.publish.durations import (
    SAVE_S,
    UNKNOWN_S,
    read_durations,
    read_scenario_durations,
)
from runner.shares import job_estimate

ROOT = Path(__file__).resolve().parents[2]


def test_a_damaged_published_run_costs_a_run_its_estimates_alone(tmp_path: Path) -> None:
    published = tmp_path / "reports" / "published"
    published.mkdir(parents=True)
    (published / "cells.parquet").write_bytes(b"PAR1 and no table")
    load = Job(id="a", kind=Kind.LOAD, inputs="0", payload={"scenario": {"id": "plain_dense"}})
    said: list[str] = []

    estimate_s = job_estimate(
        Request(root=tmp_path, store=tmp_path / "store", out=tmp_path / "out"), said.append
    )

    assert estimate_s(Job(id="b", kind=Kind.SAVE, inputs="1", payload={})) == SAVE_S
    assert not said
    assert [estimate_s(load), estimate_s(load)] == [UNKNOWN_S, UNKNOWN_S]
    assert len(said) == 1
    assert str(published / "cells.parquet") in said[0]


def test_durations_are_those_of_the_published_cells() -> None:
    folder = ROOT / PUBLISHED
    load = ["scenario", "format", "writer", "reader"]
    cells = pd.read_parquet(folder / "cells.parquet", columns=[*load, "duration_s"])
    cells = cells[cells["scenario"] == "plain_dense"].dropna().astype(dict.fromkeys(load, str))
    seconds = cells.groupby(load)["duration_s"].sum()

    known = read_durations(folder)
    scenarios, mean_s = read_scenario_durations(folder)

    found = {key: each for key, each in known.loads.items() if key[0] == "plain_dense"}
    assert found == pytest.approx(seconds.to_dict())
    assert known.scenarios["plain_dense"] == pytest.approx(seconds.mean())
    assert scenarios == pytest.approx(known.scenarios)
    assert mean_s == pytest.approx(known.mean_s)
