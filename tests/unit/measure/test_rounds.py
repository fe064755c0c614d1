"""Jobs in an order that shares processes, and nothing recorded that the disk is to blame for."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from runner.contract import Job
from runner.domain import Observation
from runner.domain.errors import StoreError
from runner.measure import rounds
from runner.measure.rounds import batch_jobs, order_jobs
from runner.store import RESERVE_MB

ENOSPC = "OSError: [Errno 28] No space left on device: 'model.h5'"


def job(name, chain="", isolated=False):
    payload = {"id": name, "chain": chain, "isolated": isolated}
    return Job(id=name, kind="load", inputs="0", payload=payload)


def test_jobs_that_may_share_a_process_become_neighbours():
    jobs = [job("a"), job("b", "x"), job("c"), job("d", "", isolated=True), job("e", "x")]
    assert [each.id for each in order_jobs(jobs)] == ["a", "c", "b", "e", "d"]


def test_each_environment_gets_its_jobs_in_that_order():
    jobs = [("x", job("a", "k")), ("y", job("b")), ("x", job("c")), ("x", job("d", "k"))]
    found = batch_jobs(jobs)
    assert {name: [each.id for each in batch] for name, batch in found.items()} == {
        "x": ["a", "d", "c"],
        "y": ["b"],
    }


@pytest.fixture
def free(monkeypatch):
    """Say how many MB are free."""

    def say(megabytes):
        found = SimpleNamespace(f_bavail=megabytes * 1000, f_frsize=1000)
        monkeypatch.setattr(os, "statvfs", lambda _folder: found)

    return say


@pytest.mark.parametrize("status", ["raised", "harness_error"])
def test_what_failed_for_want_of_room_is_not_recorded(tmp_path, free, status):
    free(RESERVE_MB + 1)
    failed = Observation(data={"status": status, "message": ENOSPC})
    with pytest.raises(StoreError, match="the disk is full"):
        rounds._require_room(tmp_path, failed)
    rounds._require_room(tmp_path, Observation(data={"status": "done"}))
    free(RESERVE_MB - 1)
    with pytest.raises(StoreError, match="the disk is full"):
        rounds._require_room(tmp_path, Observation(data={"status": "done"}))
