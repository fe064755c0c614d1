"""Sets of aspects as bits: what a scenario asks for, and what of it failed in a cell. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.analyse.grids import Codes
from runner.domain import Aspect, Impact, Outcome
from runner.publish.record import RunRecord

ALL_ASPECTS = (1 << len(Aspect)) - 1
"""Sets of aspects are bits, in the order of `Aspect`."""


def failed_aspects(cells: pd.DataFrame, asked: Codes) -> Codes:
    """Return as bits what failed in each row; `asked` is what its scenario asks for, as bits.

    Where nothing came back, all of it.
    """
    outcome = cells["outcome"].astype(object).to_numpy()
    trained = cells["impact"].astype(object).to_numpy() == str(Impact.TRAINING)
    differing = _each(aspect_bits, cells["aspects"])
    unusable = np.where(trained, bits_of([Aspect.TRAINING_STEP]), bits_of([Aspect.OUTPUTS]))
    return np.select(
        [outcome == str(Outcome.DIVERGED), outcome == str(Outcome.UNUSABLE)],
        [differing, unusable],
        default=asked,
    )


def asked_bits(run: RunRecord) -> dict[tuple[str, str], int]:
    """Return what each scenario asks for in each format, as bits."""
    return {
        (scenario.id, str(format_)): bits_of(scenario.aspects) & bits_of(carried)
        for scenario in run.scenarios
        for format_, carried in run.formats.items()
    }


def aspect_bits(text: str) -> int:
    """Return the aspects of `outputs;weights` as bits."""
    return bits_of(Aspect(name) for name in text.split(";") if name)


def bits_of(aspects: Any) -> int:
    """Return a set of aspects as bits."""
    order = list(Aspect)
    return sum(1 << order.index(each) for each in set(aspects))


def join_aspects(bits: int) -> str:
    """Return the aspects of bits as `outputs;weights`."""
    return ";".join(each for place, each in enumerate(Aspect) if bits >> place & 1)


def number_values(column: pd.Series[Any]) -> tuple[Codes, list[str]]:
    """Return for each row the number of its value, and the values as text."""
    codes, values = pd.factorize(column)
    return codes.astype(np.int64), [str(each) for each in values]


def _each(function: Any, column: pd.Series[Any]) -> npt.NDArray[np.int64]:
    codes, values = number_values(column)
    return np.array([function(value) for value in values], dtype=np.int64)[codes]
