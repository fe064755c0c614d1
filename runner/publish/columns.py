"""The tables of a published run, column by column: one declaration for writing and reading.

A field is a column; the schema of `cells` is made from `CellRow`. A row says nothing about
how its columns go together, so a table is checked through the distinct values of each.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa

from runner.domain import Aspect, Format, Help, Impact, Origin, Outcome, Verdict
from runner.publish.record import Id, Record

MESSAGE_LIMIT = 120
"""Characters of a message in `cells`; the whole text is in `observations`."""
EXCEPTION_LIMIT = 300
_ASPECT = "|".join(Aspect)
_LONGEST_S = 1e9
Duration = Annotated[float, msgspec.Meta(ge=0, le=_LONGEST_S)] | None
DETAIL_COLUMNS = ("outcome", "cause", "aspects")
"""The columns by which two runs are compared."""
_SHORT = "^([0-9a-f]{12})?$"
_OUTCOMES = "|".join(Outcome)
_IMPACTS = "|".join(Impact)
_MOMENT = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?$"
Digest = Annotated[str, msgspec.Meta(pattern=_SHORT)]


class CellRow(Record, kw_only=True, frozen=True):
    """One row of cells.csv and cells.parquet."""

    scenario: Id
    format: Format
    writer: Id
    reader: Id
    remedy: Id
    outcome: Annotated[Outcome, msgspec.Meta(description="The outcome; see docs/glossary.md.")]
    cause: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[a-z0-9_.-]*$",
            description="Id of a cause; empty where there is nothing to explain.",
        ),
    ]
    aspects: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^(({_ASPECT})(;({_ASPECT}))*)?$",
            description="The aspects that differ, joined by ';'.",
        ),
    ]
    exception: Annotated[str, msgspec.Meta(max_length=EXCEPTION_LIMIT)]
    message: Annotated[
        str,
        msgspec.Meta(
            max_length=MESSAGE_LIMIT,
            description="First 120 characters at most, on one line.",
        ),
    ]
    verdict: Verdict
    duration_s: Duration
    artifact_sha256: Annotated[
        str,
        msgspec.Meta(pattern="^([0-9a-f]{12}|[0-9a-f]{64})?$", description="First 12 hex digits."),
    ]
    max_abs_diff: Annotated[
        Annotated[float, msgspec.Meta(ge=0)] | None,
        msgspec.Meta(
            description="Largest difference of any aspect; infinity where a value is not finite.",
        ),
    ]
    baseline: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^({_OUTCOMES})?$",
            description="Outcome of the writer that reads its own file the same way; empty if "
            "that was not measured.",
        ),
    ]
    impact: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^({_IMPACTS})?$",
            description="The effect of a divergence on a user; of `unusable`, whether it predicts "
            "and cannot be trained (`training`) or not even that (`predictions`).",
        ),
    ]
    measured_at: Annotated[
        str,
        msgspec.Meta(
            pattern=_MOMENT,
            description="ISO 8601, UTC, of the minute in which it ended; empty where unknown.",
        ),
    ]
    origin: Annotated[
        Origin,
        msgspec.Meta(
            description="Measured by this run, kept from an earlier one, kept though not all it "
            "depends on is known (`stale`), or not said (`unknown`); empty where nothing ran."
        ),
    ]
    probe: Annotated[
        Digest, msgspec.Meta(description="Digest of the code that measured it; empty if unknown.")
    ]
    recipe: Annotated[
        Digest,
        msgspec.Meta(
            description="Digest of the scenario's code, and of the remedy's where it has its own."
        ),
    ]
    writer_lock: Annotated[Digest, msgspec.Meta(description="Digest of the writer's lock.")]
    reader_lock: Annotated[Digest, msgspec.Meta(description="Digest of the reader's lock.")]
    steps: Annotated[
        str,
        msgspec.Meta(
            description="How the file that was loaded was made of the artifact, joined by ';': of "
            "`rewrite` the rules that edited its configuration, of `hop` ENVIRONMENT/REMEDY/FORMAT "
            "of each that loaded it and saved it again. Empty for the artifact itself.",
        ),
    ]
    made_with: Annotated[
        Digest,
        msgspec.Meta(
            description="Digest of what made the file that was loaded: the rules of `rewrite`, the "
            "locks of the environments of `hop`. Empty for the artifact itself, or if unknown."
        ),
    ]
    frozen: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(\d{4}-\d\d-\d\d)?$",
            description="The day its artifact was written, of a frozen one; else empty.",
        ),
    ]


class AspectRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of one aspect, as the column `aspects` of observations holds it."""

    status: str
    max_abs_diff: float | typing.Literal["inf", "-inf", "nan"] | None = None
    detail: str = ""


class ObservationRow(Record, kw_only=True, frozen=True):
    """One row of observations.parquet."""

    scenario: Id
    format: Format
    writer: Id
    reader: Id
    remedy: Id
    status: str
    stage: str
    exception: str
    message: str
    traceback: str
    output: str
    warnings: str
    aspects: str
    facts: str
    reason: str
    duration_s: Duration
    max_rss_mb: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None
    start_method: str
    position: Annotated[int, msgspec.Meta(ge=0)]
    isolation: str


