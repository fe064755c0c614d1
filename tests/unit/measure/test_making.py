"""Edited copies: made once for the readers that need the same rules, found again, never in part."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from store_desk import SAVE, Desk

from runner.domain import Absence, Cell, Format, save_of
from runner.measure.making import Rewrites, only_needed
from runner.rewrite.hdf5 import TextAttributes
from runner.store import open_store

ROOT = Path(__file__).parents[3]
BIDIRECTIONAL = ROOT / "tests" / "unit" / "data" / "inspect" / "tf2.3_bidirectional.h5"


def cell(reader="keras3.15", **parts):
    values = {"scenario": SAVE.scenario, "format": Format.H5, "writer": SAVE.writer}
    return Cell(**{**values, "reader": reader, "remedy": "rewrite", **parts})


class Room:
    """A store with one artifact, and what makes copies in it."""

    def __init__(self, store, content):
        self.store = store
        self.desk = Desk(store)
        self.folder = self.desk.saved(content=content)
        self.artifacts = {SAVE: self.desk.artifact(SAVE)}
        self.rewrites = Rewrites(store, ROOT, store.folder / "batches")

    def make(self, *cells):
        return self.rewrites.make(cells, self.artifacts, "2026-01-01T00:00:00+00:00")

    def know(self, found, made):
        return self.desk.look_up.cells([found], self.artifacts, {}, made=made)[0]


@pytest.fixture
def room(tmp_path):
    with open_store(tmp_path / "store", command="test", warn=print) as store:
        yield Room(store, BIDIRECTIONAL.read_bytes())


def test_a_copy_has_the_oracle_of_the_original_and_is_what_the_job_loads(room):
    (made,) = room.make(cell()).values()
    assert "time_major" in made.steps
    folder = made.artifact.folder
    assert (folder / "oracle.json").read_bytes() == (room.folder / "oracle.json").read_bytes()
    with (folder / "payload" / "model.h5").open("rb") as file:
        config = json.loads(TextAttributes(file).texts()["model_config"])
    assert "time_major" not in json.dumps(config)
    assert (room.folder / "payload" / "model.h5").read_bytes() == BIDIRECTIONAL.read_bytes()
    known = room.know(cell(), {cell(): made})
    assert (known.loadable, known.absence) == (True, Absence.NOT_MEASURED)
    assert known.artifact.folder == room.folder
    assert room.desk.look_up.load_job(known).payload["artifact"] == str(folder)


def test_readers_that_need_the_same_rules_share_a_copy_and_later_runs_find_it(room, monkeypatch):
    first = room.make(cell("keras3.15"))
    monkeypatch.setattr("runner.measure.making.rewrite_all", None)
    again = Rewrites(room.store, ROOT, room.store.folder / "batches")
    wanted = [cell("keras3.15"), cell("keras3.15-jax")]
    found = again.look_up(wanted, room.artifacts)
    assert set(found) == set(wanted)
    (folder,) = {made.artifact.folder for made in found.values()}
    assert folder == first[cell("keras3.15")].artifact.folder


def test_where_no_rule_applies_there_is_no_such_way(tmp_path):
    with open_store(tmp_path / "store", command="test", warn=print) as store:
        room = Room(store, BIDIRECTIONAL.with_name("tf2.12.weights.h5").read_bytes())
        made = room.make(cell())
        assert made[cell()].needless
        assert only_needed([cell(), cell("tf1.15")], made) == [cell("tf1.15")]
        assert room.know(cell(), made).absence is Absence.NOT_MADE
        # That is remembered as well.
        assert room.rewrites.look_up([cell()], room.artifacts) == made


def test_a_copy_that_was_damaged_is_made_again(room):
    (made,) = room.make(cell()).values()
    (made.artifact.folder / "payload" / "model.h5").write_bytes(b"")
    assert room.rewrites.look_up([cell()], room.artifacts) == {}
    (again,) = room.make(cell()).values()
    assert again.artifact.sha256 == made.artifact.sha256
    shutil.rmtree(again.artifact.folder)
    assert room.rewrites.look_up([cell()], room.artifacts) == {}


def test_a_file_that_cannot_be_edited_is_our_fault_and_tried_again(tmp_path):
    with open_store(tmp_path / "store", command="test", warn=print) as store:
        room = Room(store, b"no HDF5 file")
        (made,) = room.make(cell()).values()
        assert "cannot be edited" in made.error.message
        assert room.know(cell(), {cell(): made}).absence is Absence.HARNESS
        assert room.rewrites.look_up([cell()], room.artifacts) == {}


def test_nothing_is_made_of_what_was_not_saved(room):
    other = cell(scenario="compile_state")
    artifacts = {**room.artifacts, save_of(other): None}
    assert room.rewrites.make([other], artifacts, "") == {}
    failed = replace(room.artifacts[SAVE], sha256="")
    assert room.rewrites.make([cell()], {SAVE: failed}, "") == {}
