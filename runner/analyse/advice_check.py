"""Each row of advice, held against the cells once more. Pure.

Input: the advice, the cells and the record of a run. Output: a `Checked` for each kind of
statement, with the rows it is wrong in. It joins tables where `runner.analyse.advice` counts in
arrays: a fault of one is not a fault of the other. What is said is true of any part of a run,
so that it is checked in every one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from runner.analyse.grids import Codes, Mask
from runner.domain import BARE, FAILED, MEASURED, Aspect, Help, Impact, Outcome
from runner.publish.record import RunRecord

SHOWN = 5
"""Wrong rows that are named."""
PAIR = ["scenario", "format", "writer", "reader"]
FILE = ["scenario", "format", "writer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What the cells say of one kind of statement."""

    name: str
    says: str
    of: int
    """Rows that state it."""
    wrong: tuple[str, ...]
    """Pairs in which it is not so, `scenario/format/writer->reader`."""

    @property
    def examples(self) -> tuple[str, ...]:
        """The first that are wrong."""
        return self.wrong[:SHOWN]


def check_advice(advice: pd.DataFrame, cells: pd.DataFrame, run: RunRecord) -> list[Checked]:
    """Hold every statement of every row against the cells."""
    known = _Known(advice, cells, run)
    return [
        *known.rows(),
        *known.remedies(),
        *known.steps(),
        *known.untried(),
        *known.crashes(),
        *known.neighbours(),
    ]


