"""The tables of cell results, and totals that add up (stage 7).

Input: the judged `CellResult`s of a run and the order in which the report names
things. Output: `cells` (one row a cell, the published columns), `observations`
(everything known of each cell that ran) and `Totals`. Pure: nothing is read or
written here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.domain import (
    ID_COLUMNS,
    UNJUDGED,
    Aspect,
    CellResult,
    Environment,
    Format,
    Impact,
    Observation,
    Origin,
    Outcome,
    Remedy,
    Scenario,
    Verdict,
)
from runner.domain.errors import ConfigurationError, MatrixError
from runner.judge.cause import ESCAPE
from runner.judge.impact import find_impact
from runner.judge.outcome import largest_difference
from runner.publish.columns import (
    EXCEPTION_LIMIT,
    MESSAGE_LIMIT,
    CellRow,
    ObservationRow,
    column_names,
)

CELL_COLUMNS = column_names(CellRow)
OBSERVATION_COLUMNS = column_names(ObservationRow)
TEXT_COLUMNS = ("message", "traceback", "output", "warnings", "aspects", "facts", "reason")

REPEATED = (
    *("cause", "aspects", "exception", "measured_at"),
    *("probe", "recipe", "writer_lock", "reader_lock", "steps"),
    *("made_with", "frozen"),
)
"""Columns of `cells` in which few values stand for many rows."""
VOCABULARIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "outcome": tuple(str(each) for each in Outcome),
        "verdict": tuple(str(each) for each in Verdict),
        "impact": ("", *(str(each) for each in Impact)),
        "origin": tuple(str(each) for each in Origin),
    }
)
"""Columns of `cells` whose values are words that are known beforehand."""
REPEATED_SEEN = ("status", "stage", "exception", "start_method", "isolation", *TEXT_COLUMNS)
"""Columns of `observations` in which few values stand for many rows."""
DIGEST_LIMIT = 12
"""Hex digits of an artifact's digest in `cells`: enough to tell artifacts apart."""
DIFFERENCE_DIGITS = 4
"""Significant digits of a published difference; the journal keeps them all."""

DURATION_DIGITS = 2
"""Significant digits of a published duration: those that follow are noise, and a quarter of the
size of a table."""
RSS_DIGITS = 2
SECONDS = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d):\d\d(?:\.\d+)?")
"""The seconds of a moment, which is published by the minute."""
SITE_PACKAGES = re.compile(
    r"(?:[A-Za-z]:)?[^\s\"'<>|]*/(?=site-packages/|lib/python3\.\d+/[a-z_]+)"
)
WORK_FOLDER = re.compile(
    r"batches/batch-\w+(?:/(?:probe|child|job)-\w+)*/|/tmp/(?=__autograph_generated_file)"
)
"""Folders whose names are drawn: that of a process in the store, and TensorFlow's own."""
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
ARRAY = re.compile(r"\[+\s*[-+\d.][-+\d.eEnaif,\s\[\]]{60,}(?:\]|$)")
"""A printed array: random weights and inputs, which make equal messages differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The order of rows and columns everywhere: ids as declared, environments by release."""

    scenarios: tuple[str, ...]
    formats: tuple[str, ...]
    environments: tuple[str, ...]
    remedies: tuple[str, ...]

    def of(self, column: str) -> tuple[str, ...]:
        """Give the ordered ids of one identifier column."""
        return {
            "scenario": self.scenarios,
            "format": self.formats,
            "writer": self.environments,
            "reader": self.environments,
            "remedy": self.remedies,
        }[column]


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Counts by outcome: overall, and in the views that must add up to it."""

    cells: int
    by_outcome: Mapping[Outcome, int]
    by_scenario: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_format: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_pair: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By `writer->reader`."""


class TotalsError(MatrixError):
    """Two views of the same cells do not add up: the report must not be published."""


def declare_order(
    scenarios: Iterable[Scenario],
    environments: Iterable[Environment],
    remedies: Iterable[Remedy],
) -> Order:
    """Take the order from the declarations."""
    by_release = sorted(environments, key=lambda each: (each.order, each.id))
    return Order(
        scenarios=tuple(each.id for each in scenarios),
        formats=tuple(str(each) for each in Format),
        environments=tuple(each.id for each in by_release),
        remedies=tuple(each.id for each in remedies),
    )


