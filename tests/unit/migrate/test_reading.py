from __future__ import annotations

import pytest

from runner.migrate.chain import Way
from runner.migrate.reading import compare_compiled, read_compared, read_outcome, read_saved
from runner.migrate.search import DIVERGED, SAME, Saved
from runner.userfile.workbench import Observed

WAY = Way(id="none", of=("h5",), words="as it is")


def compiled(**changes):
    told = {
        "compiled": True,
        "optimizer": "Adam",
        "loss": "mse",
        "hyperparameters": {"learning_rate": 0.001},
    }
    return {**told, **changes}


def test_a_report_of_any_shape_is_read():
    report = {
        "compared": {
            "outputs": {"status": "differs", "max_abs_diff": 0.5, "detail": "0: 0.5"},
            "weights": "no object",
        },
        "saved": {
            "h5": {"file": "saved/model.h5", "error": ""},
            "keras": {"file": "", "error": "x"},
        },
    }
    compared = read_compared(report)
    assert [(each.aspect, each.largest_difference) for each in compared] == [("outputs", 0.5)]
    saved = read_saved(report, Saved(name="original", kind="h5"), "tf2.4", WAY)
    assert [(each.kind, each.by) for each in saved] == [("h5", "tf2.4")]
    for absurd in ({}, {"compared": [1], "saved": 7}, {"compared": {"a": None}}):
        assert read_compared(absurd) == ()
        assert read_saved(absurd, saved[0], "tf2.4", WAY) == ()


@pytest.mark.parametrize(
    ("observed", "outcome", "said"),
    [
        ({"status": "done"}, SAME, ""),
        (
            {"status": "raised", "stage": "load", "exception": "ValueError"},
            "load_error",
            "ValueError",
        ),
        ({"status": "raised", "stage": "call", "exception": "x.E"}, "unusable", "E: why"),
        ({"status": "crashed"}, "crashed", "why"),
        ({"status": "raised", "exception": "a.CodeRefused"}, "code_refused", "--allow-code"),
    ],
)
def test_an_observation_has_an_outcome_and_a_reason(observed, outcome, said):
    found = read_outcome(Observed(id="1", message="why", **observed), ())
    assert found[0] == outcome
    assert said in found[1]


def test_outputs_that_differ_are_no_success():
    compared = read_compared({"compared": {"outputs": {"status": "missing"}}})
    assert read_outcome(Observed(id="1", status="done"), compared)[0] == DIVERGED


@pytest.mark.parametrize(
    ("after", "status"),
    [
        (compiled(), "agrees"),
        (compiled(loss=["MeanSquaredError"], optimizer="Custom>Adam"), "agrees"),
        (compiled(loss="mae"), "differs"),
        (compiled(hyperparameters={"learning_rate": 0.01}), "differs"),
        ({"compiled": False}, "missing"),
    ],
)
def test_compile_states_are_held_against_each_other(after, status):
    assert compare_compiled(compiled(), after).status == status
