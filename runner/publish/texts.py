"""The texts of a published run's cells, read quickly: columns as codes, nothing decoded.

Input: a folder with `run.json`, `cells.parquet` and `observations.parquet`. Output: `CellTexts`.
`runner.publish.reading` reads and checks all of a run, which takes some seconds; an error text
is explained in less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from runner.domain import ID_COLUMNS
from runner.domain.errors import StoreError
from runner.publish.decoding import MAKE_DATA, read_record, shorten_reason
from runner.publish.record import RunRecord

Codes = npt.NDArray[np.int64]
_OF_CELLS = ("outcome", "cause")
_OF_OBSERVATIONS = ("exception", "message", "reason", "traceback")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of texts: their codes, a row each, and the texts."""

    codes: Codes
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellTexts:
    """A run, and of each of its cells the id, outcome, cause, exception and message."""

    run: RunRecord
    columns: Mapping[str, Column]
    """ID_COLUMNS, outcome, cause, exception, message, reason, traceback; rows in the same order."""


def read_texts(folder: Path) -> CellTexts:
    """Read the texts of a run.

    Raises:
        StoreError: a file is missing or damaged, or they are of different runs.
        ConfigurationError: a file was written by another version of this tool.
    """
    run = read_record(folder / "run.json", RunRecord)
    cells = _read(folder / "cells.parquet", (*ID_COLUMNS, *_OF_CELLS))
    seen = _read(folder / "observations.parquet", (*ID_COLUMNS, *_OF_OBSERVATIONS))
    for name in ID_COLUMNS:
        if not _equal(cells[name], seen[name]):
            raise StoreError(
                f"the tables in {folder} are of different cells",
                cause="files of different runs were put together",
                next_step=MAKE_DATA,
            )
    return CellTexts(run=run, columns={**seen, **cells})


def _read(path: Path, names: tuple[str, ...]) -> dict[str, Column]:
    try:
        table = pq.read_table(path, columns=list(names), read_dictionary=list(names))
        return {name: _code(table.column(name)) for name in names}
    except FileNotFoundError as error:
        raise StoreError(f"there is no {path}", next_step=MAKE_DATA) from error
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        pa.ArrowException,
    ) as error:
        raise StoreError(
            f"cannot read {path}: {shorten_reason(error)}",
            cause="it was damaged, or written by another version of this tool",
            next_step=MAKE_DATA,
        ) from error


def _code(column: pa.ChunkedArray) -> Column:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    joined = column.unify_dictionaries()
    parts = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in joined.chunks]
    codes = np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)
    known = joined.chunk(0).dictionary.to_pylist() if parts else []
    # The last stands for what is missing, which is -1.
    return Column(codes=codes, values=(*(str(each) for each in known), ""))


def _equal(first: Column, second: Column) -> bool:
    if len(first.codes) != len(second.codes):
        return False
    places = {value: place for place, value in enumerate(second.values[:-1])}
    to_second = np.array([places.get(value, -2) for value in first.values], dtype=np.int64)
    to_second[-1] = -1
    return bool(np.array_equal(to_second[first.codes], second.codes))