class AdviceRow(Record, kw_only=True, frozen=True):
    """One row of advice.parquet."""

    scenario: Id
    format: Format
    writer: Id
    reader: Id
    outcome: Outcome
    advice: str
    help: Help
    without: str
    tried: Annotated[int, msgspec.Meta(ge=0)]
    untried: str
    crashed: Annotated[int, msgspec.Meta(ge=0)]
    crash_tried: Annotated[int, msgspec.Meta(ge=0)]
    nearest: str
    nearest_way: str
    nearest_older: str
    nearest_newer: str
    nearest_writer: str
    other_writer: str
    other_reader: str
    other_advice: str
    attribution: str
    steps: Annotated[
        str,
        msgspec.Meta(description="Of the remedy advised, as in the table of cells."),
    ]


ADVICE = "advice/3"
"""Of advice.parquet; that of older versions is made again from the cells."""
ROWS: Mapping[str, type[Record]] = types.MappingProxyType(
    {"cells/1": CellRow, "observations/1": ObservationRow, ADVICE: AdviceRow}
)
"""Schema in the metadata of a parquet file -> the row it holds."""
SCHEMA_OF: Mapping[str, str] = types.MappingProxyType(
    {schema.partition("/")[0]: schema for schema in ROWS}
)
"""Name of a table -> its schema."""
LATER_COLUMNS: Mapping[str, Mapping[str, str]] = types.MappingProxyType(
    {
        "cells/1": {
            "baseline": "",
            "impact": "",
            "measured_at": "",
            "origin": Origin.UNKNOWN,
            **dict.fromkeys(("probe", "recipe", "writer_lock", "reader_lock"), ""),
            **dict.fromkeys(("steps", "made_with", "frozen"), ""),
        },
        # Older runs had no remedy with steps.
        ADVICE: {"steps": ""},
        # Cells of older runs were not confined.
        "observations/1": {"isolation": ""},
    }
)
"""Columns that older data do not have, and the value that says so."""
JSON_COLUMNS: Mapping[str, Any] = types.MappingProxyType(
    {"aspects": dict[Aspect, AspectRecord], "facts": dict[str, Any]}
)
"""Columns of observations that hold JSON, or nothing."""


def column_names(row: type[Record]) -> tuple[str, ...]:
    """Return the columns in their order."""
    return tuple(row.__struct_fields__)


def check_table(table: pa.Table, row: type[Record]) -> None:
    """Hold every distinct value of every column against its declaration.

    Raises:
        ValueError: a column is missing, odd, or holds a value it may not.
    """
    if tuple(table.column_names) != column_names(row):
        raise ValueError(f"it has the columns {', '.join(table.column_names)[:300]}")
    check_columns(table, row, column_names(row))
    if row is ObservationRow:
        for name, kind in JSON_COLUMNS.items():
            _check_json(name, table.column(name), kind)


def check_columns(table: pa.Table, row: type[Record], names: Iterable[str]) -> None:
    """Hold some columns against their declarations; see `check_table`."""
    if not table.num_rows:
        # Without a value a column has no type either, and nothing in it can be wrong.
        return
    fields = {field.name: field for field in msgspec.structs.fields(row)}
    for name in names:
        if _is_number(fields[name].type):
            _check_numbers(name, table.column(name), fields[name].type)
        else:
            _check_texts(name, table.column(name), fields[name].type)


def _is_number(kind: Any) -> bool:
    return bool({int, float} & set(_parts(kind)))


def _parts(kind: Any) -> Iterator[Any]:
    """Yield the plain types an annotation is made of."""
    if isinstance(kind, type):
        yield kind
    elif typing.get_origin(kind) is Annotated:
        yield from _parts(kind.__origin__)
    else:
        for each in typing.get_args(kind):
            yield from _parts(each)


def _check_numbers(name: str, column: pa.ChunkedArray, kind: Any) -> None:
    whole = int in set(_parts(kind))
    fits = pa.types.is_integer if whole else pa.types.is_floating
    if not fits(column.type):
        raise ValueError(f"the column {name} holds {column.type}, not numbers")
    if whole and column.null_count:
        raise ValueError(f"the column {name} has gaps")
    values = column.to_numpy()
    values = values[~np.isnan(values)] if not whole else values
    if len(values):
        for extreme in (values.min(), values.max()):
            _convert(name, extreme.item(), kind)


def _check_texts(name: str, column: pa.ChunkedArray, kind: Any) -> None:
    for value in _distinct(name, column):
        _convert(name, value, kind)


def _check_json(name: str, column: pa.ChunkedArray, kind: Any) -> None:
    decoder = msgspec.json.Decoder(kind)
    for text in _distinct(name, column):
        try:
            if text:
                decoder.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ValueError(f"the column {name} holds {text[:80]!r}: {error}"[:300]) from error


def _distinct(name: str, column: pa.ChunkedArray) -> list[str]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise ValueError(f"the column {name} holds {column.type}, not texts")
    if column.null_count:
        raise ValueError(f"the column {name} has gaps")
    found: list[str] = column.unique().to_pylist()
    return found


def _convert(name: str, value: Any, kind: Any) -> None:
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, ValueError) as error:
        shown = f"{value!r}"[:80]
        raise ValueError(f"the column {name} holds {shown}: {error}"[:300]) from error
