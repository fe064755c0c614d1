"""The impact of a divergence on the use of the model. Pure.

Input: an outcome, the stage at which it raised, and what was found of each aspect. Output: an
`Impact`, or None where the model was not loaded or is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runner.domain import IMPACTS, Aspect, AspectStatus, Impact, Outcome, Stage

_LAYOUT = re.compile(r"(weights of )?\d+ layers became \d+")
"""The detail of an aspect that was not compared by number: the layers are not the same ones."""


def find_impact(
    outcome: Outcome,
    stage: str,
    differing: Iterable[Aspect],
    compared: Mapping[str, Mapping[str, Any]],
) -> Impact | None:
    """Return the gravest of what the aspects mean; of `unusable`, how far it got.

    A model that raises when it is trained predicts; one that raises before does not. Where
    the outputs agree, weights that are found in other layers are bookkeeping.
    """
    if outcome is Outcome.UNUSABLE:
        return Impact.TRAINING if stage == Stage.TRAIN else Impact.PREDICTIONS
    if outcome is not Outcome.DIVERGED:
        return None
    answers = compared.get(Aspect.OUTPUTS, {}).get("status") == AspectStatus.AGREES
    found = {
        Impact.BOOKKEEPING
        if answers and _LAYOUT.fullmatch(str(compared.get(aspect, {}).get("detail", "")))
        else IMPACTS[aspect]
        for aspect in differing
    }
    return next((each for each in Impact if each in found), None)
