"""The cells of a run as integer codes, and the counts and writer x reader matrices made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.domain import BARE, ID_COLUMNS, OUTCOME_TABLE, Family, Outcome
from runner.domain.errors import StoreError
from runner.publish.reading import PublishedRun

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

OUTCOMES = tuple(Outcome)
EQUIVALENT = OUTCOMES.index(Outcome.EQUIVALENT)
DIVERGED = OUTCOMES.index(Outcome.DIVERGED)
NOT_RUN = OUTCOMES.index(Outcome.NOT_RUN)
UNUSABLE = OUTCOMES.index(Outcome.UNUSABLE)
UNSUPPORTED = OUTCOMES.index(Outcome.UNSUPPORTED)
BLANK = -1
COMPATIBILITY, SCENARIO, DAMAGE, UNKNOWN = range(4)
"""What a cell says something about: two versions (its writer gets the same model from its own
file, loaded the same way); the scenario (it does not); a file that was damaged on purpose; or
nobody knows, as it was not measured whether the writer does."""
MEASURED = np.array([style.measured for style in OUTCOME_TABLE])
"""By outcome code: whether anything was tried, so that a share can be stated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coded:
    """The cells of a run as one integer array for each identifier and for the outcome."""

    scenarios: tuple[str, ...]
    formats: tuple[str, ...]
    environments: tuple[str, ...]
    families: tuple[Family, ...]
    """Family of each environment."""
    remedies: tuple[str, ...]
    scenario: Codes
    format: Codes
    writer: Codes
    reader: Codes
    remedy: Codes
    outcome: Codes
    observation: Codes = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Row of each cell's observation; -1 where it has none."""

    def keys(self, remedy: int | None = None) -> Codes:
        """One number a cell, the same for all remedies of a load when `remedy` is given."""
        chosen = self.remedy if remedy is None else np.full_like(self.remedy, remedy)
        key = self.scenario
        for part, size in (
            (self.format, len(self.formats)),
            (self.writer, len(self.environments)),
            (self.reader, len(self.environments)),
            (chosen, len(self.remedies)),
        ):
            key = key * size + part
        return key


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """How many cells had one outcome."""

    symbol: str
    label: str
    css: str
    number: int


def code_cells(data: PublishedRun) -> Coded:
    """Replace every identifier by its place in run.json."""
    run = data.run
    ids = {
        "scenario": tuple(each.id for each in run.scenarios),
        "format": tuple(map(str, run.formats)),
        "writer": run.environment_ids,
        "reader": run.environment_ids,
        "remedy": tuple(each.id for each in run.remedies),
    }
    codes = {column: code_column(data.cells[column], ids[column]) for column in ID_COLUMNS}
    coded = Coded(
        scenarios=ids["scenario"],
        formats=ids["format"],
        environments=ids["writer"],
        families=tuple(each.family for each in run.environments),
        remedies=ids["remedy"],
        outcome=code_column(data.cells["outcome"], tuple(str(each) for each in OUTCOMES)),
        **codes,
    )
    return replace(coded, observation=_find_observations(coded, data.observations))


def _find_observations(coded: Coded, observations: pd.DataFrame) -> Codes:
    """Find the row of each cell's observation; -1 where it has none."""
    ids = {
        "scenario": coded.scenarios,
        "format": coded.formats,
        "writer": coded.environments,
        "reader": coded.environments,
        "remedy": coded.remedies,
    }
    keys = np.zeros(len(observations), dtype=np.int64)
    for column in ID_COLUMNS:
        keys = keys * len(ids[column]) + code_column(observations[column], ids[column])
    return pd.Index(keys).get_indexer(pd.Index(coded.keys())).astype(np.int64)


def code_column(column: pd.Series[Any], ids: Sequence[str]) -> Codes:
    """Find the place of each value in `ids`."""
    # Few values stand for many rows: only they are looked up.
    values = pd.Categorical(column)
    place = {name: number for number, name in enumerate(ids)}
    known = np.array([*(place.get(each, BLANK) for each in values.categories), BLANK])
    codes: Codes = known[values.codes].astype(np.int64)
    if (codes < 0).any():
        unknown = sorted(set(column[codes < 0].astype(str)))
        raise StoreError(
            f"cells.parquet names a {column.name} that run.json does not: {', '.join(unknown[:5])}",
            cause="the files come from different runs",
            next_step="run `nox -s matrix` again, which writes the data anew",
        )
    return codes


def tell_apart(data: PublishedRun, coded: Coded) -> Codes:
    """Return what each cell says something about: COMPATIBILITY, SCENARIO, DAMAGE or UNKNOWN."""
    damaged = np.array([bool(each.damage) for each in data.run.scenarios], dtype=bool)
    baseline = data.cells["baseline"].astype(object).to_numpy()
    about: Codes = np.select(
        [
            damaged[coded.scenario] if len(damaged) else np.zeros(len(baseline), dtype=bool),
            baseline == str(Outcome.EQUIVALENT),
            baseline != "",
        ],
        [DAMAGE, COMPATIBILITY, SCENARIO],
        default=UNKNOWN,
    )
    return about


def bare_loads(coded: Coded) -> Mask:
    """Return which cells are bare loads."""
    if BARE not in coded.remedies:
        return np.zeros(len(coded.remedy), dtype=bool)
    return np.asarray(coded.remedy == coded.remedies.index(BARE))


def tally(outcomes: Codes) -> list[Count]:
    """Count outcome codes, in the order of the legend, without zeros."""
    numbers = np.bincount(outcomes, minlength=len(OUTCOMES))
    return [
        Count(symbol=style.symbol, label=style.label, css=style.css, number=int(number))
        for style, number in zip(OUTCOME_TABLE, numbers, strict=True)
        if number
    ]


def outcome_matrix(coded: Coded, rows: Codes) -> Codes:
    """Writer x reader matrix of outcome codes for the chosen rows; -1 where there is no cell."""
    size = len(coded.environments)
    matrix = np.full((size, size), BLANK, dtype=np.int64)
    matrix[coded.writer[rows], coded.reader[rows]] = coded.outcome[rows]
    return matrix


def best_remedies(coded: Coded, rows: Codes) -> list[tuple[int, int]]:
    """Return the remedies that help where the bare load does not do, cheapest first.

    With each: for how many pairs it is the cheapest that was measured to work. Remedies are
    declared cheapest first.
    """
    if BARE not in coded.remedies:
        return []
    size = len(coded.environments)
    bare = outcome_matrix(coded, rows[coded.remedy[rows] == coded.remedies.index(BARE)])
    best = np.full((size, size), BLANK, dtype=np.int64)
    for remedy in reversed(range(len(coded.remedies))):
        good = rows[(coded.remedy[rows] == remedy) & (coded.outcome[rows] == EQUIVALENT)]
        best[coded.writer[good], coded.reader[good]] = remedy
    remedied = (best != BLANK) & (bare != EQUIVALENT) & (bare != BLANK)
    numbers = np.bincount(best[remedied], minlength=len(coded.remedies)).tolist()
    return [(remedy, count) for remedy, count in enumerate(numbers) if count]