def build_cells(
    results: Iterable[CellResult], order: Order, *, hide: Sequence[str] = ()
) -> pd.DataFrame:
    """One row a cell with the published columns, in declared order.

    Messages are published as `build_observations` publishes texts, without what is in `hide`.
    """
    publish = _text_publisher(hide)
    shorten = cache(lambda message: shorten_message(publish(message)))
    rows = [_cell_row(result, shorten) for result in results]
    frame = _make_frame(rows, CELL_COLUMNS, REPEATED, VOCABULARIES, order)
    frame["baseline"] = find_baselines(frame)
    frame["duration_s"] = frame["duration_s"].astype("float64")
    frame["max_abs_diff"] = frame["max_abs_diff"].astype("float64")
    return frame


def build_observations(
    results: Iterable[CellResult], order: Order, *, hide: Sequence[str] = ()
) -> pd.DataFrame:
    """Everything known of each cell that ran or has a reason, in the order of `build_cells`.

    Texts are published without what only the machine that ran them has: each prefix in
    `hide` (the store's folder, the home folder), the folder of an environment, memory
    addresses. That also makes equal tracebacks equal, so that they are stored once.
    """
    publish = _text_publisher(hide)
    rows = [
        _observation_row(result, publish)
        for result in results
        if result.observation is not None or result.reason
    ]
    frame = _make_frame(rows, OBSERVATION_COLUMNS, REPEATED_SEEN, {}, order)
    frame["duration_s"] = frame["duration_s"].astype("float64")
    frame["max_rss_mb"] = frame["max_rss_mb"].astype("float64")
    frame["position"] = frame["position"].astype("int32")
    return frame


def join_cells(parts: Sequence[pd.DataFrame], order: Order) -> pd.DataFrame:
    """Return the rows of several tables of cells as one, as `build_cells` makes it.

    No cell is in two of them. The baselines, which a part may not know, are found anew.
    """
    frame = _join_frames(parts, CELL_COLUMNS, REPEATED, VOCABULARIES, order)
    frame["baseline"] = find_baselines(frame)
    return frame


def join_observations(parts: Sequence[pd.DataFrame], order: Order) -> pd.DataFrame:
    """Return the rows of several tables of observations as one, as `build_observations` does."""
    return _join_frames(parts, OBSERVATION_COLUMNS, REPEATED_SEEN, {}, order)


def _join_frames(
    parts: Sequence[pd.DataFrame],
    columns: Sequence[str],
    repeated: Iterable[str],
    vocabularies: Mapping[str, Sequence[str]],
    order: Order,
) -> pd.DataFrame:
    names = {
        name: _join_words([each[name] for each in parts], order.of(name), ordered=True)
        for name in ID_COLUMNS
    }
    # Column by column into its place: a table of a million rows is never there twice.
    places = np.lexsort([names[name].codes for name in reversed(ID_COLUMNS)])
    found: dict[str, Any] = {}
    for column in columns:
        given = [each[column] for each in parts]
        if column in names:
            found[column] = names[column].take(places)
        elif column in vocabularies:
            found[column] = _join_words(given, vocabularies[column]).take(places)
        elif column in repeated:
            found[column] = _join_words(given, None).take(places)
        elif column == "baseline":
            found[column] = ""
        else:
            found[column] = pd.concat(given, ignore_index=True).take(places).array
    return pd.DataFrame(found, columns=list(columns), index=range(len(places)), copy=False)


def _join_words(
    given: Sequence[pd.Series[Any]], words: Sequence[str] | None, *, ordered: bool = False
) -> pd.Categorical[Any]:
    """Put columns of words one below the other; without `words`, their own ones, sorted."""
    coded = [pd.Categorical(each) for each in given]
    used = [each.remove_unused_categories() for each in coded]
    if words is None:
        words = sorted({str(name) for each in used for name in each.categories})
    places = {name: place for place, name in enumerate(words)}
    unknown = next((n for each in used for n in each.categories if str(n) not in places), None)
    if unknown is not None:
        raise ConfigurationError(
            f"a part names {str(unknown)[:80]!r}, which is not declared here",
            cause="it was measured with another version of the declarations",
            next_step="join the parts in the checkout that measured them",
        )
    codes = [
        np.array([*(places[str(name)] for name in each.categories), -1], np.int64)[each.codes]
        for each in used
    ]
    dtype: Any = pd.CategoricalDtype(list(words), ordered=ordered)
    return pd.Categorical.from_codes(np.concatenate(codes), dtype=dtype)


