"""The data of the cell page: one small script for each scenario and format.

Input: `PublishedRun` and its codes. Output: `(name, text)` of each script, which calls
`matrixPacked(name, text)`; a script can be loaded from a file system, where `fetch` cannot.

Repeated values are stored once: a cell is a number of a record, a record a number in each of the
columns, a text the lines by which it differs from the text before, and the lines of
frameworks, which are in the tracebacks of many scripts, are in `lines.js`. A quarter of a
million cells are then a few megabytes. Differences are rounded for reading;
observations.parquet holds them as measured.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from runner.analyse.grids import BLANK, Coded, Codes
from runner.publish.reading import PublishedRun
from runner.publish.tables import round_significant
from runner.render.scripts.script import packed_script

SHARD_VERSION = 3
CELL_TEXTS = (
    *("outcome", "cause", "verdict", "baseline", "impact", "origin"),
    *("probe", "recipe", "frozen"),
)
OBSERVATION_TEXTS = (
    "status",
    "stage",
    "exception",
    "message",
    "traceback",
    "output",
    "warnings",
    "facts",
    "reason",
    "start_method",
    "isolation",
)
LINE_LIMIT = 400
"""Characters of a line on the cell page; observations.parquet has the whole."""
UNDERLINE = re.compile(r"\s*[\^~]+\s*")
RECORD_FIELDS = (*CELL_TEXTS, "attribution", *OBSERVATION_TEXTS, "aspects")
"""The meanings of a record's numbers, in order; each is the place of a text or an aspect list."""
DIFFERENCE_DIGITS = 2
SHARED_FROM = 3
"""Scripts that must hold a line before it is stored for all."""


@dataclass(slots=True)
class Interner:
    """Distinct values in the order in which they were first seen."""

    places: dict[Any, int] = field(default_factory=dict)

    def place(self, value: Any) -> int:
        """Give the number of a value."""
        return self.places.setdefault(value, len(self.places))

    @property
    def distinct(self) -> list[Any]:
        """The values by number."""
        return list(self.places)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """For each cell: the codes of its record's texts, with the texts they stand for."""

    record: Codes
    """Number of each cell's record."""
    records: Codes
    """Distinct records x RECORD_FIELDS, in ascending order."""
    texts: tuple[tuple[Any, ...], ...]
    """For each field, the values its codes stand for."""
    duration_ms: Codes
    moments: tuple[str, ...]
    """When cells were measured."""
    moment: Codes
    digests: tuple[str, ...]
    digest: Codes


def record_cells(data: PublishedRun, coded: Coded, attribution: pd.Series[Any]) -> Recorded:
    """Line up observations with cells and number all their texts.

    `attribution` is one word for each cell: whose doing a failure is.
    """
    found = coded.observation
    columns, texts = [], []
    for name in CELL_TEXTS:
        codes, values = _number(data.cells[name])
        columns.append(codes)
        texts.append(values)
    codes, values = _number(attribution)
    columns.append(codes)
    texts.append(values)
    for name in OBSERVATION_TEXTS:
        codes, values = _number(data.observations[name])
        columns.append(_follow(codes, found, len(values)))
        texts.append((*values, ""))
    codes, values = _number(data.observations["aspects"])
    short = Interner()
    places = np.array([short.place(_short_aspects(str(each))) for each in (*values, "")])
    columns.append(places[_follow(codes, found, len(values))])
    texts.append(tuple(short.distinct))
    digest, digests = _number(data.cells["artifact_sha256"])
    moment, moments = _number(data.cells["measured_at"])
    record, records = _distinct_rows(columns)
    return Recorded(
        moments=moments,
        moment=moment,
        record=record,
        records=records,
        texts=tuple(texts),
        duration_ms=_round_durations(data.cells["duration_s"]),
        digests=tuple(str(each) for each in digests),
        digest=digest,
    )


def _distinct_rows(columns: Sequence[Codes]) -> tuple[Codes, Codes]:
    """Number the distinct rows in ascending order: each row's number, and the rows by number."""
    number = columns[0]
    for column in columns[1:]:
        number = pd.factorize(number * (int(column.max(initial=0)) + 1) + column)[0]
    _, first = np.unique(number, return_index=True)
    rows = np.stack([column[first] for column in columns], axis=1)
    order = np.lexsort(rows.T[::-1])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[number], rows[order]


