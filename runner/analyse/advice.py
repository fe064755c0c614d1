"""The advice for each bare load that is not equivalent, from measurements alone.

Pure. Input: the table of cells and the record of the run. Output: one row a pair that needs
advice: the remedy to use, whether it restores what failed or gives that up, how often it
killed the process where the cause was the same; and the nearest environments that read the
file. `runner.analyse.advice_check` holds each row against the cells again.

Nothing is inferred from a neighbouring version: what was not measured is not advised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from runner.analyse.aspects import (
    ALL_ASPECTS,
    asked_bits,
    bits_of,
    failed_aspects,
    join_aspects,
    number_values,
)
from runner.analyse.attribution import attribute_failures
from runner.analyse.grids import Codes, Mask
from runner.analyse.hop_reasons import explain_no_hop
from runner.analyse.untried import find_elsewhere, list_untried
from runner.domain import BARE, FAILED, MEASURED, Aspect, Help, Outcome
from runner.domain.hops import describe_hops
from runner.domain.scenarios import ASPECT_WORDS
from runner.publish.columns import AdviceRow, column_names
from runner.publish.reading import PublishedRun
from runner.publish.record import RunRecord
from runner.publish.tables import number_rows

PAIR_COLUMNS = ("scenario", "format", "writer", "reader")
ADVICE_COLUMNS = column_names(AdviceRow)
_NONE = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """What to tell the person who has one file and one reader."""

    scenario: str
    format: str
    writer: str
    reader: str
    outcome: str
    remedy: str
    """Id of the remedy to use, `none_of_tried` or `not_tried`; `none` if the bare load works."""
    help: str
    """A `Help`; empty if none is needed."""
    title: str
    code: str
    without: tuple[Aspect, ...]
    """What the scenario asks for and the remedy does not bring back."""
    steps: tuple[str, ...]
    """How the file that the remedy loads was made: of `hop` its chain."""
    hops: bool
    """Whether the steps are a chain of hops."""
    tried: int
    untried: tuple[str, ...]
    """Remedies that exist for the pair and were not measured in it."""
    crashed: int
    """Of `crash_tried` pairs with the same cause, in how many the remedy killed the process."""
    crash_tried: int
    nearest: str
    """The environment nearest to the reader that reads this file; empty if none does."""
    nearest_way: str
    """How it reads it: `none`, or the id of a remedy."""
    nearest_older: str
    nearest_newer: str
    """The nearest older and newer reader of this file by a bare load."""
    nearest_writer: str
    """The environment nearest to the writer whose file this reader reads bare."""
    other_writer: str
    """Of `not_tried`: the nearest pair in which other ways were tried; empty if there is none."""
    other_reader: str
    other_advice: str
    """What is advised there: the id of a remedy, or `none_of_tried`."""
    no_hop: str
    """Which part of a chain of hops is missing; empty if one was tried or nothing is known."""


def build_advice(cells: pd.DataFrame, run: RunRecord) -> pd.DataFrame:
    """Return one row, with ADVICE_COLUMNS, for each bare load that is not equivalent.

    Left out are those that never had a file to read or never ran, but not files whose
    format the reader does not have: another way of loading may.
    """
    table = _Table(cells, run)
    rows = np.flatnonzero(table.bare & _needs_advice(cells))
    best = table.best_remedies(rows)
    advice = cells.iloc[rows][[*PAIR_COLUMNS, "outcome"]].astype(str).reset_index(drop=True)
    advice["advice"] = [*map(table.advice_word, best.remedy.tolist(), best.tried.tolist())]
    advice["help"] = [
        *map(_help_word, best.remedy.tolist(), best.tried.tolist(), best.gives_up.tolist())
    ]
    advice["without"] = [*map(join_aspects, best.without.tolist())]
    for column in ("tried", "crashed", "crash_tried"):
        advice[column] = getattr(best, column)
    for column, names in table.nearest(rows).items():
        advice[column] = names
    advice["untried"] = list_untried(advice, cells, run)
    causes = cells["cause"].astype(object).to_numpy()[rows]
    for column, names in find_elsewhere(advice, causes, run).items():
        advice[column] = names
    advice["steps"] = list_steps(advice, cells)
    advice["attribution"] = attribute_failures(cells).to_numpy()[rows]
    return advice[list(ADVICE_COLUMNS)]


def advise(data: PublishedRun, pair: Mapping[str, str]) -> Advice | None:
    """Return what a published run advises for one pair; None if it is not in the run."""
    advice = build_advice(data.cells, data.run) if data.advice is None else data.advice
    return advise_pair(advice, data.cells, data.run, pair)


def advise_pair(
    advice: pd.DataFrame, cells: pd.DataFrame, run: RunRecord, pair: Mapping[str, str]
) -> Advice | None:
    """Return the advice for one pair (`pair` names PAIR_COLUMNS); None if it is not in the run."""
    wanted = {column: pair[column] for column in PAIR_COLUMNS}
    rows = _matching(advice, wanted)
    if len(rows):
        row = {str(key): rows.iloc[0][key] for key in rows.columns}
        if row["help"] in {Help.NONE_OF_TRIED, Help.NOT_TRIED}:
            row["no_hop"] = explain_no_hop(cells, run, wanted)
        return _advice(wanted, run, row)
    bare = _matching(cells, {**wanted, "remedy": BARE})
    if not len(bare):
        return None
    outcome = str(bare.iloc[0]["outcome"])
    remedy = BARE if outcome == Outcome.EQUIVALENT else str(Help.NOT_TRIED)
    return _advice(wanted, run, {"outcome": outcome, "advice": remedy})


def describe_advice(advice: Advice) -> list[str]:
    """Return the advice in lines of text."""
    if advice.remedy == BARE:
        return ["advice: the bare load works, and everything compared agrees"]
    if advice.outcome not in MEASURED | {Outcome.UNSUPPORTED}:
        return [f"advice: none, as nothing was loaded ({advice.outcome})"]
    lines = [f"bare load: {advice.outcome}"]
    if advice.help == Help.NONE_OF_TRIED:
        lines.append(f"advice: none of the {advice.tried} other ways tried worked for this pair")
        if advice.untried:
            lines.append(f"  not tried: {', '.join(advice.untried)}")
    elif advice.help == Help.NOT_TRIED:
        lines += _not_tried(advice)
    else:
        lines.append(f"advice: {advice.remedy}: {advice.title} ({_told(advice)})")
        if advice.hops:
            lines.append(f"  {describe_hops(advice.steps, advice.reader)}")
        elif advice.steps:
            lines.append(f"  edits: {', '.join(advice.steps)}")
        lines.append(f"  {_shown(advice.code)}")
        if advice.crashed:
            lines.append(
                f"  warning: it ended the process in {advice.crashed} of {advice.crash_tried} "
                "pairs that fail for the same cause"
            )
    if advice.no_hop:
        lines.append(f"no way through another environment was tried: {advice.no_hop}")
    lines += _where(advice)
    return lines


def _not_tried(advice: Advice) -> list[str]:
    """Say that nothing is known of this pair, and of which pair something is."""
    lines = ["advice: not tried: no other way of loading was measured for this pair"]
    if advice.untried:
        lines.append(f"  there are: {', '.join(advice.untried)}")
    if not advice.other_writer:
        return lines
    other = f"{advice.other_writer} -> {advice.other_reader}"
    came = (
        "none of those tried worked there"
        if advice.other_advice == Help.NONE_OF_TRIED
        else f"{advice.other_advice} worked there"
    )
    lines.append(f"  another pair, the nearest in which it was measured: {other}: {came}")
    return lines


def _told(advice: Advice) -> str:
    """Say what of the model the remedy brings back."""
    if not advice.without:
        return "measured for this pair: the same model"
    lost = name_aspects(advice.without)
    if advice.help == Help.GIVEN_UP:
        return f"measured for this pair: it loads, without {lost}"
    return f"measured for this pair: what failed is right; without {lost}"


def name_aspects(aspects: Sequence[Aspect]) -> str:
    """Name aspects as a sentence does: `the optimizer's state, training on as before`."""
    return ", ".join(ASPECT_WORDS[each] for each in aspects)


def _where(advice: Advice) -> list[str]:
    way = "bare" if advice.nearest_way in {"", BARE} else f"with {advice.nearest_way}"
    lines = [f"nearest environment that reads it {way}: {advice.nearest or 'none'}"]
    for word, name in (("older", advice.nearest_older), ("newer", advice.nearest_newer)):
        if name and name != advice.nearest:
            lines.append(f"nearest {word} one that reads it bare: {name}")
    if advice.nearest_writer:
        lines.append(
            f"nearest writer whose file {advice.reader} reads bare: {advice.nearest_writer}"
        )
    return lines


def _shown(code: str) -> str:
    """Write the code as a person would: the braces of the declaration are doubled."""
    return code.replace("{path}", "path").replace("{{", "{").replace("}}", "}")


def _advice(pair: Mapping[str, str], run: RunRecord, row: Mapping[str, Any]) -> Advice:
    remedy = next((each for each in run.remedies if each.id == str(row["advice"])), None)
    return Advice(
        scenario=pair["scenario"],
        format=pair["format"],
        writer=pair["writer"],
        reader=pair["reader"],
        outcome=str(row["outcome"]),
        remedy=str(row["advice"]),
        title=remedy.title if remedy else "",
        code=remedy.code if remedy else "",
        without=tuple(Aspect(name) for name in str(row.get("without", "")).split(";") if name),
        help=str(row.get("help", "")),
        steps=tuple(name for name in str(row.get("steps", "")).split(";") if name),
        hops=remedy is not None and remedy.made_by == "hop",
        tried=int(row.get("tried", 0)),
        untried=tuple(name for name in str(row.get("untried", "")).split(";") if name),
        crashed=int(row.get("crashed", 0)),
        crash_tried=int(row.get("crash_tried", 0)),
        nearest=str(row.get("nearest", "")),
        nearest_way=str(row.get("nearest_way", "")),
        nearest_older=str(row.get("nearest_older", "")),
        nearest_newer=str(row.get("nearest_newer", "")),
        nearest_writer=str(row.get("nearest_writer", "")),
        other_writer=str(row.get("other_writer", "")),
        other_reader=str(row.get("other_reader", "")),
        other_advice=str(row.get("other_advice", "")),
        no_hop=str(row.get("no_hop", "")),
    )


def list_steps(advice: pd.DataFrame, cells: pd.DataFrame) -> list[str]:
    """Return for each row of advice the steps of the remedy advised, as its cell has them."""
    some = cells[cells["steps"].astype(str) != ""]
    names = (*PAIR_COLUMNS, "remedy")
    steps = {
        tuple(row): text
        for *row, text in zip(
            *(some[name].astype(str) for name in names), some["steps"].astype(str), strict=True
        )
    }
    return [
        steps.get(row, "")
        for row in zip(
            *(advice[name].astype(str) for name in (*PAIR_COLUMNS, "advice")), strict=True
        )
    ]


def _needs_advice(cells: pd.DataFrame) -> Mask:
    outcome = cells["outcome"].astype(object)
    unread = (outcome == str(Outcome.UNSUPPORTED)) & (cells["artifact_sha256"].astype(object) != "")
    return np.asarray(outcome.isin([str(each) for each in FAILED]) | unread)


def _help_word(remedy: int, tried: int, gives_up: int) -> str:
    if remedy != _NONE:
        return str(Help.GIVEN_UP if gives_up else Help.RESTORED)
    return str(Help.NONE_OF_TRIED if tried else Help.NOT_TRIED)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Best:
    """For each row: the remedy to use and what is said of it."""

    remedy: Codes
    gives_up: Codes
    """What failed and it does not bring back, as bits."""
    without: Codes
    tried: Codes
    crashed: Codes
    crash_tried: Codes


class _Table:
    """The cells as numbers: remedies by cost, environments as in the run, pairs numbered."""

    def __init__(self, cells: pd.DataFrame, run: RunRecord) -> None:
        self._cells = cells
        places = {each.id: place for place, each in enumerate(run.remedies)}
        cheapest = sorted(run.remedies, key=lambda each: (each.cost, places[each.id]))
        self._names = [each.id for each in cheapest]
        self._ids = list(run.environment_ids)
        self._remedy = _code(cells["remedy"], self._names)
        self._reader, self._writer = (
            _code(cells[name], self._ids) for name in ("reader", "writer")
        )
        scenario, scenarios = number_values(cells["scenario"])
        format_, formats = number_values(cells["format"])
        self._kind = scenario * len(formats) + format_
        kinds = [(name, each) for name in scenarios for each in formats]
        asked = asked_bits(run)
        self._asked = np.array([asked.get(kind, ALL_ASPECTS) for kind in kinds], dtype=np.int64)
        self._lost = np.array([bits_of(each.gives_up) for each in cheapest], dtype=np.int64)
        size = len(self._ids)
        self._pair = (self._kind * size + self._writer) * size + self._reader
        outcome = cells["outcome"].astype(object).to_numpy()
        self.bare: Mask = cells["remedy"].astype(object).to_numpy() == BARE
        self._good: Mask = outcome == str(Outcome.EQUIVALENT)
        self._crashed: Mask = outcome == str(Outcome.CRASHED)
        self._measured: Mask = np.isin(outcome, [str(each) for each in MEASURED])
        days = np.array(
            [each.first_released.toordinal() for each in run.environments], dtype=np.int64
        )
        self._ranking, self._older, self._newer = rank_neighbours(days)

    def advice_word(self, remedy: int, tried: int) -> str:
        """Return the remedy's id, or the word for none."""
        if remedy != _NONE:
            return self._names[remedy]
        return str(Help.NONE_OF_TRIED if tried else Help.NOT_TRIED)

    def best_remedies(self, rows: Codes) -> _Best:
        """Return for each row the cheapest remedy that brings back what failed.

        Where none does, the cheapest that gives the rest.
        """
        number = len(rows)
        pairs = pd.Index(self._pair[rows])
        asked = self._asked[self._kind[rows]]
        failed = failed_aspects(self._cells.iloc[rows], asked)
        tries = np.flatnonzero(~self.bare & self._measured)
        at = pairs.get_indexer(pd.Index(self._pair[tries]))
        tries, at = tries[at >= 0], at[at >= 0]
        remedy = self._remedy[tries]
        gives_up = (self._lost[remedy] & asked[at] & failed[at]) != 0
        works = self._good[tries]
        most = len(self._names)
        key = np.full(number, 2 * most, dtype=np.int64)
        np.minimum.at(key, at[works], remedy[works] + most * gives_up[works])
        found = np.where(key < 2 * most, key % most, _NONE)
        lost = np.where(found == _NONE, 0, self._lost[found] & asked)
        crashed, tried = self._crashes(rows, tries, at)
        return _Best(
            remedy=found,
            gives_up=lost & failed,
            without=lost,
            tried=np.bincount(at, minlength=number),
            crashed=np.where(found == _NONE, 0, crashed[np.arange(number), found]),
            crash_tried=np.where(found == _NONE, 0, tried[np.arange(number), found]),
        )

    def restoring(self) -> Mask:
        """Return which cells, of remedies, restore what failed in the bare load of their pair."""
        bare = np.flatnonzero(self.bare)
        asked = self._asked[self._kind[bare]]
        failed = failed_aspects(self._cells.iloc[bare], asked)
        at = pd.Index(self._pair[bare]).get_indexer(pd.Index(self._pair))
        lost = self._lost[self._remedy] & self._asked[self._kind]
        kept = (lost & failed[at] if len(bare) else lost) == 0
        return np.asarray(~self.bare & self._good & (at >= 0) & kept)

    def _crashes(self, rows: Codes, tries: Codes, at: Codes) -> tuple[Codes, Codes]:
        """Return for each row and remedy: in how many pairs of its cause it killed the process."""
        cause, causes = number_values(self._cells["cause"].iloc[rows])
        size = (len(causes), len(self._names))
        counts = []
        for weights in (self._crashed[tries], np.ones(len(tries))):
            place = cause[at] * size[1] + self._remedy[tries]
            flat = np.bincount(place, weights, minlength=size[0] * size[1])
            counts.append(flat.astype(np.int64).reshape(size)[cause])
        return counts[0], counts[1]

    def nearest(self, rows: Codes) -> dict[str, list[str]]:
        """Return for each row the environments nearest to its reader and to its writer."""
        reader, writer, kind = self._reader[rows], self._writer[rows], self._kind[rows]
        size = len(self._ids)
        bare = np.zeros((len(self._asked), size, size), dtype=bool)
        good = np.flatnonzero(self.bare & self._good)
        bare[self._kind[good], self._writer[good], self._reader[good]] = True
        ways = self._whole_ways()
        everyone = np.ones((size, size), dtype=bool)
        files, readers = bare[kind, writer], bare[kind, :, reader]
        plain = self._first(files, reader, everyone)
        helped = self._first(ways[kind, writer] != _NONE, reader, everyone)
        found = np.where(plain != _NONE, plain, helped)
        way = ways[kind, writer, np.maximum(found, 0)]
        names = np.array([*self._ids, ""], dtype=object)
        bare_word = np.array(self._names, dtype=object)[way]
        return {
            "nearest": names[found].tolist(),
            "nearest_way": np.where(
                plain != _NONE, BARE, np.where(found == _NONE, "", bare_word)
            ).tolist(),
            "nearest_older": names[self._first(files, reader, self._older)].tolist(),
            "nearest_newer": names[self._first(files, reader, self._newer)].tolist(),
            "nearest_writer": names[self._first(readers, writer, everyone)].tolist(),
        }

    def _whole_ways(self) -> Codes:
        """Return by kind, writer and reader the cheapest remedy that gives the whole model."""
        size = len(self._ids)
        whole = (self._lost[self._remedy] & self._asked[self._kind]) == 0
        rows = np.flatnonzero(~self.bare & self._good & whole)
        rows = rows[np.argsort(-self._remedy[rows], kind="stable")]
        ways = np.full((len(self._asked), size, size), _NONE, dtype=np.int64)
        ways[self._kind[rows], self._writer[rows], self._reader[rows]] = self._remedy[rows]
        return ways

    def _first(self, good: Mask, near: Codes, allowed: Mask) -> Codes:
        """Return for each row the good environment nearest to `near`; -1 for none."""
        order = self._ranking[near]
        chosen = np.take_along_axis(good & allowed[near], order, axis=1)
        first = np.take_along_axis(order, chosen.argmax(axis=1)[:, None], axis=1)[:, 0]
        found: Codes = np.where(chosen.any(axis=1), first, _NONE)
        return found


