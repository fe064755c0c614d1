"""The other ways of loading that nobody tried for a pair, and the nearest pair where some were.

Pure. Input: the table of cells, the record of the run and its rows of advice. Output: for each row
the remedies that exist for its pair and were not measured, and for a pair in which none was
measured another pair, with what came of the ways tried there: other versions, so no advice for
this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.domain import BARE, MEASURED, Help
from runner.domain.selector import matches_environment
from runner.publish.record import RemedyRecord, RunRecord

OTHER_CAUSE = 1_000_000
"""The distance of a pair that fails for another cause: farther than any of the same."""


def list_untried(advice: pd.DataFrame, cells: pd.DataFrame, run: RunRecord) -> list[str]:
    """Return for each row of advice the ids of remedies that apply and were not measured.

    They are joined by `;`, the cheapest first. A remedy that has a file made is no way for a pair
    where nothing was to be made: it is named only where no other was tried either.
    """
    tried = cells[(cells["remedy"].astype(str) != BARE) & cells["outcome"].isin(list(MEASURED))]
    ways: dict[tuple[str, ...], set[str]] = {}
    columns = ("scenario", "format", "writer", "reader", "remedy")
    for *pair, remedy in zip(*(tried[name].astype(str) for name in columns), strict=True):
        ways.setdefault(tuple(pair), set()).add(remedy)
    offers = _Offers(run)
    made = {each.id for each in run.remedies if each.made_by}
    return [
        ";".join(
            each
            for each in offers.of(*pair)
            if each not in ways.get(pair, ()) and not (each in made and pair in ways)
        )
        for pair in zip(*(advice[name].astype(str) for name in columns[:-1]), strict=True)
    ]


class _Offers:
    """The remedies of a run by the pairs that they exist for."""

    def __init__(self, run: RunRecord) -> None:
        self._remedies = sorted(run.remedies, key=lambda each: each.cost)
        self._scenarios = {each.id: each for each in run.scenarios}
        self._writes = {each.id: set(map(str, each.formats)) for each in run.environments}
        self._found: dict[tuple[str, str, str], tuple[RemedyRecord, ...]] = {}

    def of(self, scenario: str, format_: str, writer: str, reader: str) -> list[str]:
        """Return their ids, the cheapest first."""
        key = (scenario, format_, reader)
        if key not in self._found:
            self._found[key] = tuple(self._offered(*key))
        written = self._writes.get(writer, set())
        return [each.id for each in self._found[key] if each.sibling in written | {""}]

    def _offered(self, scenario: str, format_: str, reader: str) -> list[RemedyRecord]:
        declared = self._scenarios.get(scenario)
        if declared is None:
            return []
        formats = set(map(str, declared.formats))
        return [
            each
            for each in self._remedies
            if each.id in declared.remedies
            and format_ in map(str, each.formats)
            and each.sibling in formats | {""}
            and matches_environment(reader, each.environments)
        ]


def find_elsewhere(
    advice: pd.DataFrame, causes: npt.NDArray[Any], run: RunRecord
) -> dict[str, list[str]]:
    """Return for each row in which nothing was tried the nearest pair in which something was.

    `causes` are those of the rows' bare loads. The pair is of the same scenario and format, and if
    there is one of the same cause, of that. `other_advice` is what is advised there.
    """
    found = {name: [""] * len(advice) for name in ("other_writer", "other_reader", "other_advice")}
    place = {name: number for number, name in enumerate(run.environment_ids)}
    at = np.array(
        [[place[str(each)] for each in advice[name]] for name in ("writer", "reader")],
        dtype=np.int64,
    ).reshape(2, len(advice))
    untried = (advice["help"].astype(str) == str(Help.NOT_TRIED)).to_numpy()
    groups = advice.groupby(["scenario", "format"], sort=False, observed=True).ngroup().to_numpy()
    for group in np.unique(groups[untried]):
        rows = np.flatnonzero(groups == group)
        here, there = rows[untried[rows]], rows[~untried[rows]]
        if not len(here) or not len(there):
            continue
        steps = np.abs(at[:, here, None] - at[:, None, there])
        # Of two as near, the one with the same reader.
        away = 2 * steps.sum(axis=0) + (steps[1] > 0)
        away += OTHER_CAUSE * (causes[here, None] != causes[None, there])
        _note(found, here, advice, there[away.argmin(axis=1)])
    return found


def _note(
    found: Mapping[str, list[str]],
    rows: npt.NDArray[np.int64],
    advice: pd.DataFrame,
    others: npt.NDArray[np.int64],
) -> None:
    for name, column in (("writer", "writer"), ("reader", "reader"), ("advice", "advice")):
        values = advice[column].astype(str).to_numpy()[others]
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            found[f"other_{name}"][row] = value