def cell_scripts(coded: Coded, recorded: Recorded) -> Iterator[tuple[str, str]]:
    """`(file name, script)` of every scenario and format that has cells, and of their lines."""
    groups = coded.scenario * len(coded.formats) + coded.format
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    shards = [rows for rows in np.split(order, starts[1:]) if len(rows)]
    shared = _shared_lines(recorded, shards)
    yield "lines.js", packed_script("lines", shared)
    numbers = {line: number for number, line in enumerate(shared)}
    for rows in shards:
        scenario = coded.scenarios[coded.scenario[rows[0]]]
        format_ = coded.formats[coded.format[rows[0]]]
        body = _shard(coded, recorded, rows, numbers)
        record = {"version": SHARD_VERSION, "scenario": scenario, "format": format_, **body}
        name = f"{scenario}.{format_}"
        yield f"{name}.js", packed_script(name, record)


def _shared_lines(recorded: Recorded, shards: Sequence[Codes]) -> list[str]:
    """Return the lines that several shards hold, the commonest first."""
    seen: Counter[str] = Counter()
    for rows in shards:
        here: set[str] = set()
        records = recorded.records[np.unique(recorded.record[rows])]
        for place in range(len(RECORD_FIELDS)):
            for code in set(records[:, place].tolist()):
                for text in _texts_of(recorded, place, code):
                    here.update(_shown_lines(text))
        seen.update(here)
    common = [line for line, shards_with_it in seen.items() if shards_with_it >= SHARED_FROM]
    return sorted(common, key=lambda line: (-seen[line], line))


def _texts_of(recorded: Recorded, place: int, code: int) -> Iterator[str]:
    value = recorded.texts[place][code]
    if RECORD_FIELDS[place] == "aspects":
        for row in value:
            yield from row
    else:
        yield value


def _shard(
    coded: Coded, recorded: Recorded, rows: Codes, shared: Mapping[str, int]
) -> dict[str, Any]:
    environments = np.unique(np.concatenate([coded.writer[rows], coded.reader[rows]]))
    present, record = np.unique(recorded.record[rows], return_inverse=True)
    distinct = recorded.records[present]
    size = len(environments)
    writer = np.searchsorted(environments, coded.writer[rows])
    reader = np.searchsorted(environments, coded.reader[rows])
    grids = {}
    moments = np.unique(recorded.moment[rows])
    for remedy in np.unique(coded.remedy[rows]).tolist():
        chosen = coded.remedy[rows] == remedy
        place = (writer * size + reader)[chosen]
        grids[coded.remedies[remedy]] = {
            **_grid(place, size * size, record[chosen], recorded.duration_ms[rows][chosen]),
            "digest": _digests(recorded, rows[chosen], writer[chosen], size),
            "when": _when(recorded.moment[rows[chosen]], place, size * size, moments),
        }
    return {
        "environments": [coded.environments[each] for each in environments.tolist()],
        "remedies": grids,
        "moments": [recorded.moments[each] for each in moments.tolist()],
        **_record_columns(recorded, distinct, shared),
    }


def _record_columns(
    recorded: Recorded, distinct: Codes, shared: Mapping[str, int]
) -> dict[str, Any]:
    """Return the columns of the records, with the texts and the lines their numbers mean."""
    columns = [
        (name, [recorded.texts[place][code] for code in distinct[:, place].tolist()])
        for place, name in enumerate(RECORD_FIELDS)
    ]
    aspects, used = Interner(), {""}
    for name, values in columns:
        if name == "aspects":
            for value in values:
                aspects.place(value)
        else:
            used.update(values)
    for value in aspects.distinct:
        used.update(part for row in value for part in row)
    lines = Interner()
    in_lines = {
        text: [
            shared[line] if line in shared else len(shared) + lines.place(line)
            for line in _shown_lines(text)
        ]
        for text in sorted(used)
    }
    # Texts with the same beginning follow one another.
    ordered = sorted(used, key=lambda text: (in_lines[text], text))
    number = {text: place for place, text in enumerate(ordered)}
    return {
        "columns": {
            name: _shorten_column(
                [(aspects.place if name == "aspects" else number.__getitem__)(v) for v in values]
            )
            for name, values in columns
        },
        "aspects": [
            [[number[part] for part in row] for row in value] for value in aspects.distinct
        ],
        "texts": _front_code([in_lines[text] for text in ordered]),
        "lines": lines.distinct,
    }


def _shorten_column(values: list[int]) -> int | list[int]:
    """One number stands for a column in which it is the only one."""
    return values[0] if len(set(values)) == 1 else values


