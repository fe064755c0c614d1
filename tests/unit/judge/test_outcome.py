"""All that is known of a cell becomes one outcome; nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain import Absence, Artifact, Aspect, Cell, Format, Known, Observation, Outcome
from runner.judge.outcome import classify_cell, classify_save, find_fault, largest_difference

CELL = Cell(scenario="plain_dense", format=Format.H5, writer="tf2.7", reader="tf2.8", remedy="none")


def observe(status="done", stage="", **data):
    return Observation(data={"status": status, "stage": stage, **data})


def aspects(**statuses):
    return {name: {"status": status} for name, status in statuses.items()}


def artifact(seen=None, *, written="hdf5", sha256="a" * 64):
    return Artifact(
        inputs="digest",
        folder=Path("none"),
        observation=seen or observe(),
        sha256=sha256,
        written=written,
    )


def classify(seen, asked=None, **known):
    """Classify an observation whose aspects, unless said otherwise, are those asked for."""
    names = seen.data.get("aspects", {}) if asked is None else asked
    fields = {"cell": CELL, "artifact": artifact(), "inputs": "0", **known}
    return classify_cell(
        Known(observation=seen, asked=frozenset(Aspect(name) for name in names), **fields)
    )


def absent(absence, **known):
    return classify_cell(Known(cell=CELL, absence=absence, **known))


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("status", ["crashed", "timed_out", "out_of_memory", "harness_error"])
def test_what_ended_the_process_is_the_outcome_whatever_is_declared(status, reads):
    found = classify(observe(status, message="said"), ["outputs"], reads=reads)
    assert (found.outcome, found.reason) == (Outcome(status), "said")


@pytest.mark.parametrize(
    ("stage", "outcome"),
    [
        ("prepare", Outcome.LOAD_ERROR),
        ("load", Outcome.LOAD_ERROR),
        ("call", Outcome.UNUSABLE),
        ("train", Outcome.UNUSABLE),
    ],
)
def test_what_was_raised_is_classified_by_its_stage(stage, outcome):
    assert classify(observe("raised", stage), ["outputs"]).outcome is outcome
    undeclared = classify(observe("raised", stage), ["outputs"], reads=False)
    assert undeclared.outcome is Outcome.UNSUPPORTED
    assert undeclared.reason


@pytest.mark.parametrize("reads", [True, False])
def test_a_load_that_agrees_is_equivalent_and_a_wrong_declaration_is_not_hidden(reads):
    found = classify(observe(aspects=aspects(outputs="agrees", losses="agrees")), reads=reads)
    assert (found.outcome, found.aspects, found.reason) == (Outcome.EQUIVALENT, (), "")
    assert found.artifact_sha256 == "a" * 64


@pytest.mark.parametrize("status", ["differs", "missing"])
def test_aspects_that_differ_or_are_missing_make_it_diverged_and_are_named(status):
    found = classify(observe(aspects=aspects(weights=status, outputs="agrees", losses=status)))
    assert found.outcome is Outcome.DIVERGED
    assert found.aspects == (Aspect.WEIGHTS, Aspect.LOSSES)


def test_a_damaged_file_that_loads_says_so():
    damaged = artifact(observe(facts={"damage": "100 random bytes at offset 1000"}))
    found = classify(observe(aspects=aspects(outputs="agrees")), artifact=damaged)
    assert found.outcome is Outcome.EQUIVALENT
    assert "100 random bytes at offset 1000" in found.reason
    differing = classify(observe(aspects=aspects(outputs="differs")), artifact=damaged)
    assert differing.outcome is Outcome.DIVERGED


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (observe(), "says nothing of any aspect"),
        (observe(aspects=aspects(outputs="agrees")), "what was asked for: weights"),
        (observe(aspects=aspects(outputs="differs")), "what was asked for: weights"),
        (
            observe(aspects=aspects(outputs="agrees", weights="agrees", lunch="agrees")),
            "Invalid enum value 'lunch'",
        ),
        (
            observe(aspects=aspects(outputs="agrees", weights="agrees", losses="agrees")),
            "not asked for: losses",
        ),
    ],
)
def test_what_finished_without_exactly_the_aspects_asked_for_is_our_fault(seen, said):
    found = classify(seen, ["outputs", "weights"])
    assert found.outcome is Outcome.HARNESS_ERROR
    assert said in found.reason


NONSENSE = [
    {},
    {"status": None},
    {"status": "melted"},
    {"status": ["done"]},
    {"status": "raised"},
    {"status": "raised", "stage": "lunch"},
    {"status": "raised", "stage": ["load"]},
    {"status": "raised", "stage": "load", "message": 7},
    {"status": "raised", "stage": "load", "traceback": ["a", "b"]},
    {"status": "raised", "stage": "load", "exception": None},
    {"status": "crashed", "duration_s": "long"},
    {"status": "crashed", "duration_s": 10**400},
    {"status": "crashed", "position": "first"},
    {"status": "crashed", "position": 2**40},
    {"status": "crashed", "facts": []},
    {"status": "crashed", "warnings": 3},
    {"status": "crashed", "aspects": 3},
    {"status": "done", "aspects": None},
    {"status": "done", "aspects": ["outputs"]},
    {"status": "done", "aspects": {"outputs": None}},
    {"status": "done", "aspects": {"outputs": "agrees"}},
    {"status": "done", "aspects": {"outputs": {}}},
    {"status": "done", "aspects": {"outputs": {"status": "perhaps"}}},
    {"status": "done", "aspects": {"outputs": {"status": ["agrees"]}}},
    {"status": "done", "aspects": {"outputs": {"status": "agrees", "max_abs_diff": "small"}}},
    {"status": "done", "aspects": {"outputs": {"status": "agrees", "detail": 5}}},
]


def test_what_the_probe_never_says_is_our_fault_and_never_a_traceback():
    accepted = []
    for data in NONSENSE:
        found = classify(Observation(data=data), ["outputs"])
        if found.outcome is not Outcome.HARNESS_ERROR or not found.reason:
            accepted.append(data)
        # It is published without what cannot be read.
        elif find_fault(found.observation):
            accepted.append(found.observation)
    assert accepted == []


@pytest.mark.parametrize("status", ["crashed", "timed_out", "out_of_memory", "raised"])
def test_a_save_that_failed_is_a_save_error_of_its_cells(status):
    seen = observe(status, message="no")
    assert classify_save(seen) is Outcome.SAVE_ERROR
    found = absent(Absence.WRITER_FAILED, artifact=artifact(seen, written="nothing", sha256=""))
    assert found.outcome is Outcome.SAVE_ERROR
    assert found.reason.startswith("the writer ")
    assert found.observation is seen


def test_saves_that_worked_and_our_own_failures():
    assert classify_save(observe()) is None
    for seen in (observe("harness_error", message="ours"), observe("melted"), Observation(data={})):
        assert classify_save(seen) is Outcome.HARNESS_ERROR
        failed = artifact(seen, written="nothing", sha256="")
        found = absent(Absence.WRITER_FAILED, artifact=failed)
        assert found.outcome is Outcome.HARNESS_ERROR
        assert found.reason


@pytest.mark.parametrize(
    ("seen", "written", "said"),
    [
        (observe(), "zip_v3", "the writer wrote zip_v3 under this format's name"),
        (observe(), "hdf5", "the declaration is wrong"),
        (observe("raised", "save"), "nothing", "the writer does not have this format"),
    ],
)
def test_a_format_the_writer_does_not_have_is_unsupported(seen, written, said):
    found = absent(Absence.UNDECLARED, artifact=artifact(seen, written=written))
    assert found.outcome is Outcome.UNSUPPORTED
    assert said in found.reason
    assert found.observation is seen


@pytest.mark.parametrize(
    ("absence", "outcome", "said"),
    [
        (Absence.ENVIRONMENT, Outcome.ENVIRONMENT_UNAVAILABLE, "tf2.7: it could not be built"),
        (Absence.NOT_SAVED, Outcome.NOT_RUN, "not measured yet"),
        (Absence.NOT_MEASURED, Outcome.NOT_RUN, "not measured yet"),
        (Absence.SIBLING_MISSING, Outcome.SAVE_ERROR, "other format"),
        # Of these the artifact says more; without one nothing is known.
        (Absence.UNDECLARED, Outcome.HARNESS_ERROR, "nothing is known"),
        (Absence.WRITER_FAILED, Outcome.HARNESS_ERROR, "nothing is known"),
        (Absence.HARNESS, Outcome.HARNESS_ERROR, "nothing is known"),
        (None, Outcome.NOT_RUN, "not measured yet"),
    ],
)
def test_why_nothing_was_observed_decides_the_rest(absence, outcome, said):
    found = absent(absence, reason="tf2.7: it could not be built")
    assert found.outcome is outcome
    assert said in found.reason


def test_a_harness_error_of_this_run_is_shown():
    error = observe("harness_error", message="the probe died")
    found = absent(Absence.HARNESS, error=error, artifact=artifact())
    assert (found.outcome, found.reason) == (Outcome.HARNESS_ERROR, "the probe died")
    assert found.observation is error


def test_the_largest_difference_of_all_aspects():
    seen = observe(
        aspects={
            "outputs": {"status": "differs", "max_abs_diff": 0.5},
            "weights": {"status": "agrees", "max_abs_diff": 0.0},
            "losses": {"status": "missing", "max_abs_diff": None},
            "structure": {"status": "differs"},
        }
    )
    assert largest_difference(seen) == 0.5
    assert largest_difference(observe(aspects=aspects(losses="missing"))) is None
    assert largest_difference(observe()) is None