def count_totals(cells: pd.DataFrame) -> Totals:
    """Count outcomes overall, by scenario, by format and by writer -> reader."""
    pairs = cells["writer"].astype(str) + "->" + cells["reader"].astype(str)
    return Totals(
        cells=len(cells),
        by_outcome=count_outcomes(cells["outcome"]),
        by_scenario=_count_by(cells, cells["scenario"].astype(str)),
        by_format=_count_by(cells, cells["format"].astype(str)),
        by_pair=_count_by(cells, pairs),
    )


def check_totals(totals: Totals, cells: pd.DataFrame) -> None:
    """Prove that every view adds up to the number of rows, and that no cell is there twice."""
    views = {
        "by scenario": totals.by_scenario,
        "by format": totals.by_format,
        "by writer->reader": totals.by_pair,
    }
    sums = {"overall": sum(totals.by_outcome.values()), "stated": totals.cells}
    sums |= {name: sum(sum(view.values()) for view in by.values()) for name, by in views.items()}
    wrong = {name: count for name, count in sums.items() if count != len(cells)}
    if wrong:
        raise TotalsError(
            f"the totals do not add up to {len(cells)} cells: {wrong}",
            cause="a cell was counted twice or not at all",
            next_step="run `nox -s matrix` again, and report this if it stays",
        )
    for name, by in views.items():
        _check_outcomes(name, by, totals.by_outcome)
    repeated = cells.duplicated(list(ID_COLUMNS))
    if repeated.any():
        first = "/".join(str(part) for part in cells.loc[repeated, list(ID_COLUMNS)].iloc[0])
        raise TotalsError(f"{int(repeated.sum())} cells are there twice, the first is {first}")


def round_significant(value: float, digits: int) -> float:
    """Round to significant digits; infinities and NaN stay."""
    if value == 0 or not math.isfinite(value):
        return value
    return float(f"{value:.{digits}g}")


def _published_duration(seconds: float) -> float:
    """Round a duration to what repeating it would give again: hundredths, and two digits."""
    return round_significant(round(seconds, 2), DURATION_DIGITS)