def _front_code(texts: Iterable[list[int]]) -> list[list[int]]:
    """Replace the beginning a text shares with the one before by its length."""
    coded, before = [], list[int]()
    for text in texts:
        kept, most = 0, min(len(text), len(before))
        while kept < most and text[kept] == before[kept]:
            kept += 1
        coded.append([kept, *text[kept:]])
        before = text
    return coded


@lru_cache(maxsize=100_000)
def _shown_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text as the page shows them; the data keep all of it.

    Lines that only underline are left out, and a quoted configuration is cut: they are
    half of a script's size.
    """
    lines = [_shown_line(line) for line in text.split("\n")]
    return tuple([line for line in lines if line is not None])


@lru_cache(maxsize=100_000)
def _shown_line(line: str) -> str | None:
    """Cut a line; None for one that only underlines. Tracebacks share nearly all of theirs."""
    if UNDERLINE.fullmatch(line):
        return None
    return line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]} […]"


def _grid(place: Codes, size: int, record: Codes, duration_ms: Codes) -> dict[str, list[int]]:
    """Record and duration by place; a grid less than half full names its places in `at`."""
    if 2 * len(place) < size:
        return {"at": place.tolist(), "record": record.tolist(), "ms": duration_ms.tolist()}
    return {"record": _spread(record, place, size), "ms": _spread(duration_ms, place, size)}


def _when(moment: Codes, place: Codes, size: int, moments: Codes) -> int | list[int]:
    """Number of each cell's moment, by place as in `_grid`; one number if they share it."""
    codes = np.searchsorted(moments, moment)
    if len(moments) == 1:
        return 0
    return codes.tolist() if 2 * len(place) < size else _spread(codes, place, size)


def _spread(values: Codes, places: Codes, size: int) -> list[int]:
    """Values at their places in a flat writer x reader array; -1 elsewhere."""
    spread = np.full(size, BLANK, dtype=np.int64)
    spread[places] = values
    return [int(each) for each in spread]


def _digests(recorded: Recorded, rows: Codes, writer: Codes, size: int) -> list[str]:
    """One digest a writer: an artifact is written once and read by all."""
    found = [""] * size
    for place, code in zip(writer.tolist(), recorded.digest[rows].tolist(), strict=True):
        found[place] = recorded.digests[code] or found[place]
    return found


def _short_aspects(text: str) -> tuple[tuple[str, str, str, str], ...]:
    """`(aspect, status, largest difference, detail)` of each aspect, ready to be read."""
    found = json.loads(text) if text else {}
    return tuple(
        (
            name,
            str(each.get("status", "")),
            _short_difference(each.get("max_abs_diff"), agrees=each.get("status") == "agrees"),
            str(each.get("detail", "")),
        )
        for name, each in found.items()
    )


def _short_difference(value: float | str | None, *, agrees: bool) -> str:
    """Round; a difference within tolerance becomes the power of ten it stays under."""
    if value is None:
        return ""
    number = float(value)
    if agrees and number > 0 and math.isfinite(number):
        return f"< 1e{math.floor(math.log10(number)) + 1}"
    return f"{round_significant(number, DIFFERENCE_DIGITS):g}"


def _number(column: pd.Series[Any]) -> tuple[Codes, tuple[str, ...]]:
    """Number the values of a column in their order; few values stand for many rows."""
    values = pd.Categorical(column)
    used = np.unique(values.codes)
    texts = [str(each) for each in values.categories[used].tolist()]
    order = sorted(range(len(texts)), key=texts.__getitem__)
    number = np.zeros(len(values.categories), dtype=np.int64)
    number[used[order]] = np.arange(len(order))
    return number[values.codes], tuple(texts[each] for each in order)


def _follow(codes: Codes, found: Codes, missing: int) -> Codes:
    if not len(codes):
        return np.full(len(found), missing, dtype=np.int64)
    return np.where(found < 0, missing, codes[found])


def _round_durations(column: pd.Series[Any]) -> Codes:
    """Milliseconds with two significant digits; -1 where nothing ran."""
    seconds = column.to_numpy(dtype=np.float64, na_value=np.nan)
    ms = np.maximum(np.nan_to_num(seconds, nan=0.0) * 1000, 1)
    scale = 10.0 ** np.maximum(np.floor(np.log10(ms)) - 1, 0)
    return np.where(np.isnan(seconds), BLANK, np.rint(ms / scale) * scale).astype(np.int64)
