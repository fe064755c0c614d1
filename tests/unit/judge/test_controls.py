"""Controls fail loudly, and only where their right answer was not found."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain import (
    FACTS,
    MEASURED,
    Artifact,
    Aspect,
    Cell,
    CellResult,
    Format,
    Observation,
    Outcome,
    Save,
)
from runner.judge import controls

TRIED = sorted(each for each in Outcome if FACTS[each].tried)
UNTRIED = sorted(set(Outcome) - set(TRIED))


def cell(scenario="plain_dense", format_=Format.H5, reader="keras3.15", remedy="none"):
    return Cell(scenario=scenario, format=format_, writer="keras3.15", reader=reader, remedy=remedy)


def result(outcome, of=None):
    seen = Observation(
        data={"status": "raised", "exception": "ValueError", "message": "because " * 99}
    )
    return CellResult(cell=of or cell(), outcome=outcome, observation=seen)


def test_what_says_nothing_was_tried():
    assert UNTRIED == ["environment_unavailable", "not_run"]


@pytest.mark.parametrize("outcome", TRIED, ids=str)
def test_readback_passes_only_if_equivalent(outcome):
    found = controls.check_readback(result(outcome))
    assert found is not None
    assert found.passed is (outcome is Outcome.EQUIVALENT)
    assert str(outcome) in found.detail
    assert len(found.detail) < 400


CAUGHT = MEASURED - {Outcome.EQUIVALENT}


@pytest.mark.parametrize("outcome", TRIED, ids=str)
def test_damage_is_caught_only_by_a_reader_that_really_ran(outcome):
    found = controls.check_damaged(result(outcome, cell("truncated_file")))
    assert found is not None
    # Where the reader does not have the format there was nothing to be caught.
    assert found.passed is (outcome in CAUGHT or outcome is Outcome.UNSUPPORTED)
    assert str(outcome) in found.detail
    assert ("does not apply" in found.detail) is (outcome is Outcome.UNSUPPORTED)


@pytest.mark.parametrize("outcome", [Outcome.HARNESS_ERROR, Outcome.SAVE_ERROR])
def test_damage_that_no_reader_was_given_is_not_caught(outcome):
    found = controls.check_damaged(result(outcome, cell("truncated_file")))
    assert not found.passed
    assert "no reader was given the file" in found.detail


@pytest.mark.parametrize("outcome", UNTRIED, ids=str)
def test_what_was_not_tried_is_no_control(outcome):
    for check in (
        controls.check_readback,
        controls.check_damaged,
        controls.check_comparison,
        controls.check_undeclared_read,
    ):
        assert check(result(outcome)) is None


def compared(outcome, *aspects):
    return CellResult(cell=cell(), outcome=outcome, aspects=aspects, reason="because")


BOTH = (Aspect.OUTPUTS, Aspect.WEIGHTS)


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (compared(Outcome.DIVERGED, *BOTH), True),
        (compared(Outcome.DIVERGED, Aspect.WEIGHTS), False),
        (compared(Outcome.EQUIVALENT), False),
        (compared(Outcome.DIVERGED, *BOTH, Aspect.LOSSES), False),
        (compared(Outcome.LOAD_ERROR), False),
        (compared(Outcome.HARNESS_ERROR), False),
        (compared(Outcome.HARNESS_ERROR, *BOTH), False),
        (compared(Outcome.SAVE_ERROR), False),
    ],
)
def test_exactly_what_was_falsified_must_differ(found, passed):
    checked = controls.check_comparison(found)
    assert checked is not None
    assert checked.passed is passed


def artifact(written, status="done"):
    return Artifact(
        inputs="digest",
        folder=Path("none"),
        observation=Observation(data={"status": status}),
        sha256="",
        written=written,
    )


@pytest.mark.parametrize(
    ("format_", "declared", "written", "passed"),
    [
        (Format.H5, True, "hdf5", True),
        (Format.H5, True, "nothing", False),
        (Format.KERAS, True, "hdf5", False),
        (Format.SAVED_MODEL, False, "nothing", True),
        (Format.SAVED_MODEL, False, "hdf5", True),
        (Format.SAVED_MODEL, False, "saved_model", False),
    ],
)
def test_what_is_written_is_what_is_declared(format_, declared, written, passed):
    save = Save(scenario="plain_dense", format=format_, writer="keras3.15")
    found = controls.check_declared_write(save, artifact(written), declared=declared)
    assert found is not None
    assert found.passed is passed
    assert written in found.detail


def test_what_was_not_saved_is_no_control():
    save = Save(scenario="plain_dense", format=Format.H5, writer="keras3.15")
    for known in (None, artifact("nothing", "harness_error"), artifact("nothing", "melted")):
        assert controls.check_declared_write(save, known, declared=True) is None


@pytest.mark.parametrize("outcome", TRIED, ids=str)
def test_a_format_declared_unread_must_really_not_be_read(outcome):
    found = controls.check_undeclared_read(result(outcome, cell(format_=Format.SAVED_MODEL)))
    assert found.passed is (outcome not in {Outcome.EQUIVALENT, Outcome.HARNESS_ERROR})


def test_all_controls_of_a_run_together():
    save = Save(scenario="plain_dense", format=Format.H5, writer="keras3.15")
    found = controls.check_all(
        readbacks=[result(Outcome.EQUIVALENT), result(Outcome.NOT_RUN)],
        damaged=[result(Outcome.LOAD_ERROR, cell("truncated_file"))],
        tampered=[compared(Outcome.DIVERGED, *BOTH), result(Outcome.NOT_RUN)],
        saves=[(save, artifact("hdf5"), True), (save, None, True)],
        undeclared_reads=[result(Outcome.UNSUPPORTED, cell(format_=Format.EXPORT))],
    )
    assert [each.id for each in found] == [
        "readback plain_dense/h5/keras3.15->keras3.15/none",
        "readback truncated_file/h5/keras3.15->keras3.15/none",
        "comparison plain_dense/h5/keras3.15->keras3.15/none",
        "writes plain_dense/h5/keras3.15",
        "reads plain_dense/export/keras3.15->keras3.15/none",
    ]
    assert all(each.passed for each in found)
