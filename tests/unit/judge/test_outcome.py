"""A raw observation becomes one outcome; nothing is guessed."""

from __future__ import annotations

import pytest

from runner.domain import Aspect, Observation, Outcome
from runner.domain.errors import ConfigurationError
from runner.judge.outcome import Classified, classify_load, classify_save, largest_difference


def observe(status="done", stage="", **data):
    return Observation(data={"status": status, "stage": stage, **data})


def aspects(**statuses):
    return {name: {"status": status} for name, status in statuses.items()}


@pytest.mark.parametrize("supported", [True, False])
@pytest.mark.parametrize("status", ["crashed", "timed_out", "out_of_memory", "harness_error"])
def test_what_ended_the_process_is_the_outcome_whatever_is_declared(status, supported):
    found = classify_load(observe(status, message="said"), supported=supported)
    assert found == Classified(outcome=Outcome(status), reason="said")


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
    assert classify_load(observe("raised", stage), supported=True).outcome is outcome
    undeclared = classify_load(observe("raised", stage), supported=False)
    assert undeclared.outcome is Outcome.UNSUPPORTED
    assert undeclared.reason


@pytest.mark.parametrize("supported", [True, False])
def test_a_load_that_agrees_is_equivalent_and_a_wrong_declaration_is_not_hidden(supported):
    found = classify_load(
        observe(aspects=aspects(outputs="agrees", losses="agrees")), supported=supported
    )
    assert found == Classified(outcome=Outcome.EQUIVALENT)


@pytest.mark.parametrize("status", ["differs", "missing"])
def test_aspects_that_differ_or_are_missing_make_it_diverged_and_are_named(status):
    found = classify_load(
        observe(aspects=aspects(weights=status, outputs="agrees", losses=status)), supported=True
    )
    assert found.outcome is Outcome.DIVERGED
    assert found.aspects == (Aspect.WEIGHTS, Aspect.LOSSES)


def test_a_damaged_file_that_loads_says_so():
    seen = observe(aspects=aspects(outputs="agrees"))
    found = classify_load(seen, supported=True, damage="100 random bytes at offset 1000")
    assert found.outcome is Outcome.EQUIVALENT
    assert "100 random bytes at offset 1000" in found.reason
    differing = observe(aspects=aspects(outputs="differs"))
    assert classify_load(differing, supported=True, damage="x").outcome is Outcome.DIVERGED


@pytest.mark.parametrize("seen", [observe("melted"), observe("raised", "lunch")])
def test_what_another_version_wrote_is_refused(seen):
    with pytest.raises(ConfigurationError, match=r"melted|lunch"):
        classify_load(seen, supported=True)


@pytest.mark.parametrize("status", ["crashed", "timed_out", "out_of_memory", "raised"])
def test_a_save_that_failed_is_a_save_error(status):
    found = classify_save(observe(status))
    assert found is not None
    assert found.outcome is Outcome.SAVE_ERROR
    assert found.reason.startswith("the writer ")


def test_saves_that_worked_and_our_own_failures():
    assert classify_save(observe()) is None
    found = classify_save(observe("harness_error", message="ours"))
    assert found == Classified(outcome=Outcome.HARNESS_ERROR, reason="ours")
    with pytest.raises(ConfigurationError):
        classify_save(observe("melted"))


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
