"""The files between: made by one job a hop, found again, and a failed hop is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_desk import CATALOG, READER, ROOT, SAVE, WRITER, Desk, built

from runner.domain import Absence, Cell, Format
from runner.domain.hops import Hop
from runner.judge.outcome import classify_cell
from runner.measure.digests import InputDigests
from runner.measure.hops import HopFiles
from runner.probe.artifact import write_manifest
from runner.store import open_store

CELL = Cell(
    scenario=SAVE.scenario, format=Format.H5, writer=SAVE.writer, reader=READER, remedy="hop"
)
ONE = (Hop(environment=WRITER, remedy="none", format=Format.KERAS),)
TWO = (*ONE, Hop(environment="tf1.15", remedy="none", format=Format.H5))


class Room:
    def __init__(self, store):
        self.desk = Desk(store)
        self.desk.saved()
        self.artifacts = {SAVE: self.desk.artifact(SAVE)}
        digests = InputDigests(
            ROOT, CATALOG.scenarios, {name: built(name) for name in (WRITER, READER, "tf1.15")}
        )
        self.files = HopFiles(store, digests, CATALOG)

    def follow(self, chain, errors=()):
        found, jobs = self.files.follow([(CELL, chain)], self.artifacts, dict(errors))
        return {cell: made for (cell, _), made in found.items()}, jobs

    def make(self, job, content=b"between"):
        """Do what the probe does."""
        payload = job.payload
        folder = Path(payload["made"])
        (folder / "payload").mkdir(parents=True)
        (folder / "payload" / "model").write_bytes(content)
        for name in ("oracle.json", "oracle.npz"):
            (folder / name).write_bytes((Path(payload["artifact"]) / name).read_bytes())
        facts = {"written": "zip_v3", "damage": "", "steps": payload["steps"]}
        about = {
            "writer": payload["environment"],
            "scenario": payload["scenario"]["id"],
            "format": payload["save_format"],
            "made_from": payload["made_from"],
        }
        manifest = write_manifest(str(folder), {**about, **facts})
        self.desk.note(job, facts={**facts, "sha256": manifest["sha256"]})


@pytest.fixture
def room(tmp_path):
    with open_store(tmp_path / "store", command="test", warn=print) as store:
        yield Room(store)


def test_a_hop_is_a_job_of_its_environment_and_its_file_is_found_again(room):
    found, ((environment, job),) = room.follow(ONE)
    assert (found, environment) == ({}, WRITER)
    assert job.payload["artifact"] == str(room.artifacts[SAVE].folder)
    assert job.payload["save_format"] == "keras"
    room.make(job)
    found, jobs = room.follow(ONE)
    made = found[CELL]
    assert jobs == []
    assert (made.format, made.steps) == (Format.KERAS, (f"{WRITER}/none/keras",))
    known = room.desk.look_up.cells([CELL], room.artifacts, {}, made=found)[0]
    assert known.job_id.endswith(f"> {WRITER}/none/keras")
    load = room.desk.look_up.load_job(known)
    assert (load.payload["artifact"], load.payload["format"]) == (job.payload["made"], "keras")
    assert load.payload["aspects"] == sorted(known.asked)


def test_the_second_hop_loads_what_the_first_saved(room):
    _, ((_, first),) = room.follow(TWO)
    room.make(first)
    found, ((environment, second),) = room.follow(TWO)
    assert (found, environment) == ({}, "tf1.15")
    assert second.payload["artifact"] == first.payload["made"]
    assert second.payload["format"] == "keras"
    room.make(second, b"again")
    found, jobs = room.follow(TWO)
    assert (found[CELL].format, jobs) == (Format.H5, [])


def test_chains_that_meet_in_the_same_bytes_do_not_overwrite_each_other(room):
    """As the H5 files of Keras 3.0 and 3.1 with legacy Keras, which have the same digest."""
    other = (Hop(environment=READER, remedy="none", format=Format.KERAS), TWO[1])
    tries = [(CELL, TWO), (CELL, other)]
    _, first = room.files.follow(tries, room.artifacts, {})
    for _, job in first:
        room.make(job)
    _, second = room.files.follow(tries, room.artifacts, {})
    assert len({job.payload["made_from"] for _, job in second}) == 1
    for number, (_, job) in enumerate(second):
        # HDF5 files hold the time.
        room.make(job, f"again {number}".encode())
    found, jobs = room.files.follow(tries, room.artifacts, {})
    assert (list(found), jobs) == (tries, [])
    assert len({made.artifact.sha256 for made in found.values()}) == 2


def test_a_hop_that_fails_is_a_finding_and_not_tried_again(room):
    _, ((_, job),) = room.follow(ONE)
    error = {"exception": "ValueError", "message": "no", "traceback": "Traceback"}
    room.desk.note(job, "raised", **{**error, "stage": "save"})
    found, jobs = room.follow(TWO)
    assert jobs == []
    known = room.desk.look_up.cells([CELL], room.artifacts, {}, made=found)[0]
    assert (known.absence, known.loadable) == (Absence.HOP_FAILED, False)
    result = classify_cell(known)
    assert result.outcome == "save_error"
    assert f"{WRITER}/none/keras" in result.reason


def test_our_own_fault_in_a_hop_is_shown_and_tried_again(room):
    _, ((_, job),) = room.follow(ONE)
    room.desk.note(job, "harness_error", message="the probe died", stage="prepare")
    found, jobs = room.follow(ONE)
    assert (found, len(jobs)) == ({}, 1)


def test_a_chain_without_its_artifact_is_not_followed(room):
    assert room.files.follow([(CELL, ONE)], {SAVE: None}, {}) == ({}, [])


def test_several_chains_of_a_cell_are_followed_at_once_and_share_what_they_have_in_common(room):
    found, jobs = room.files.follow([(CELL, ONE), (CELL, TWO)], room.artifacts, {})
    assert (found, len(jobs)) == ({}, 1)
    room.make(jobs[0][1])
    found, jobs = room.files.follow([(CELL, ONE), (CELL, TWO)], room.artifacts, {})
    assert list(found) == [(CELL, ONE)]
    assert [environment for environment, _ in jobs] == ["tf1.15"]
