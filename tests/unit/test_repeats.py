"""What counts as a disagreement between a recorded and a repeated cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.domain import Aspect, Cell, Format, Known, Observation, Outcome
from runner.judge.outcome import classify_cell
from runner.repeats import Stratum, find_difference, find_spread, tally

KNOWN = Known(
    cell=Cell(
        scenario="plain_dense", format=Format.H5, writer="tf2.7", reader="tf2.8", remedy="none"
    ),
    asked=frozenset({Aspect.OUTPUTS, Aspect.WEIGHTS}),
    inputs="0",
)


def seen(status="done", exception="", **aspects):
    details = {
        name: {"status": status_, "max_abs_diff": None, "detail": ""}
        for name, status_ in aspects.items()
    }
    data = {"status": status, "stage": "load", "exception": exception, "aspects": details}
    return Observation(data=data)


AGREES = seen(outputs="agrees", weights="agrees")


def compare(before, after):
    known = replace(KNOWN, observation=before)
    return find_difference(known, classify_cell(known), after)


def test_the_same_outcome_and_aspects_agree():
    one = seen(outputs="differs", weights="agrees")
    assert compare(one, seen(outputs="differs", weights="agrees")) is None


def test_the_spread_is_how_far_a_cells_largest_difference_moved():
    def measured(*differences):
        details = {
            name: {"status": "agrees", "max_abs_diff": each, "detail": ""}
            for name, each in zip(("outputs", "weights"), differences, strict=True)
        }
        return Observation(data={"status": "done", "stage": "", "aspects": details})

    def spread(before, after):
        known = replace(KNOWN, observation=before)
        return find_spread([(known, classify_cell(known))], {known.job_id: after})

    assert spread(measured(1e-7, 0.0), measured(4e-7, 0.0)) == pytest.approx(3e-7)
    assert spread(measured(0.0, 0.0), measured(0.0, 0.0)) == 0.0
    # Nothing was compared, or not again, or it is no number.
    assert spread(AGREES, measured(1e-7, 0.0)) is None
    assert spread(measured(1e-7, 0.0), None) is None
    assert spread(measured(1e-7, 0.0), measured(float("inf"), 0.0)) is None


def test_another_outcome_disagrees():
    found = compare(AGREES, seen("raised", "ValueError"))
    assert (found.recorded, found.repeated) == (Outcome.EQUIVALENT, Outcome.LOAD_ERROR)
    assert "ValueError" in found.detail


def test_other_aspects_disagree():
    one = seen(outputs="differs", weights="agrees")
    assert compare(one, seen(outputs="agrees", weights="differs"))


def test_another_exception_disagrees():
    assert compare(seen("raised", "ValueError"), seen("raised", "KeyError"))


def test_a_repetition_that_did_not_compare_everything_is_no_agreement():
    found = compare(AGREES, seen(outputs="agrees"))
    assert found.repeated is Outcome.HARNESS_ERROR


@pytest.mark.parametrize(
    ("recorded", "outcome"),
    [
        (AGREES, Outcome.EQUIVALENT),
        (seen("raised", "ValueError"), Outcome.LOAD_ERROR),
        (seen("timed_out"), Outcome.TIMED_OUT),
    ],
)
def test_a_cell_that_could_not_be_repeated_keeps_its_recorded_outcome(recorded, outcome):
    found = compare(recorded, None)
    assert (found.recorded, found.repeated) == (outcome, Outcome.NOT_RUN)


def test_a_sample_is_counted_by_each_part_of_its_strata():
    other = replace(KNOWN, cell=replace(KNOWN.cell, format=Format.KERAS))
    known = [(each, classify_cell(each)) for each in (KNOWN, other, KNOWN)]
    strata = [
        Stratum("control", str(each.cell.format), "none", "tf.keras->tf.keras") for each, _ in known
    ]
    found = tally(strata, [0, 1], {other.cell.id}, [each.cell for each, _ in known])
    counts = {(each.by, each.name): (each.of, each.sample, each.disagreements) for each in found}
    assert counts == {
        ("group", "control"): (3, 2, 1),
        ("format", "h5"): (2, 1, 0),
        ("format", "keras"): (1, 1, 1),
        ("remedy", "none"): (3, 2, 1),
        ("generations", "tf.keras->tf.keras"): (3, 2, 1),
    }
