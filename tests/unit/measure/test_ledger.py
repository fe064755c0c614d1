"""What is known of saves and cells: recorded under exactly these inputs, or to be run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.declare.catalog import load_catalog
from runner.declare.environments import read_environments
from runner.domain import Aspect, Cell, Format, Observation, Outcome, ProvisionedEnvironment, Save
from runner.measure.ledger import Ledger, save_of
from runner.probe.artifact import write_manifest
from runner.store import open_store

ROOT = Path(__file__).parents[3]
CATALOG = load_catalog(ROOT)
DECLARED = {
    each.id: each
    for each in read_environments(ROOT / "containers" / "environments.toml").environments
}
WRITER, READER = "tf2.15", "keras3.15"
CELL = Cell(scenario="plain_dense", format=Format.H5, writer=WRITER, reader=READER, remedy="none")
SAVE = Save(scenario="plain_dense", format=Format.H5, writer=WRITER)
AGREES = {"outputs": {"status": "agrees"}}


def built(name, lock="a"):
    return ProvisionedEnvironment(
        environment=DECLARED[name],
        executable="/python",
        lock_digest=lock * 64,
        python_version="3.11.1",
        resolved={},
        import_s=1.0,
        fork=True,
    )


class Desk:
    """A store with what tests put into it, and ledgers over it."""

    def __init__(self, store):
        self.store = store
        self.ledger = self.open()

    def open(self, unavailable=(), **locks):
        names = [name for name in (WRITER, READER, "tf1.15") if name not in unavailable]
        environments = {name: built(name, locks.get(name, "a")) for name in names}
        return Ledger(
            root=ROOT,
            store=self.store,
            catalog=CATALOG,
            environments=DECLARED,
            provisioned=environments,
            unavailable=dict.fromkeys(unavailable, "it could not be built"),
        )

    def note(self, job, status="done", **data):
        self.store.journal.append(
            {
                "kind": job.kind,
                "id": job.id,
                "inputs": job.inputs,
                "observation": {"status": status, "stage": "", **data},
            }
        )

    def saved(self, save=SAVE, written="hdf5", content=b"model", **data):
        """Record a save that worked, with its artifact."""
        job = self.ledger.save_job(save)
        folder = Path(job.payload["artifact"])
        (folder / "payload").mkdir(parents=True, exist_ok=True)
        (folder / "payload" / "model.h5").write_bytes(content)
        for name in ("oracle.json", "oracle.npz"):
            (folder / name).write_bytes(b"oracle")
        description = {
            "writer": save.writer,
            "scenario": save.scenario,
            "format": str(save.format),
            "written": written,
        }
        write_manifest(str(folder), description)
        self.note(job, **data)
        return folder


@pytest.fixture
def desk(tmp_path):
    with open_store(tmp_path / "store", command="test", warn=print) as store:
        yield Desk(store)


def outcome(desk, cell=CELL, **errors):
    return desk.ledger.result(cell, errors).outcome


def test_a_new_store_knows_nothing(desk):
    assert desk.ledger.artifact(SAVE) is None
    assert desk.ledger.load_job(CELL) is None
    assert desk.ledger.save_job(SAVE).id == SAVE.id
    assert outcome(desk) is Outcome.NOT_RUN


def test_a_recorded_save_and_load_are_known(desk):
    folder = desk.saved()
    artifact = desk.ledger.artifact(SAVE)
    assert (artifact.folder, artifact.written) == (folder, "hdf5")
    job = desk.ledger.load_job(CELL)
    assert job.payload["artifact"] == str(folder)
    assert not desk.ledger.known(job)
    assert outcome(desk) is Outcome.NOT_RUN
    desk.note(job, aspects=AGREES)
    assert desk.ledger.known(job)
    found = desk.ledger.result(CELL, {})
    assert found.outcome is Outcome.EQUIVALENT
    assert found.artifact_sha256 == artifact.sha256


@pytest.mark.parametrize("changed", [WRITER, READER])
def test_another_lock_asks_for_another_measurement(desk, changed):
    desk.saved()
    job = desk.ledger.load_job(CELL)
    desk.note(job, aspects=AGREES)
    other = desk.open(**{changed: "b"})
    if changed == WRITER:
        assert other.artifact(SAVE) is None
    else:
        assert other.load_job(CELL).inputs != job.inputs
    assert other.result(CELL, {}).outcome is Outcome.NOT_RUN


def test_other_bytes_ask_for_another_load(desk):
    desk.saved(content=b"one")
    job = desk.ledger.load_job(CELL)
    desk.saved(content=b"two")
    desk.ledger.forget(SAVE)
    assert desk.ledger.load_job(CELL).inputs != job.inputs


def test_a_save_without_its_files_runs_again(desk):
    folder = desk.saved()
    (folder / "manifest.json").unlink()
    assert desk.ledger.artifact(SAVE) is None


def test_our_own_failures_are_shown_and_never_kept(desk):
    ours = Observation(data={"status": "harness_error", "message": "the probe died"})
    desk.note(desk.ledger.save_job(SAVE), "harness_error", message="the probe died")
    assert desk.ledger.artifact(SAVE) is None
    assert outcome(desk, **{SAVE.id: ours}) is Outcome.HARNESS_ERROR
    desk.saved()
    job = desk.ledger.load_job(CELL)
    desk.note(job, "harness_error", message="again")
    assert desk.ledger.observation(job) is None
    assert outcome(desk) is Outcome.NOT_RUN
    found = desk.ledger.result(CELL, {job.id: ours})
    assert (found.outcome, found.reason) == (Outcome.HARNESS_ERROR, "the probe died")


@pytest.mark.parametrize("status", ["raised", "crashed", "timed_out", "out_of_memory"])
def test_a_save_that_failed_decides_all_its_cells(desk, status):
    desk.note(desk.ledger.save_job(SAVE), status, message="no")
    assert desk.ledger.load_job(CELL) is None
    found = desk.ledger.result(CELL, {})
    assert found.outcome is Outcome.SAVE_ERROR
    assert found.observation.message == "no"


@pytest.mark.parametrize("missing", [WRITER, READER])
def test_an_environment_that_could_not_be_built_is_said_to_be_so(desk, missing):
    desk.saved()
    other = desk.open(unavailable=[missing])
    found = other.result(CELL, {})
    assert found.outcome is Outcome.ENVIRONMENT_UNAVAILABLE
    assert found.reason == f"{missing}: it could not be built"
    assert other.load_job(CELL) is None
    assert other.tampered_job(CELL) is None


UNDECLARED = replace(CELL, format=Format.KERAS, writer="tf1.15")


@pytest.mark.parametrize(
    ("written", "said"),
    [("hdf5", "the writer wrote hdf5"), ("zip_v3", "the declaration is wrong")],
)
def test_a_format_the_writer_does_not_have_is_unsupported(desk, written, said):
    desk.saved(save_of(UNDECLARED), written)
    found = desk.ledger.result(UNDECLARED, {})
    assert found.outcome is Outcome.UNSUPPORTED
    assert said in found.reason
    assert desk.ledger.load_job(UNDECLARED) is None


def test_a_save_that_raised_for_a_format_nobody_has_is_unsupported(desk):
    desk.note(desk.ledger.save_job(save_of(UNDECLARED)), "raised")
    found = desk.ledger.result(UNDECLARED, {})
    assert found.outcome is Outcome.UNSUPPORTED
    assert found.reason == "the writer does not have this format"


def test_a_reader_without_the_format_is_unsupported_only_for_the_bare_load(desk):
    save = replace(SAVE, format=Format.KERAS)
    desk.saved(save, "zip_v3")
    for remedy, expected in (
        ("none", Outcome.UNSUPPORTED),
        ("rebuild_weights", Outcome.LOAD_ERROR),
    ):
        cell = replace(CELL, format=Format.KERAS, reader="tf1.15", remedy=remedy)
        desk.note(desk.ledger.load_job(cell), "raised", stage="load")
        assert outcome(desk, cell) is expected


def test_a_sibling_is_handed_over_or_its_absence_said(desk):
    cell = replace(CELL, reader=WRITER, remedy="saved_model")
    sibling = replace(SAVE, format=Format.SAVED_MODEL)
    desk.saved()
    assert desk.ledger.load_job(cell) is None
    folder = desk.saved(sibling, "saved_model")
    assert desk.ledger.load_job(cell).payload["sibling"] == str(folder)
    desk.note(desk.ledger.save_job(sibling), "raised")
    desk.ledger.forget(sibling)
    found = desk.ledger.result(cell, {})
    assert found.outcome is Outcome.SAVE_ERROR
    assert "other format" in found.reason


def test_damage_that_missed_is_told(desk):
    desk.saved(facts={"damage": "100 random bytes"})
    desk.note(desk.ledger.load_job(CELL), aspects=AGREES)
    found = desk.ledger.result(CELL, {})
    assert found.outcome is Outcome.EQUIVALENT
    assert "100 random bytes" in found.reason


def test_the_control_falsifies_the_oracle_under_an_id_of_its_own(desk):
    desk.saved()
    control, plain = desk.ledger.tampered_job(CELL), desk.ledger.load_job(CELL)
    assert control.id == f"tampered:{CELL.id}"
    assert control.payload["tampered"] == ["outputs", "weights"]
    assert plain.payload["tampered"] == []
    desk.note(control, aspects=AGREES)
    assert not desk.ledger.known(plain)


def test_only_what_the_format_carries_and_the_remedy_restores_is_asked_for(desk):
    def asked(format_, remedy):
        cell = Cell(
            scenario="compile_state", format=format_, writer=WRITER, reader=WRITER, remedy=remedy
        )
        desk.saved(save_of(cell))
        return set(desk.ledger.load_job(cell).payload["aspects"])

    whole = asked(Format.H5, "none")
    assert {Aspect.OPTIMIZER, Aspect.TRAINING_STEP} <= whole
    assert asked(Format.H5, "compile_false") == whole - {Aspect.OPTIMIZER, Aspect.TRAINING_STEP}
    assert Aspect.COMPILE not in asked(Format.TF_CHECKPOINT, "none")


def test_a_cell_is_measured_once_it_has_an_observation_to_report(desk, monkeypatch):
    desk.saved()
    assert not desk.ledger.is_measured(CELL)
    job = desk.ledger.load_job(CELL)
    desk.note(job, "harness_error", message="our fault")
    assert not desk.ledger.is_measured(CELL)
    desk.note(job, aspects=AGREES)
    assert desk.ledger.is_measured(CELL)
    found = desk.ledger.result(CELL, {})
    monkeypatch.setattr(type(desk.store.journal), "find", None)
    assert desk.ledger.result(CELL, {}) is found  # read from the journal once


def test_a_newer_record_or_artifact_is_seen_at_once(desk):
    desk.saved()
    desk.note(desk.ledger.load_job(CELL), aspects=AGREES)
    assert outcome(desk) is Outcome.EQUIVALENT
    desk.note(desk.ledger.load_job(CELL), "raised", stage="load")
    assert outcome(desk) is Outcome.LOAD_ERROR
    desk.ledger.forget(SAVE)
    desk.saved(content=b"other bytes")
    assert outcome(desk) is Outcome.NOT_RUN
