"""The ages of a run's cells: where each has its facts from, and when it was measured.

Input: the table of cells. Output: a number a cell, and the `Age` each number stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from runner.analyse.grids import Codes
from runner.domain import ORIGIN_TABLE, Origin, OriginFacts

RESOLUTIONS = (len("2026-01-02"), len("2026-01"), len("2026"))
"""Characters of a moment that tell ages apart: its day, its month, its year."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Age:
    """Where a cell has its facts from, and the day of its measurement."""

    moment: str
    """ISO 8601, by day, month or year; empty where it is not recorded."""
    origin: str
    frozen: bool = False
    """Whether it read a frozen artifact, of a writer that was not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgeSummary:
    """The ages of all cells of a run, in numbers."""

    counts: tuple[tuple[OriginFacts, int], ...]
    oldest: str
    """ISO 8601; empty where no cell says when it was measured."""
    newest: str
    undated: int
    """Cells that were measured, and do not say when."""


def code_ages(cells: pd.DataFrame, most: int) -> tuple[list[Age], Codes]:
    """Return the distinct ages, `most` of them or fewer, and the number of each cell's.

    Moments are told apart by day; by month or year where there would be too many.
    """
    origins, moments = pd.Categorical(cells["origin"]), pd.Categorical(cells["measured_at"])
    frozen = (cells["frozen"].astype(object) != "").to_numpy(dtype=np.int64)
    many = len(moments.categories)
    keys, codes = np.unique(
        2 * (origins.codes.astype(np.int64) * many + moments.codes) + frozen, return_inverse=True
    )
    exact = [
        Age(
            origin=str(origins.categories[key // 2 // many]),
            moment=str(moments.categories[key // 2 % many]),
            frozen=bool(key % 2),
        )
        for key in keys.tolist()
    ]
    for length in RESOLUTIONS:
        short = [replace(each, moment=each.moment[:length]) for each in exact]
        ages = sorted(set(short))
        if len(ages) <= most:
            break
    place = np.array([ages.index(each) for each in short], dtype=np.int64)
    return ages, place[codes.reshape(-1)] if len(place) else codes.reshape(-1)


def summarize_ages(cells: pd.DataFrame) -> AgeSummary:
    """Count the origins of cells, and find the oldest and the newest moment."""
    numbers = cells["origin"].value_counts().to_dict()
    measured = cells["origin"].astype(object) != str(Origin.NONE)
    moments = sorted({str(each) for each in cells["measured_at"].unique()} - {""})
    return AgeSummary(
        counts=tuple(
            (facts, int(number))
            for facts in ORIGIN_TABLE
            if (number := numbers.get(str(facts.origin), 0))
        ),
        oldest=moments[0] if moments else "",
        newest=moments[-1] if moments else "",
        undated=int((measured & (cells["measured_at"].astype(object) == "")).sum()),
    )
