"""What a run knows beforehand of its jobs, from the run that the repository publishes."""

from __future__ import annotations

from pathlib import Path

from runner.contract import Job
from runner.domain import Kind
from runner.domain.request import Request
from runner.publish.durations import SAVE_S, UNKNOWN_S
from runner.shares import job_estimate


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
