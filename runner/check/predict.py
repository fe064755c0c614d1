"""The predictions of the matrix for a file: by the scenarios whose witness it has. Pure.

Input: the texts of a published run, the scenarios that match, the writer's environments, the
format. Output: a `Prediction` for each reader, or None where no such cell was measured. A
prediction is about the scenarios' models: the file itself may be more, and worse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from runner.check.answer import Prediction
from runner.domain import BARE, Outcome, Scenario, Witness
from runner.publish.texts import CellTexts

FAILS = frozenset(
    map(
        str,
        (
            *(Outcome.LOAD_ERROR, Outcome.UNUSABLE, Outcome.CRASHED),
            *(Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY),
        ),
    )
)
MOST_NAMED = 2
OF_FILES = frozenset(
    {"formats", "container", "layout", "held", "writer", "damage", "absent", "count"}
)
"""Conditions of a witness that say nothing of the model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One cell of the run."""

    scenario: str
    writer: str
    outcome: str
    cause: str
    id: str


def predict(
    texts: CellTexts,
    readers: Iterable[str],
    *,
    scenarios: Collection[str],
    writers: Collection[str],
    format_: str,
) -> dict[str, Prediction]:
    """Return the prediction for the bare load in each reader that has one."""
    if not (scenarios and writers):
        return {}
    mask = np.ones(len(texts.columns["scenario"].codes), dtype=bool)
    asked = {"scenario": scenarios, "writer": writers, "format": (format_,), "remedy": (BARE,)}
    for name, wanted in asked.items():
        column = texts.columns[name]
        mask &= np.array([each in wanted for each in column.values])[column.codes]
    rows = np.flatnonzero(mask).tolist()
    found: dict[str, list[Seen]] = {}
    for row in rows:
        told = {
            name: texts.columns[name].values[int(texts.columns[name].codes[row])]
            for name in ("scenario", "format", "writer", "reader", "outcome", "cause")
        }
        cell = "{scenario}/{format}/{writer}->{reader}/none".format(**told)
        seen = Seen(
            scenario=told["scenario"],
            writer=told["writer"],
            outcome=told["outcome"],
            cause=told["cause"],
            id=cell,
        )
        found.setdefault(told["reader"], []).append(seen)
    predictions = {name: _predict(found[name]) for name in readers if name in found}
    return {name: each for name, each in predictions.items() if each is not None}


def speaking(scenarios: Mapping[str, Scenario], names: Iterable[str]) -> list[str]:
    """Return those whose witness is about the model; that of others is any file of a container."""
    return [
        name
        for name in names
        if not scenarios[name].damage
        and any(
            value not in (None, False, frozenset(), ())
            for witness in scenarios[name].witness
            for key, value in msgspec.structs.asdict(witness).items()
            if key not in OF_FILES and value != getattr(Witness(), key)
        )
    ]


def _predict(cells: list[Seen]) -> Prediction | None:
    """A scenario counts once, with its worst writer; how many of them there are is said."""
    told = (*FAILS, str(Outcome.DIVERGED), str(Outcome.EQUIVALENT))
    cells = [each for each in cells if each.outcome in told]
    every = tuple(dict.fromkeys(each.scenario for each in cells))
    if not every:
        return None
    for verb, outcomes in (("fails", FAILS), ("differs", {str(Outcome.DIVERGED)})):
        bad = [each for each in cells if each.outcome in outcomes]
        if not bad:
            continue
        scenarios = tuple(dict.fromkeys(each.scenario for each in bad))
        named = ", ".join(scenarios[:MOST_NAMED])
        more = ", ..." if len(scenarios) > MOST_NAMED else ""
        return Prediction(
            # The file has the feature of each; the fault of one may be in something else of it.
            expects=verb if 2 * len(scenarios) >= len(every) else f"may {verb.rstrip('s')}",
            words=f"{verb} in {len(scenarios)} of {len(every)} scenarios like it: {named}{more}",
            causes=tuple(dict.fromkeys(each.cause for each in bad if each.cause)),
            scenarios=scenarios,
            example=bad[0].id,
        )
    return Prediction(
        expects="loads",
        words=f"loads in {len(every)} of {len(every)} scenarios like it",
        scenarios=every,
        example=cells[0].id,
    )
