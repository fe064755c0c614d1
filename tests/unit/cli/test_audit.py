"""What counts as a disagreement between a recorded and a repeated cell."""

from types import SimpleNamespace

from runner.cli.audit import _difference
from runner.domain import Cell, Format, Observation
from runner.judge.outcome import classify_load

CELL = Cell(scenario="plain_dense", format=Format.H5, writer="tf2.7", reader="tf2.8", remedy="none")
JOB = SimpleNamespace(id=CELL.id)


def seen(status="done", exception="", **aspects):
    details = {
        name: {"status": status_, "max_abs_diff": None, "detail": ""}
        for name, status_ in aspects.items()
    }
    data = {"status": status, "stage": "load", "exception": exception, "aspects": details}
    return Observation(data=data)


def work_with(recorded):
    ledger = SimpleNamespace(
        observation=lambda _: recorded,
        artifact=lambda _: object(),
        classify=lambda _cell, observation, _artifact: classify_load(observation, supported=True),
    )
    return SimpleNamespace(ledger=ledger)


def test_the_same_outcome_and_aspects_agree():
    one = seen(outputs="differs", weights="agrees")
    assert _difference(work_with(one), CELL, JOB, seen(outputs="differs", weights="agrees")) is None


def test_another_outcome_disagrees():
    found = _difference(work_with(seen(outputs="agrees")), CELL, JOB, seen("raised", "ValueError"))
    assert (found["recorded"], found["repeated"]) == ("equivalent", "load_error")
    assert "ValueError" in found["detail"]


def test_other_aspects_disagree():
    one = seen(outputs="differs", weights="agrees")
    assert _difference(work_with(one), CELL, JOB, seen(outputs="agrees", weights="differs"))


def test_another_exception_disagrees():
    one = seen("raised", "ValueError")
    assert _difference(work_with(one), CELL, JOB, seen("raised", "KeyError"))


def test_a_cell_that_could_not_be_repeated_is_no_agreement():
    found = _difference(work_with(seen(outputs="agrees")), CELL, JOB, None)
    assert found["repeated"] == "not_run"
