"""What is known of saves and cells: recorded under exactly these inputs, or why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_desk import AGREES, CELL, READER, SAVE, WRITER, Desk

from runner.domain import (
    Absence,
    Aspect,
    Cell,
    Format,
    Observation,
    save_of,
)
from runner.store import open_store


@pytest.fixture
def desk(tmp_path):
    with open_store(tmp_path / "store", command="test", warn=print) as store:
        yield Desk(store)


def test_a_new_store_knows_nothing(desk):
    assert desk.artifact(SAVE) is None
    assert desk.look_up.save_job(SAVE).id == SAVE.id
    known = desk.know()
    assert (known.absence, known.loadable) == (Absence.NOT_SAVED, False)
    with pytest.raises(ValueError, match="cannot be loaded"):
        desk.look_up.load_job(known)


def test_a_recorded_save_and_load_are_known(desk):
    folder = desk.saved()
    artifact = desk.artifact(SAVE)
    assert (artifact.folder, artifact.written) == (folder, "hdf5")
    known = desk.know()
    assert (known.absence, known.loadable, known.observation) == (Absence.NOT_MEASURED, True, None)
    job = desk.look_up.load_job(known)
    assert (job.id, job.inputs, job.payload["artifact"]) == (CELL.id, known.inputs, str(folder))
    assert set(job.payload["aspects"]) == known.asked
    desk.note(job, aspects=AGREES)
    found = desk.know()
    assert (found.absence, found.artifact.sha256) == (None, artifact.sha256)
    assert found.observation.aspects == AGREES


@pytest.mark.parametrize("changed", [WRITER, READER])
def test_another_lock_asks_for_another_measurement(desk, changed):
    desk.saved()
    job = desk.job()
    desk.note(job, aspects=AGREES)
    other = desk.know(look_up=desk.open(**{changed: "b"}))
    assert other.observation is None
    assert other.absence is (Absence.NOT_SAVED if changed == WRITER else Absence.NOT_MEASURED)
    assert other.inputs != job.inputs


def test_other_bytes_ask_for_another_load(desk):
    desk.saved(content=b"one")
    job = desk.job()
    desk.note(job, aspects=AGREES)
    desk.saved(content=b"two")
    known = desk.know()
    assert known.inputs != job.inputs
    assert known.absence is Absence.NOT_MEASURED


def test_a_save_without_its_files_runs_again(desk):
    folder = desk.saved()
    (folder / "manifest.json").unlink()
    assert desk.artifact(SAVE) is None


def test_a_damaged_artifact_is_saved_again_and_until_then_a_harness_error(desk):
    folder = desk.saved()
    desk.note(desk.job(), aspects=AGREES)
    assert desk.know().observation is not None
    (folder / "payload" / "model.h5").write_bytes(b"m0del")
    known = desk.know()
    assert (known.absence, known.observation) == (Absence.HARNESS, None)
    assert "model.h5 is not what was written" in known.error.message
    assert not folder.exists()
    assert desk.look_up.save_job(SAVE) is not None
    desk.saved()
    assert desk.know().observation is not None


def test_an_artifact_that_was_saved_again_without_being_recorded_is_damaged(desk):
    desk.saved(content=b"one")
    desk.saved(content=b"two")
    assert desk.know().loadable
    desk.note(desk.look_up.save_job(SAVE), facts={"written": "hdf5", "damage": "", "sha256": "0"})
    assert "whose save was recorded" in desk.know().error.message


def test_our_own_failures_are_shown_and_never_kept(desk):
    ours = Observation(data={"status": "harness_error", "message": "the probe died"})
    desk.note(desk.look_up.save_job(SAVE), "harness_error", message="the probe died")
    assert desk.artifact(SAVE) is None
    known = desk.know(**{SAVE.id: ours})
    assert (known.absence, known.error) == (Absence.HARNESS, ours)
    desk.saved()
    job = desk.job()
    desk.note(job, "harness_error", message="again")
    assert desk.know().absence is Absence.NOT_MEASURED
    known = desk.know(**{job.id: ours})
    assert (known.absence, known.error, known.observation) == (Absence.HARNESS, ours, None)
    # What was observed after all is not hidden by an earlier fault of the same run.
    desk.note(job, aspects=AGREES)
    assert desk.know(**{job.id: ours}).observation.status == "done"


@pytest.mark.parametrize("status", ["raised", "crashed", "timed_out", "out_of_memory"])
def test_a_save_that_failed_leaves_nothing_to_load(desk, status):
    desk.note(desk.look_up.save_job(SAVE), status, message="no")
    known = desk.know()
    assert (known.absence, known.loadable) == (Absence.WRITER_FAILED, False)
    assert known.artifact.observation.message == "no"


@pytest.mark.parametrize("missing", [WRITER, READER])
def test_an_environment_that_could_not_be_built_is_said_to_be_so(desk, missing):
    desk.saved()
    other = desk.open(unavailable=[missing])
    for tampered in (False, True):
        known = desk.know(look_up=other, tampered=tampered)
        assert (known.absence, known.loadable) == (Absence.ENVIRONMENT, False)
        assert known.reason == f"{missing}: it could not be built"


UNDECLARED = replace(CELL, format=Format.KERAS, writer="tf1.15")


def test_what_a_writer_writes_in_a_format_it_does_not_have_is_not_loaded(desk):
    desk.saved(save_of(UNDECLARED), "hdf5")
    known = desk.know(UNDECLARED)
    assert (known.absence, known.loadable) == (Absence.UNDECLARED, False)
    assert known.artifact.written == "hdf5"
    desk.note(desk.look_up.save_job(save_of(UNDECLARED)), "raised")
    known = desk.know(UNDECLARED)
    assert (known.absence, known.artifact.written) == (Absence.UNDECLARED, "nothing")


def test_a_reader_without_the_format_is_declared_so_for_the_bare_load_alone(desk):
    desk.saved(replace(SAVE, format=Format.KERAS), "zip_v3")
    cell = replace(CELL, format=Format.KERAS, reader="tf1.15")
    assert not desk.know(cell).reads
    assert desk.know(replace(cell, remedy="rebuild_weights")).reads
    assert desk.know(replace(cell, reader=READER)).reads


def test_a_sibling_is_handed_over_or_its_absence_said(desk):
    cell = replace(CELL, reader=WRITER, remedy="saved_model")
    sibling = replace(SAVE, format=Format.SAVED_MODEL)
    desk.saved()
    assert desk.know(cell).absence is Absence.NOT_SAVED
    ours = Observation(data={"status": "harness_error", "message": "the probe died"})
    assert desk.know(cell, **{sibling.id: ours}).absence is Absence.HARNESS
    folder = desk.saved(sibling, "saved_model")
    assert desk.job(cell).payload["sibling"] == str(folder)
    desk.note(desk.look_up.save_job(sibling), "raised")
    known = desk.know(cell)
    assert (known.absence, known.loadable) == (Absence.SIBLING_MISSING, False)


def test_damage_is_known_with_the_artifact(desk):
    desk.saved(facts={"damage": "100 random bytes"})
    assert desk.know().artifact.damage == "100 random bytes"


def test_the_control_falsifies_the_oracle_under_an_id_of_its_own(desk):
    desk.saved()
    control, plain = desk.job(tampered=True), desk.job()
    assert control.id == f"tampered:{CELL.id}"
    assert control.payload["tampered"] == ["outputs", "weights"]
    assert plain.payload["tampered"] == []
    desk.note(control, aspects=AGREES)
    assert desk.know().absence is Absence.NOT_MEASURED
    assert desk.know(tampered=True).observation.aspects == AGREES


def test_only_what_the_format_carries_and_the_remedy_restores_is_asked_for(desk):
    def asked(format_, remedy):
        cell = Cell(
            scenario="compile_state", format=format_, writer=WRITER, reader=WRITER, remedy=remedy
        )
        desk.saved(save_of(cell))
        return set(desk.job(cell).payload["aspects"])

    whole = asked(Format.H5, "none")
    assert {Aspect.OPTIMIZER, Aspect.TRAINING_STEP} <= whole
    assert asked(Format.H5, "compile_false") == whole - {Aspect.OPTIMIZER, Aspect.TRAINING_STEP}
    assert Aspect.COMPILE not in asked(Format.TF_CHECKPOINT, "none")


def test_a_newer_record_is_seen_at_once(desk):
    desk.saved()
    desk.note(desk.job(), aspects=AGREES)
    assert desk.know().observation.status == "done"
    desk.note(desk.job(), "raised", stage="load")
    assert desk.know().observation.status == "raised"


@pytest.mark.parametrize("nonsense", [None, [], 7, "done"])
def test_a_record_that_is_no_observation_counts_as_none(desk, nonsense):
    desk.saved()
    job = desk.job()
    record = {"kind": job.kind, "id": job.id, "inputs": job.inputs, "observation": nonsense}
    desk.store.journal.append(record)
    assert desk.know().absence is Absence.NOT_MEASURED
