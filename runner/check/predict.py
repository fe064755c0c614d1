"""The predictions of the matrix for a file: by the scenarios whose witness it has. Pure.

Input: the texts of a published run, the scenarios that match, the writer's environments, the
format. Output: a `Prediction` for each reader, or None where no such cell was measured. A
prediction is about the scenarios' models: the file itself may be more, and worse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from runner.check.answer import Prediction
from runner.domain import Outcome
from runner.publish.texts import CellTexts

BARE = "none"
FAILS = frozenset(
    map(
        str,
        (
            *(Outcome.LOAD_ERROR, Outcome.UNUSABLE, Outcome.CRASHED),
            *(Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY),
        ),
    )
)
MOST_NAMED = 3


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


def _predict(cells: list[Seen]) -> Prediction | None:
    """One failing scenario is enough: the file has that feature."""
    for expects, outcomes in (("fails", FAILS), ("differs", {str(Outcome.DIVERGED)})):
        bad = [each for each in cells if each.outcome in outcomes]
        if bad:
            scenarios = tuple(dict.fromkeys(each.scenario for each in bad))
            causes = tuple(dict.fromkeys(each.cause for each in bad if each.cause))
            words = ", ".join(scenarios[:MOST_NAMED])
            more = f" and {len(scenarios) - MOST_NAMED} more" if len(scenarios) > MOST_NAMED else ""
            return Prediction(
                expects=expects,
                words=f"{expects}, as {words}{more}",
                causes=causes,
                scenarios=scenarios,
                example=bad[0].id,
            )
    good = [each for each in cells if each.outcome == str(Outcome.EQUIVALENT)]
    if not good:
        return None
    scenarios = tuple(dict.fromkeys(each.scenario for each in good))
    return Prediction(
        expects="loads",
        words=f"loads, as {len(scenarios)} scenarios like it do",
        scenarios=scenarios,
        example=good[0].id,
    )
