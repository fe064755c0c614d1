"""Controls fail loudly, and only where their right answer was not found."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_fixtures import make_environment, make_scenario

from runner.domain import Cell, CellResult, Family, Format, Observation, Outcome, Save
from runner.domain.known import Artifact
from runner.judge import controls

ENVIRONMENT = make_environment("keras3.15", Family.KERAS3, 0)


def cell(scenario="plain_dense", format_=Format.H5, reader="keras3.15", remedy="none"):
    return Cell(scenario=scenario, format=format_, writer="keras3.15", reader=reader, remedy=remedy)


def result(outcome, of=None):
    seen = Observation(
        data={"status": "raised", "exception": "ValueError", "message": "because " * 99}
    )
    return CellResult(cell=of or cell(), outcome=outcome, observation=seen)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - controls.UNMEASURED), ids=str)
def test_readback_passes_only_if_equivalent_and_damage_only_if_not(outcome):
    plain = controls.check_readback(result(outcome))
    damaged = controls.check_readback(result(outcome, cell("truncated_file")))
    assert plain is not None
    assert damaged is not None
    assert plain.passed is (outcome is Outcome.EQUIVALENT)
    # A damaged file on which only our own harness failed was not caught by anyone.
    assert damaged.passed is (outcome is not Outcome.EQUIVALENT)
    assert str(outcome) in plain.detail
    assert len(plain.detail) < 400


@pytest.mark.parametrize("outcome", sorted(controls.UNMEASURED), ids=str)
def test_what_was_not_measured_is_no_control(outcome):
    assert controls.check_readback(result(outcome)) is None
    assert controls.check_readback(result(Outcome.LOAD_ERROR, cell("l2_sequential"))) is None


def compared(status="done", **statuses):
    aspects = {name: {"status": each} for name, each in statuses.items()}
    return Observation(data={"status": status, "aspects": aspects})


@pytest.mark.parametrize(
    ("observation", "passed"),
    [
        (compared(outputs="differs", weights="differs", losses="agrees"), True),
        (compared(outputs="agrees", weights="differs"), False),
        (compared(outputs="agrees", weights="agrees"), False),
        (compared(outputs="differs", weights="differs", losses="differs"), False),
        (compared("raised"), False),
        (compared("harness_error"), False),
    ],
)
def test_exactly_what_was_falsified_must_differ(observation, passed):
    found = controls.check_comparison(cell(), observation)
    assert found is not None
    assert found.passed is passed


def artifact(written, status="done"):
    return Artifact(
        inputs="digest",
        folder=Path("none"),
        observation=Observation(data={"status": status}),
        sha256="",
        written=written,
    )


@pytest.mark.parametrize(
    ("format_", "written", "passed"),
    [
        (Format.H5, "hdf5", True),
        (Format.H5, "nothing", False),
        (Format.KERAS, "hdf5", False),
        (Format.SAVED_MODEL, "nothing", True),
        (Format.SAVED_MODEL, "hdf5", True),
        (Format.SAVED_MODEL, "saved_model", False),
    ],
)
def test_what_is_written_is_what_is_declared(format_, written, passed):
    scenario = make_scenario("plain_dense", formats=tuple(Format))
    save = Save(scenario="plain_dense", format=format_, writer="keras3.15")
    found = controls.check_declared_write(save, artifact(written), ENVIRONMENT, scenario)
    assert found is not None
    assert found.passed is passed
    assert written in found.detail


def test_what_was_not_saved_is_no_control():
    scenario = make_scenario("plain_dense")
    save = Save(scenario="plain_dense", format=Format.H5, writer="keras3.15")
    assert controls.check_declared_write(save, None, ENVIRONMENT, scenario) is None
    broken = artifact("nothing", "harness_error")
    assert controls.check_declared_write(save, broken, ENVIRONMENT, scenario) is None


def test_a_format_declared_unread_must_really_not_be_read():
    unread = cell(format_=Format.SAVED_MODEL)
    environments = {"keras3.15": ENVIRONMENT}

    def check(outcome, of=unread):
        return controls.check_declared_reads([result(outcome, of)], environments)

    assert [each.passed for each in check(Outcome.UNSUPPORTED)] == [True]
    assert [each.passed for each in check(Outcome.EQUIVALENT)] == [False]
    assert check(Outcome.EQUIVALENT, cell()) == []
    assert check(Outcome.NOT_RUN) == []
    assert check(Outcome.EQUIVALENT, cell(format_=Format.EXPORT, remedy="tfsm_layer")) == []


def test_a_reader_that_could_not_be_built_is_no_control():
    missing = cell(format_=Format.KERAS, reader="tf1.15")
    found = controls.check_declared_reads(
        [result(Outcome.ENVIRONMENT_UNAVAILABLE, missing)], {"keras3.15": ENVIRONMENT}
    )
    assert found == []


def test_all_controls_of_a_run_together():
    scenario = make_scenario("plain_dense", formats=(Format.H5, Format.KERAS))
    found = controls.run_controls(
        readbacks=[result(Outcome.EQUIVALENT), result(Outcome.NOT_RUN)],
        results=[result(Outcome.UNSUPPORTED, cell(format_=Format.EXPORT))],
        tampered={cell(): compared(outputs="differs", weights="differs"), cell("x"): None},
        artifact=lambda save: artifact("hdf5") if save.format is Format.H5 else None,
        environments={"keras3.15": ENVIRONMENT},
        scenario=scenario,
    )
    assert [each.id for each in found] == [
        "readback plain_dense/h5/keras3.15->keras3.15/none",
        "comparison plain_dense/h5/keras3.15->keras3.15/none",
        "writes plain_dense/h5/keras3.15",
        "reads plain_dense/export/keras3.15->keras3.15/none",
    ]
    assert all(each.passed for each in found)