class _Known:
    def __init__(self, advice: pd.DataFrame, cells: pd.DataFrame, run: RunRecord) -> None:
        names = ["outcome", "remedy", "cause", "aspects", "impact", "artifact_sha256", "steps"]
        self._cells = _text(cells[[*PAIR, *names]])
        # A table without rows has columns of any type.
        numbers = {"tried", "crashed", "crash_tried"}
        self._advice = advice.astype(
            {name: np.int64 if name in numbers else object for name in advice.columns}
        )
        self._run = run
        self._bare = self._cells[self._cells["remedy"] == BARE]
        other = self._cells[self._cells["remedy"] != BARE]
        self._tried = other[other["outcome"].isin([str(each) for each in MEASURED])]
        self._gives_up = {each.id: frozenset(each.gives_up) for each in run.remedies}
        self._asked = {
            (scenario.id, str(name)): frozenset(scenario.aspects) & frozenset(carried)
            for scenario in run.scenarios
            for name, carried in run.formats.items()
        }

    def rows(self) -> Iterator[Checked]:
        """Each load that needs advice has one row, and no other has."""
        failed = self._bare["outcome"].isin([str(each) for each in FAILED])
        unread = self._bare["outcome"] == str(Outcome.UNSUPPORTED)
        needed = self._bare[failed | (unread & (self._bare["artifact_sha256"] != ""))]
        both = needed[[*PAIR, "outcome"]].merge(
            self._advice[[*PAIR, "outcome"]], on=PAIR, how="outer", indicator=True
        )
        wrong = (both["_merge"] != "both") | (both["outcome_x"] != both["outcome_y"])
        says = "each load that needs advice has one row, and no other has"
        wrong |= both.duplicated(PAIR)
        yield _checked("rows", says, both, wrong)

    def remedies(self) -> Iterator[Checked]:
        """What is advised works, restores what it says, and is the first to do so."""
        rows = self._advice_with_remedies()
        helps = rows["help"].astype(str)
        advised = helps.isin([str(Help.RESTORED), str(Help.GIVEN_UP)])
        yield _checked(
            "works",
            "what is advised gave the same model",
            rows[advised],
            ~(rows.loc[advised, "works"].astype(bool)),
        )
        yield _checked(
            "without",
            "what a remedy does not bring back is said",
            rows[advised],
            rows.loc[advised, "lost"] != rows.loc[advised, "without"].astype(str),
        )
        is_restored = helps == str(Help.RESTORED)
        yield _checked(
            "restored",
            "what is said to be restored is not given up",
            rows[is_restored],
            rows.loc[is_restored, "gives_up"].astype(bool),
        )
        gives_up = helps == str(Help.GIVEN_UP)
        yield _checked(
            "given_up",
            "a remedy that gives up what failed is advised only where none restores it",
            rows[gives_up],
            ~rows.loc[gives_up, "gives_up"].astype(bool) | (rows.loc[gives_up, "whole"] > 0),
        )
        none = helps == str(Help.NONE_OF_TRIED)
        yield _checked(
            "none_of_tried",
            "where none is said to work, some were tried and none gave the same model",
            rows[none],
            (rows.loc[none, "size"] == 0) | (rows.loc[none, "sum"] > 0),
        )
        untried = helps == str(Help.NOT_TRIED)
        yield _checked(
            "not_tried",
            "where none is said to be tried, none was",
            rows[untried],
            rows.loc[untried, "size"] > 0,
        )
        yield _checked("tried", "so many were tried", rows, rows["size"] != rows["tried"])

    def steps(self) -> Iterator[Checked]:
        """The steps of what is advised are those that were measured."""
        rows = self._advice.merge(
            self._cells[[*PAIR, "remedy", "steps"]],
            left_on=[*PAIR, "advice"],
            right_on=[*PAIR, "remedy"],
            how="left",
            suffixes=("", "_measured"),
        )
        wrong = rows["steps"].astype(str) != rows["steps_measured"].fillna("").astype(str)
        says = "the steps of what is advised are those of its cell"
        yield _checked("steps", says, rows, wrong)

    def untried(self) -> Iterator[Checked]:
        """What is said not to be tried was not, and what is told of another pair is so there."""
        named = self._advice[[*PAIR, "untried"]].copy()
        named["remedy"] = named["untried"].astype(str).str.split(";")
        named = named.explode("remedy")
        both = named.merge(
            self._tried[[*PAIR, "remedy"]], on=[*PAIR, "remedy"], how="left", indicator=True
        )
        says = "a remedy that is said not to be tried was not measured"
        yield _checked("untried", says, both, both["_merge"] == "both")
        other = self._advice[self._advice["other_writer"].astype(str) != ""]
        there = self._advice[[*PAIR, "advice", "tried"]].rename(
            columns={
                "writer": "other_writer",
                "reader": "other_reader",
                "advice": "advice_there",
                "tried": "tried_there",
            }
        )
        on = ["scenario", "format", "other_writer", "other_reader"]
        rows = other.merge(there, on=on, how="left")
        wrong = (
            (rows["help"].astype(str) != str(Help.NOT_TRIED))
            | ~(rows["tried_there"].fillna(0) > 0)
            | (rows["advice_there"].astype(str) != rows["other_advice"].astype(str))
        )
        yield _checked(
            "elsewhere",
            "in the other pair that is named ways were tried, and that came of them",
            rows,
            wrong,
        )

    def _advice_with_remedies(self) -> pd.DataFrame:
        """Return the advice with the remedies that were tried for each load.

        `size` were tried, `sum` of them gave the same model, `whole` of these without giving up
        what had failed; `works`, `lost` and `gives_up` are of the one that is advised.
        """
        tried = self._tried.merge(self._advice, on=PAIR, suffixes=("", "_advised"))
        tried["works"] = tried["outcome"] == str(Outcome.EQUIVALENT)
        bare = self._bare[[*PAIR, "aspects", "impact"]]
        tried = tried.merge(bare, on=PAIR, suffixes=("", "_bare"))
        lost, needed = [], []
        columns = ("remedy", "scenario", "format", "outcome_advised", "aspects_bare", "impact_bare")
        for row in zip(*(tried[name] for name in columns), strict=True):
            without, missing = self._losses(*row)
            lost.append(";".join(each for each in Aspect if each in without))
            needed.append(bool(missing))
        tried["lost"], tried["gives_up"] = lost, np.array(needed, dtype=bool)
        counted = tried.groupby(PAIR)["works"].agg(["size", "sum"])
        whole = tried[tried["works"] & ~tried["gives_up"]].groupby(PAIR).size()
        rows = self._advice.merge(counted.reset_index(), on=PAIR, how="left")
        rows = rows.merge(whole.rename("whole").reset_index(), on=PAIR, how="left").fillna(
            {"size": 0, "sum": 0, "whole": 0}
        )
        used = tried[tried["remedy"] == tried["advice"]]
        return rows.merge(used[[*PAIR, "works", "lost", "gives_up"]], on=PAIR, how="left").fillna(
            {"works": False, "lost": "", "gives_up": False}
        )

    def _losses(
        self, remedy: str, scenario: str, format_: str, outcome: str, aspects: str, impact: str
    ) -> tuple[frozenset[Aspect], frozenset[Aspect]]:
        """Return what a remedy does not bring back, and which of it had failed."""
        asked = self._asked.get((scenario, format_), frozenset(Aspect))
        lost = self._gives_up[remedy] & asked
        if outcome == Outcome.DIVERGED:
            failed = frozenset(Aspect(name) for name in aspects.split(";") if name)
        elif outcome == Outcome.UNUSABLE:
            trains = impact == Impact.TRAINING
            failed = frozenset({Aspect.TRAINING_STEP if trains else Aspect.OUTPUTS})
        else:
            failed = asked
        return lost, lost & failed

    def crashes(self) -> Iterator[Checked]:
        """How often a remedy killed the process where the cause was the same."""
        named = self._advice[PAIR].merge(self._bare[[*PAIR, "cause"]], on=PAIR)
        tried = self._tried[[*PAIR, "remedy", "outcome"]].merge(named, on=PAIR)
        crashed = tried["outcome"] == str(Outcome.CRASHED)
        counts = crashed.groupby([tried["cause"], tried["remedy"]]).agg(["size", "sum"])
        counts.index.names = ["cause", "advice"]
        rows = self._advice.merge(named.astype(object), on=PAIR).merge(
            counts.reset_index().astype({"cause": object, "advice": object}),
            on=["cause", "advice"],
            how="left",
        )
        rows = rows.fillna({"size": 0, "sum": 0})
        wrong = (rows["sum"] != rows["crashed"]) | (rows["size"] != rows["crash_tried"])
        yield _checked("crashes", "a remedy killed the process so often", rows, wrong)

    def neighbours(self) -> Iterator[Checked]:
        """Who is named reads the file, and nobody nearer does."""
        works = self._cells[self._cells["outcome"] == str(Outcome.EQUIVALENT)]
        plain = works.loc[works["remedy"] == BARE, PAIR]
        days = {each.id: each.first_released.toordinal() for each in self._run.environments}
        order = {name: place for place, name in enumerate(self._run.environment_ids)}
        yield from self._check_nearest("nearest", plain, "reader", FILE, (days, order), 0)
        yield from self._check_nearest("nearest_older", plain, "reader", FILE, (days, order), -1)
        yield from self._check_nearest("nearest_newer", plain, "reader", FILE, (days, order), 1)
        same_reader = ["scenario", "format", "reader"]
        yield from self._check_nearest(
            "nearest_writer", plain, "writer", same_reader, (days, order), 0
        )
        rows = self._advice.loc[
            ~self._advice["nearest_way"].isin(["", BARE]), [*PAIR, "nearest", "nearest_way"]
        ]
        named = rows.merge(
            works.rename(columns={"reader": "nearest", "remedy": "nearest_way"})[
                [*FILE, "nearest", "nearest_way"]
            ],
            on=[*FILE, "nearest", "nearest_way"],
            how="left",
            indicator=True,
        )
        yield _checked(
            "nearest_way",
            "the way in which the nearest reads it works there",
            named,
            named["_merge"] != "both",
        )

    def _check_nearest(
        self,
        column: str,
        plain: pd.DataFrame,
        role: str,
        shared: list[str],
        when: tuple[dict[str, int], dict[str, int]],
        direction: int,
    ) -> Iterator[Checked]:
        """Hold one column against all who read the file and lie in its direction."""
        rows = self._advice[[*PAIR, column, "nearest_way"]].copy()
        if column == "nearest":
            # Where nobody reads it bare, the column names who reads it otherwise.
            rows[column] = rows[column].where(rows["nearest_way"] == BARE, "")
        able = plain.rename(columns={role: "other"})[[*shared, "other"]]
        pairs = rows[PAIR].merge(able, on=shared)
        apart, steps = (
            _numbers(pairs["other"], numbers) - _numbers(pairs[role], numbers) for numbers in when
        )
        side = np.sign(np.where(apart != 0, apart, steps))
        if direction:
            chosen: Mask = side == direction
            pairs, apart, steps, side = pairs[chosen], apart[chosen], steps[chosen], side[chosen]
        # Of two as near by day the newer, of two of one day the nearer in the run's order.
        pairs = pairs.assign(
            apart=np.abs(apart), older=apart < 0, steps=np.abs(steps), behind=side < 0
        ).sort_values(["apart", "older", "steps", "behind"], kind="stable")
        first = pairs.drop_duplicates(PAIR)[[*PAIR, "other"]]
        rows = rows.merge(first, on=PAIR, how="left").fillna({"other": ""})
        what = {-1: "nearest older", 0: "nearest", 1: "nearest newer"}[direction]
        says = f"the {what} {role} that is named gets the same model, and none is nearer"
        yield _checked(column, says, rows, rows["other"] != rows[column])


def _checked(name: str, says: str, rows: pd.DataFrame, wrong: Any) -> Checked:
    bad = rows[np.asarray(wrong, dtype=bool)][PAIR].astype(str)
    return Checked(
        name=name,
        says=says,
        of=len(rows),
        wrong=tuple(
            f"{scenario}/{format_}/{writer}->{reader}"
            for scenario, format_, writer, reader in bad.itertuples(index=False)
        ),
    )


def _numbers(column: pd.Series[Any], numbers: Mapping[str, int]) -> Codes:
    codes, values = pd.factorize(column)
    return np.array([*(numbers[str(name)] for name in values), 0], dtype=np.int64)[codes]


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).fillna("").astype(str)