def shorten_message(message: str, limit: int = MESSAGE_LIMIT) -> str:
    """Put the message on one line and cut it at a limit."""
    line = " ".join(message[: limit * 8].split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _cell_row(result: CellResult, shorten: Callable[[str], str]) -> tuple[Any, ...]:
    cell, seen = result.cell, result.observation
    return (
        cell.scenario,
        str(cell.format),
        cell.writer,
        cell.reader,
        cell.remedy,
        str(result.outcome),
        result.cause,
        ";".join(result.aspects),
        _encodable(seen.exception)[:EXCEPTION_LIMIT] if seen else "",
        shorten(seen.message if seen and seen.message else result.reason),
        str(result.verdict),
        _published_duration(seen.duration_s) if seen else math.nan,
        result.artifact_sha256[:DIGEST_LIMIT],
        _largest_difference(seen),
        "",
        find_impact(result.outcome, seen.stage, result.aspects, seen.aspects) or "" if seen else "",
        SECONDS.sub(r"\1:00", result.measured_at),
        str(result.origin) if seen else "",
        result.depends.probe,
        result.depends.scenario,
        result.depends.writer_lock,
        result.depends.reader_lock,
        ";".join(result.steps),
        result.depends.made_with,
        result.frozen,
    )


def find_baselines(cells: pd.DataFrame) -> pd.Categorical[Any]:
    """Return for each row the outcome of the writer that reads its own file the same way.

    Empty where that says nothing: it was not measured, or through our own fault.
    """
    number = np.zeros(len(cells), dtype=np.int64)
    for column in ("scenario", "format", "writer", "remedy"):
        codes, values = pd.factorize(cells[column])
        number = number * (len(values) + 1) + codes
    groups, group = np.unique(number, return_inverse=True)
    names = ["", *(str(each) for each in Outcome if each not in UNJUDGED)]
    place = {name: code for code, name in enumerate(names)}
    codes, values = pd.factorize(cells["outcome"])
    outcome = np.array([*(place.get(str(each), 0) for each in values), 0])[codes]
    itself = cells["writer"].astype(object).to_numpy() == cells["reader"].astype(object).to_numpy()
    found = np.zeros(len(groups), dtype=np.int64)
    found[group[itself]] = outcome[itself]
    return pd.Categorical.from_codes(found[group], dtype=pd.CategoricalDtype(names))


def find_impacts(cells: pd.DataFrame, observations: pd.DataFrame) -> pd.Categorical[Any]:
    """Return for each row of a published table its impact, from what was observed."""
    names = ["", *(str(each) for each in Impact)]
    graded = cells["outcome"].isin([str(Outcome.DIVERGED), str(Outcome.UNUSABLE)]).to_numpy()
    keys, known = number_cells(cells, observations)
    place = pd.Index(known).get_indexer(pd.Index(keys[graded]))
    seen = observations[["stage", "aspects"]].iloc[place].astype(object)
    seen[place < 0] = ""
    rows = cells.loc[graded, ["outcome", "aspects"]].astype(object)
    impact = cache(_impact_of_row)
    found = np.zeros(len(cells), dtype=np.int64)
    found[graded] = [
        names.index(impact(*row))
        for row in zip(
            *(rows["outcome"], seen["stage"], rows["aspects"], seen["aspects"]), strict=True
        )
    ]
    return pd.Categorical.from_codes(found, dtype=pd.CategoricalDtype(names))


def number_cells(*frames: pd.DataFrame) -> list[npt.NDArray[np.int64]]:
    """Number the cells of tables, a cell that is in several of them alike."""
    return number_rows(ID_COLUMNS, *frames)


def number_rows(columns: Sequence[str], *frames: pd.DataFrame) -> list[npt.NDArray[np.int64]]:
    """Number what these columns of tables hold, the same in several of them alike."""
    keys = [np.zeros(len(frame), dtype=np.int64) for frame in frames]
    for column in columns:
        given = [pd.Categorical(frame[column]) for frame in frames]
        names = dict.fromkeys(str(name) for each in given for name in each.categories)
        place = {name: code for code, name in enumerate(names)}
        for at, each in enumerate(given):
            codes = np.array([*(place[str(name)] for name in each.categories), -1])
            keys[at] = keys[at] * len(place) + codes[each.codes]
    return keys


def _impact_of_row(outcome: str, stage: str, aspects: str, compared: str) -> str:
    differing = [Aspect(name) for name in aspects.split(";") if name]
    told = json.loads(compared) if compared else {}
    return find_impact(Outcome(outcome), stage, differing, told) or ""


def _encodable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot hold: output that was not text has them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _largest_difference(seen: Observation | None) -> float:
    """Take the largest numeric difference of any aspect; NaN where nothing was compared."""
    largest = None if seen is None else largest_difference(seen)
    return math.nan if largest is None else round_significant(largest, DIFFERENCE_DIGITS)


def _observation_row(result: CellResult, publish: Callable[[str], str]) -> tuple[Any, ...]:
    cell = result.cell
    data = result.observation.data if result.observation else {}
    warnings = data.get("warnings") or ""
    text = warnings if isinstance(warnings, str) else "\n".join(str(each) for each in warnings)
    return (
        cell.scenario,
        str(cell.format),
        cell.writer,
        cell.reader,
        cell.remedy,
        str(data.get("status") or ""),
        str(data.get("stage") or ""),
        _encodable(str(data.get("exception") or "")),
        publish(str(data.get("message") or "")),
        publish(str(data.get("traceback") or "")),
        publish(str(data.get("output") or "")),
        publish(text),
        publish(_aspects_json(data.get("aspects") or {})),
        publish(_compact_json(data.get("facts") or {})),
        publish(result.reason),
        _published_duration(float(data.get("duration_s") or 0.0)) if data else math.nan,
        round_significant(float(data.get("max_rss_mb") or math.nan), RSS_DIGITS),
        str(data.get("start_method") or ""),
        int(data.get("position") or 0),
        str(data.get("isolation") or ""),
    )


def _aspects_json(aspects: Mapping[str, Mapping[str, Any]]) -> str:
    if not aspects:
        return ""
    return _compact_json({name: _compact_aspect(each) for name, each in aspects.items()})


def _compact_aspect(aspect: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"status": str(aspect.get("status", ""))}
    difference = aspect.get("max_abs_diff")
    if difference is not None:
        number = round_significant(float(difference), DIFFERENCE_DIGITS)
        kept["max_abs_diff"] = number if math.isfinite(number) else str(number)
    if aspect.get("detail"):
        kept["detail"] = str(aspect["detail"])
    return kept


def _compact_json(value: Mapping[str, Any]) -> str:
    if not value:
        return ""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _without_particulars(text: str) -> str:
    """Take out the parts of one machine or one random model: folders, addresses, numbers."""
    if "\x1b" in text:
        text = ESCAPE.sub("", text)
    if "\n" in text:
        text = "\n".join(map(_line_without_particulars, text.split("\n")))
    else:
        text = _line_without_particulars(text)
    return ARRAY.sub("[…]", text)


@lru_cache(maxsize=100_000)
def _line_without_particulars(line: str) -> str:
    """No pattern spans lines, and tracebacks share nearly all of theirs."""
    return ADDRESS.sub("0x…", WORK_FOLDER.sub("…/", SITE_PACKAGES.sub("…/", line)))


def _text_publisher(hide: Sequence[str]) -> Callable[[str], str]:
    """Make a function, remembering its answers, that removes what only this machine has."""
    prefixes = sorted((prefix for prefix in hide if prefix), key=len, reverse=True)

    @cache
    def publish(text: str) -> str:
        found = _encodable(text)
        for prefix in prefixes:
            found = found.replace(prefix, "…")
        return _without_particulars(found)

    return publish


def _make_frame(
    rows: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
    repeated: Iterable[str],
    vocabularies: Mapping[str, Sequence[str]],
    order: Order,
) -> pd.DataFrame:
    """One row a tuple, in declared order.

    Columns of ids and those with a vocabulary become categories of it, columns of
    `repeated` texts categories of what they hold.
    """
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    by_column: dict[str, tuple[Any, ...]] = dict(zip(columns, values, strict=True))
    found: dict[str, Any] = dict(by_column)
    for column in repeated:
        found[column] = _categorize(by_column[column], sorted(set(by_column[column])))
    for column, vocabulary in vocabularies.items():
        found[column] = _categorize(by_column[column], vocabulary)
    for column in ID_COLUMNS:
        ids = order.of(column)
        unknown = set(by_column[column]) - set(ids)
        if unknown:
            raise ConfigurationError(
                f"results name a {column} that is not declared: {', '.join(sorted(unknown))}",
                cause="the journal holds cells of an older declaration",
                next_step="select what is declared, or run `nox -s matrix -- --force`",
            )
        found[column] = _categorize(by_column[column], ids, ordered=True)
    frame = pd.DataFrame(found, columns=list(columns))
    return frame.sort_values(list(ID_COLUMNS), kind="stable", ignore_index=True)


def _categorize(
    values: Sequence[str], categories: Sequence[str], *, ordered: bool = False
) -> pd.Categorical[Any]:
    """Look each value up among the categories: far faster than letting pandas compare texts."""
    places = {name: place for place, name in enumerate(categories)}
    codes = np.fromiter((places[value] for value in values), np.int64, len(values))
    dtype: Any = pd.CategoricalDtype(list(categories), ordered=ordered)
    return pd.Categorical.from_codes(codes, dtype=dtype)


def count_outcomes(outcomes: pd.Series[Any]) -> dict[Outcome, int]:
    """Count the cells of each outcome, in the order of the vocabulary."""
    counted = outcomes.astype(str).value_counts()
    return {each: int(counted[str(each)]) for each in Outcome if str(each) in counted.index}


def _count_by(cells: pd.DataFrame, keys: pd.Series[Any]) -> dict[str, dict[str, int]]:
    counted = cells.groupby([keys, cells["outcome"].astype(str)], sort=True).size()
    found: dict[str, dict[str, int]] = {str(key): {} for key in pd.unique(keys)}
    for (key, outcome), count in zip(counted.index.to_list(), counted.to_list(), strict=True):
        found[str(key)][str(outcome)] = int(count)
    return found


def _check_outcomes(
    name: str, by: Mapping[str, Mapping[str, int]], overall: Mapping[Outcome, int]
) -> None:
    summed: dict[str, int] = {}
    for counts in by.values():
        for outcome, count in counts.items():
            summed[outcome] = summed.get(outcome, 0) + count
    if summed != dict(overall):
        raise TotalsError(f"outcomes {name} sum to {summed}, overall they are {dict(overall)}")
