"""Impact: the gravest of what differs; of a model that raises, how far it got."""

from __future__ import annotations

import pytest

from runner.domain import IMPACTS, Aspect, Impact, Outcome
from runner.judge.impact import find_impact


def compared(*differing: Aspect, detail: str = "") -> dict[Aspect, dict[str, str]]:
    return {
        each: {"status": "differs" if each in differing else "agrees", "detail": detail}
        for each in Aspect
    }


def test_every_aspect_has_an_impact() -> None:
    assert set(IMPACTS) == set(Aspect)


@pytest.mark.parametrize(
    ("differing", "impact"),
    [
        ((Aspect.OUTPUTS, Aspect.OPTIMIZER), Impact.PREDICTIONS),
        ((Aspect.WEIGHTS, Aspect.DTYPE), Impact.PREDICTIONS),
        ((Aspect.LOSSES,), Impact.TRAINING),
        ((Aspect.DTYPE, Aspect.TRAINABLE), Impact.TRAINING),
        ((Aspect.DTYPE, Aspect.STRUCTURE), Impact.BOOKKEEPING),
    ],
)
def test_the_gravest_counts(differing: tuple[Aspect, ...], impact: Impact) -> None:
    found = find_impact(Outcome.DIVERGED, "", differing, compared(*differing))

    assert found is impact


@pytest.mark.parametrize(
    ("detail", "also", "impact"),
    [
        # As recorded of a graph whose operators became layers.
        ("weights of 3 layers became 2", (), Impact.BOOKKEEPING),
        ("weights of 3 layers became 2", (Aspect.OUTPUTS,), Impact.PREDICTIONS),
        ("dense[0]: largest difference 1.22", (), Impact.PREDICTIONS),
    ],
)
def test_weights_in_other_layers_are_bookkeeping_if_the_outputs_agree(
    detail: str, also: tuple[Aspect, ...], impact: Impact
) -> None:
    differing = (Aspect.WEIGHTS, *also)

    assert (
        find_impact(Outcome.DIVERGED, "", differing, compared(*differing, detail=detail)) is impact
    )


def test_what_cannot_be_trained_may_still_predict() -> None:
    assert find_impact(Outcome.UNUSABLE, "train", (), {}) is Impact.TRAINING
    assert find_impact(Outcome.UNUSABLE, "call", (), {}) is Impact.PREDICTIONS


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.UNUSABLE, Outcome.DIVERGED}))
def test_what_was_not_loaded_or_is_the_same_has_none(outcome: Outcome) -> None:
    assert find_impact(outcome, "load", (), {}) is None