def rank_neighbours(days: Codes) -> tuple[Codes, Mask, Mask]:
    """Return for each environment the others by nearness of release, and who is older and newer.

    `days` are the days of release, in the run's order. Of two as near the newer comes first,
    of two of one day the one nearer in the run's order; none is near to itself alone.
    """
    place = np.arange(len(days))
    apart, steps = (np.abs(each[:, None] - each[None, :]) for each in (days, place))
    later = (days[None, :], place[None, :]), (days[:, None], place[:, None])
    newer = (later[0][0] > later[1][0]) | (
        (later[0][0] == later[1][0]) & (later[0][1] > later[1][1])
    )
    older = ~newer & (steps > 0)
    ranking = np.lexsort((~newer, steps, ~newer * (apart > 0), apart), axis=1)
    return ranking.astype(np.int64), older, newer


def restore_what_failed(cells: pd.DataFrame, run: RunRecord) -> Mask:
    """Return which loads with a remedy gave the model with all that the bare load lacked."""
    return _Table(cells, run).restoring()


def number_pairs(*frames: pd.DataFrame) -> list[Codes]:
    """Number the scenario, format, writer and reader of tables, a pair of several alike."""
    return number_rows(PAIR_COLUMNS, *frames)


def _code(column: pd.Series[Any], names: Sequence[str]) -> Codes:
    place = {name: code for code, name in enumerate(names)}
    codes, values = number_values(column)
    return np.array([place[value] for value in values], dtype=np.int64)[codes]


def _matching(frame: pd.DataFrame, wanted: Mapping[str, str]) -> pd.DataFrame:
    chosen = pd.Series(data=True, index=frame.index)
    for column, value in wanted.items():
        chosen &= frame[column] == value
    return frame[chosen]
