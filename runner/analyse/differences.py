"""The differences of two runs: cells worse, better, different, or without a statement. Pure.

Input: the cells of two runs. Output: one kind of change for every cell of either, so that
the counts of all kinds add up to the cells there are, and a summary in Markdown.

A build of one's own is held against what stands for it in the earlier run, as the gate does it
(`line_up_builds`).

The page `compare.html` draws the same distinctions, from the same ranks, for files that
its reader drops on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from runner.domain import FACTS, ID_COLUMNS, OUTCOME_TABLE, UNJUDGED, Change, Outcome
from runner.domain.verdicts import CHANGE_STYLES, ChangeStyle
from runner.publish.columns import DETAIL_COLUMNS

SHOWN = 20
"""Cells of each kind that a summary names."""
NOT_IN_CODE = re.compile(r"[`|<\s]+")
"""Characters that could end a line of code, or a cell of a table, in Markdown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Every cell of either run with its change; before and after side by side."""

    table: pd.DataFrame
    """ID_COLUMNS, `change`, and `before_` and `after_` of each of DETAIL_COLUMNS."""
    counts: Mapping[Change, int]
    """Of every kind, zeros included: they add up to the rows of the table."""
    before: int
    after: int
    """How many cells each run has."""

    def rows(self, change: Change) -> pd.DataFrame:
        """Return the cells of one kind, in the order of the later run."""
        found: pd.DataFrame = self.table[self.table["change"] == str(change)]
        return found

    @property
    def differs(self) -> bool:
        """Whether anything at all is not the same."""
        return self.counts[Change.SAME] != len(self.table)


def compare_cells(before: pd.DataFrame, after: pd.DataFrame) -> Comparison:
    """Line up the cells of two runs by their ids and say what became of each."""
    columns = [*ID_COLUMNS, *DETAIL_COLUMNS]
    both = (
        _text(after[columns])
        .reset_index(names="place")
        .merge(
            _text(before[columns]).reset_index(names="place"),
            how="outer",
            on=list(ID_COLUMNS),
            suffixes=("_after", "_before"),
            indicator="side",
        )
        # The order of the later run, then cells of the earlier one alone: the same every time.
        .sort_values(["place_after", "place_before"], kind="stable", ignore_index=True)
    )
    table = pd.DataFrame({column: both[column] for column in ID_COLUMNS})
    for name in DETAIL_COLUMNS:
        table[f"before_{name}"] = both[f"{name}_before"].fillna("")
        table[f"after_{name}"] = both[f"{name}_after"].fillna("")
    table["change"] = _changes(table, both["side"].astype(str))
    numbers = table["change"].value_counts()
    return Comparison(
        table=table,
        counts={change: int(numbers.get(str(change), 0)) for change in Change},
        before=len(before),
        after=len(after),
    )


def line_up_builds(
    before: pd.DataFrame, after: pd.DataFrame, counterparts: Mapping[str, str]
) -> pd.DataFrame:
    """Return the earlier cells under the names of the builds that they stand for.

    A cell of an environment that stands for a build is there for each: under its own name, and
    under the build's. What the later run has is kept, and what it lacks though it measured that
    pair of environments. A cell that would be kept under no name keeps its own.
    """
    builds = {build: name for build, name in counterparts.items() if build != name}
    if not builds or before.empty:
        return before
    rows = before.assign(source=np.arange(len(before)), renamed=False)
    for end in ("writer", "reader"):
        copies = [_renamed(rows[rows[end] == name], end, build) for build, name in builds.items()]
        rows = pd.concat([rows, *copies], ignore_index=True)
    pairs = set(zip(after["writer"], after["reader"], strict=True))
    here = np.array(
        [pair in pairs for pair in zip(rows["writer"], rows["reader"], strict=True)], dtype=bool
    )
    standing = set(rows["source"][here & rows["renamed"]])
    alone = ~rows["renamed"] & ~rows["source"].isin(standing)
    kept: pd.DataFrame = rows[here | alone].drop(columns=["source", "renamed"])
    return kept


def _renamed(rows: pd.DataFrame, end: str, build: str) -> pd.DataFrame:
    found = rows.copy()
    found[end] = build
    found["renamed"] = True
    return found


def cell_id(row: Mapping[Any, Any]) -> str:
    """Write the id of a row's cell."""
    return "{scenario}/{format}/{writer}->{reader}/{remedy}".format_map(row)


