"""Jobs in an order that shares processes, and nothing recorded that the disk is to blame for."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from store_records import PLACE, write_artifact

from runner.contract import Job
from runner.domain import Observation, Witness
from runner.domain.errors import StoreError
from runner.executors import batches
from runner.host.progress import EnvironmentState
from runner.measure import rounds
from runner.measure.rounds import JobRunner, batch_jobs, order_jobs
from runner.store import RESERVE_MB, open_store

AGREES = {"outputs": {"status": "agrees", "max_abs_diff": 0.0, "detail": ""}}
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


class DamagingCrew:
    """Reports every job as done, after the first of them damaged what all read."""

    def run(self, batches, _environments, record, _finished):
        for number, each in enumerate(batches["reader"]):
            if number == 1:
                model = Path(each.payload["artifact"]) / "payload" / "model.h5"
                model.write_bytes(model.read_bytes()[::-1])
            record(each, Observation(data={"status": "done", "aspects": AGREES}))


@pytest.mark.parametrize("damaged", ["artifact", "sibling"])
def test_what_read_a_damaged_artifact_is_a_harness_error_and_never_a_result(tmp_path, damaged):
    with open_store(tmp_path, command="test", warn=print) as store:
        folder, facts = write_artifact(store)
        other, other_facts = write_artifact(store, PLACE._replace(inputs="01"))
        assert store.artifacts.find(PLACE, facts)
        assert store.artifacts.find(PLACE._replace(inputs="01"), other_facts)
        payload = {"artifact": str(folder), "sibling": str(other), "isolated": False, "chain": ""}
        if damaged == "sibling":
            payload["artifact"], payload["sibling"] = payload["sibling"], payload["artifact"]
        jobs = [Job(id=name, kind="load", inputs="0", payload=payload) for name in "abc"]
        runner = JobRunner(
            store=store,
            crew=DamagingCrew(),
            environments={},
            reporter=Mock(),
            started=datetime.now(UTC),
        )
        judged = []
        runner.run(
            [("reader", each) for each in jobs],
            "loads",
            EnvironmentState.LOADING,
            lambda _, seen: judged.append(seen.status),
        )
        recorded = store.journal.find("load", [(each.id, "0") for each in jobs])
        statuses = {name: record.observation["status"] for (name, _), record in recorded}
    assert statuses == {"a": "done", "b": "harness_error", "c": "harness_error"}
    assert judged == ["done", "harness_error", "harness_error"]
    assert set(runner.errors) == {"b", "c"}
    assert "model.h5 is not what was written" in runner.errors["b"].message


def test_what_was_saved_without_its_witness_is_a_harness_error(tmp_path):
    scenario = SimpleNamespace(
        id="x", witness=(Witness(damage="*cut*"),), damage="", formats=("h5",)
    )
    with open_store(tmp_path, command="test", warn=print) as store:
        folder, _ = write_artifact(store)
        (folder / "payload" / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
        (folder / "manifest.json").write_text('{"format": "h5"}', encoding="utf-8")
    payload = {"artifact": str(folder), "scenario": {"id": "x"}}
    save = Job(id="x", kind="save", inputs="0", payload=payload)
    done = Observation(data={"status": "done"})
    seen = rounds.witnessed({"x": scenario}, save, done)
    assert seen.status == "harness_error"
    assert "lacks the witness of x: damage=*cut*" in seen.message
    scenario.witness = (Witness(container="hdf5"),)
    assert rounds.witnessed({"x": scenario}, save, done) is done
    raised = Observation(data={"status": "raised"})
    assert rounds.witnessed({"x": scenario}, save, raised) is raised


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
        batches.require_room(tmp_path, failed)
    batches.require_room(tmp_path, Observation(data={"status": "done"}))
    free(RESERVE_MB - 1)
    with pytest.raises(StoreError, match="the disk is full"):
        batches.require_room(tmp_path, Observation(data={"status": "done"}))