def summarize(
    comparison: Comparison,
    *,
    before: str,
    after: str,
    counterparts: Mapping[str, str] | None = None,
    shown: int = SHOWN,
) -> str:
    """Write a Markdown summary for a pull request; `before` and `after` name the runs.

    `counterparts` are the builds of the later run, each with what it is held against.
    """
    counts = comparison.counts
    lines = [
        f"## Compatibility: {counts[Change.REGRESSED]:,} regressed, {counts[Change.FIXED]:,} fixed",
        "",
        f"{_code(before)}: {comparison.before:,} cells; {_code(after)}: {comparison.after:,} cells",
        "",
        *_held_against(counterparts or {}),
        "| | change | cells | |",
        "|---|---|--:|---|",
    ]
    for style in CHANGE_STYLES:
        number = counts[style.change]
        lines.append(f"| {style.symbol} | {style.label} | {number:,} | {style.explanation} |")
    lines.append(f"| | all | {len(comparison.table):,} | |")
    for style in CHANGE_STYLES[:3]:
        lines += _section(comparison.rows(style.change), style, shown)
    return "\n".join(lines) + "\n"


def _held_against(counterparts: Mapping[str, str]) -> Iterator[str]:
    for build, name in counterparts.items():
        yield from (f"{_code(build)} is held against {_code(name)}", "")


def describe_detail(row: Mapping[Any, Any], side: str) -> str:
    """Say what a cell was in one of the runs: symbol, words, the aspects that differ."""
    if not row[f"{side}_outcome"]:
        return ""
    style = FACTS[Outcome(row[f"{side}_outcome"])]
    aspects = str(row[f"{side}_aspects"]).replace(";", ", ")
    return f"{style.symbol} {style.label}{f': {aspects}' if aspects else ''}"


def _section(rows: pd.DataFrame, style: ChangeStyle, shown: int) -> Iterator[str]:
    if rows.empty:
        return
    yield from ("", f"### {style.symbol} {style.label.capitalize()}: {len(rows):,}", "")
    places = ", ".join(f"{part} {_commonest(rows[part])}" for part in ("reader", "scenario"))
    yield from (
        f"Most often: {places}.",
        "",
        "| cell | before | after | cause |",
        "|---|---|---|---|",
    )
    for row in rows.head(shown).to_dict("records"):
        cause = _code(row["after_cause"]) if row["after_cause"] else ""
        sides = f"{describe_detail(row, 'before')} | {describe_detail(row, 'after')}"
        yield f"| {_code(cell_id(row))} | {sides} | {cause} |"
    if len(rows) > shown:
        yield from ("", f"and {len(rows) - shown:,} more.")


def _commonest(column: pd.Series[Any]) -> str:
    numbers = column.value_counts()
    return f"{_code(str(numbers.index[0]))} ({numbers.iloc[0]:,})"


def _code(text: str) -> str:
    """Write text as code within a table."""
    return f"`{NOT_IN_CODE.sub(' ', str(text))}`"


def _changes(table: pd.DataFrame, side: pd.Series[str]) -> Any:
    """Return the kind of change of each row."""
    silent = {"", *map(str, UNJUDGED)}
    before, after = table["before_outcome"], table["after_outcome"]
    ranks = {str(row.outcome): row.rank for row in OUTCOME_TABLE if row.judged}
    equal = np.logical_and.reduce(
        [table[f"before_{name}"] == table[f"after_{name}"] for name in DETAIL_COLUMNS]
    )
    return np.select(
        [
            side == "left_only",
            side == "right_only",
            equal,
            before.isin(silent) & (before == after),
            before.isin(silent) | after.isin(silent),
            (before == after) & _more_aspects(table),
            before == after,
            after == Outcome.EQUIVALENT,
            after.map(ranks) > before.map(ranks),
        ],
        [
            Change.APPEARED,
            Change.VANISHED,
            Change.SAME,
            Change.SAME,
            Change.INFRASTRUCTURE,
            Change.REGRESSED,
            Change.CHANGED,
            Change.FIXED,
            Change.REGRESSED,
        ],
        default=Change.CHANGED,
    )


def _more_aspects(table: pd.DataFrame) -> Any:
    """Return the rows in which an aspect differs now and agreed before."""
    pairs = zip(table["before_aspects"], table["after_aspects"], strict=True)
    return np.array(
        [
            bool(after and after != before and set(after.split(";")) - set(before.split(";")))
            for before, after in pairs
        ],
        dtype=bool,
    )


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories of two runs do not go together: compare them as text."""
    return frame.astype(object).astype(str)
