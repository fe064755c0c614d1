"""The published data, read back for `report`, `show` and other commands.

Input: a folder with `cells.parquet`, `observations.parquet` and `run.json`. Output:
`PublishedRun`, the one shape a published run has in memory. Nothing else is read: a report
can be made from the data alone.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from runner.domain import ID_COLUMNS, Cell, Detail, Format, Origin, Outcome
from runner.domain.errors import ConfigurationError, MatrixError, StoreError
from runner.publish.columns import (
    ADVICE,
    DETAIL_COLUMNS,
    LATER_COLUMNS,
    ROWS,
    CellRow,
    check_columns,
    check_table,
    column_names,
)
from runner.publish.decoding import MAKE_DATA, SHOWN, read_record, shorten_reason
from runner.publish.placing import settle
from runner.publish.record import ChangesRecord, ClaimsRecord, Record, RunRecord
from runner.publish.tables import count_outcomes, find_baselines, find_impacts, number_cells

CSV, COMPRESSED_CSV = "cells.csv", "cells.csv.gz"
"""The cells as text; a large run's are compressed, and a very large one's left out."""
PARQUET = "cells.parquet"
"""The cells of every run."""
OLDER_ADVICE = frozenset({b"advice/1", b"advice/2"})
MOST_MARKS = 2**28
"""Bytes that marking the cells of a run may take."""
TRIES = 3
"""Times a run is read again because the next was published meanwhile."""
UNREADABLE = (
    *(OSError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError),
    *(RecursionError, EOFError, zlib.error, csv.Error, pa.ArrowException),
)
"""The errors of pyarrow and pandas for a file that is none of theirs, or is damaged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedRun:
    """One published run: as it is about to be written, or as it was read back."""

    run: RunRecord
    cells: pd.DataFrame
    observations: pd.DataFrame
    claims: ClaimsRecord | None = None
    """None where the run has none."""
    changes: ChangesRecord | None = None
    """None where nothing was published before."""
    advice: pd.DataFrame | None = None
    """None in data of older versions."""
    csv: str = CSV
    """Name of the file that holds the cells as text; that of the parquet where there is none."""

    def find_cell(self, cell_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Find the row and the observation of one cell; empty where there is none."""
        scenario, format_, pair, remedy = (*cell_id.split("/"), "", "", "")[:4]
        writer, _, reader = pair.partition("->")
        wanted = dict(zip(ID_COLUMNS, (scenario, format_, writer, reader, remedy), strict=True))
        return _find_row(self.cells, wanted), _find_row(self.observations, wanted)


def load_data(data_dir: Path, *, scenario: str = "") -> PublishedRun:
    """Read a published run; with `scenario` only the rows of that one, which is much quicker.

    Raises:
        StoreError: a file is missing or damaged, or they are of different runs.
        ConfigurationError: a file was written by another version of this tool.
    """
    settle(data_dir)
    for _ in range(TRIES):
        before = _identify(data_dir)
        try:
            found = _load(data_dir, scenario)
        except MatrixError:
            if _identify(data_dir) == before:
                raise
        else:
            if _identify(data_dir) == before:
                return found
    return _load(data_dir, scenario)


def name_csv(names: Container[str]) -> str:
    """Return which file of a run, of those named, gives the cells as text, or at all."""
    return next((each for each in (COMPRESSED_CSV, CSV) if each in names), PARQUET)


def _identify(data_dir: Path) -> tuple[int, int]:
    """Tell one run in the folder from the next, which may be published while it is read."""
    try:
        found = (data_dir / "run.json").stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _load(data_dir: Path, scenario: str) -> PublishedRun:
    run = read_record(data_dir / "run.json", RunRecord)
    cells = load_table(data_dir / "cells.parquet", "cells/1", scenario=scenario)
    observations = load_table(
        data_dir / "observations.parquet", "observations/1", scenario=scenario
    )
    advice = _load_advice(data_dir / "advice.parquet", scenario)
    _check_whole(data_dir, run, cells, observations, advice, part=bool(scenario))
    cells = _with_derived(cells, observations, kept=run.kept is not None)
    return PublishedRun(
        run=run,
        cells=cells,
        observations=observations,
        claims=_load_claims(data_dir / "claims.json", run),
        changes=load_changes(data_dir / "changes.json"),
        advice=advice,
        csv=name_csv({each for each in (CSV, COMPRESSED_CSV) if (data_dir / each).exists()}),
    )


def _load_advice(path: Path, scenario: str) -> pd.DataFrame | None:
    """Read the advice; None where it is of an older version, which gave less."""
    if not path.exists():
        return None
    try:
        metadata = pq.read_schema(path).metadata or {}
    except UNREADABLE as error:
        raise StoreError(
            f"cannot read {path}: {shorten_reason(error)}", next_step=MAKE_DATA
        ) from error
    if metadata.get(b"schema") in OLDER_ADVICE:
        return None
    return load_table(path, ADVICE, scenario=scenario)


def load_changes(path: Path) -> ChangesRecord | None:
    """Read changes.json, where there is one: the runs before this one may be of any age."""
    if not path.exists():
        return None
    return read_record(path, ChangesRecord, f"remove {path}: the history ends here")


def load_earlier(data_dir: Path) -> tuple[RunRecord | None, ChangesRecord | None]:
    """Read run.json and changes.json of an earlier run; None for one missing or damaged."""
    settle(data_dir)
    return (
        _read_or_none(data_dir / "run.json", RunRecord),
        _read_or_none(data_dir / "changes.json", ChangesRecord),
    )


def _read_or_none(path: Path, kind: type[Any]) -> Any:
    try:
        return read_record(path, kind)
    except MatrixError:
        return None


def _load_claims(path: Path, run: RunRecord) -> ClaimsRecord | None:
    """Read claims.json; it has to be of this run, as it names its cells."""
    if not path.exists():
        return None
    claims = read_record(path, ClaimsRecord)
    if claims.run != run.started:
        raise StoreError(
            f"{path} is of the run of {claims.run[:40]}, run.json has {run.started}",
            cause="the files come from different runs",
            next_step=MAKE_DATA,
        )
    return claims


def load_table(path: Path, schema: str, *, scenario: str = "") -> pd.DataFrame:
    """Read one parquet file of a published run and hold it against its columns.

    With `scenario`, its rows alone are read and held against them.

    Raises:
        StoreError: it is missing, damaged, or holds values its columns do not allow.
        ConfigurationError: it is another table than that of the schema.
    """
    try:
        table = pq.read_table(path)
        found = (table.schema.metadata or {}).get(b"schema", b"").decode()
    except FileNotFoundError as error:
        raise StoreError(f"there is no {path}", next_step=MAKE_DATA) from error
    except UNREADABLE as error:
        raise StoreError(
            f"cannot read {path}: {shorten_reason(error)}", next_step=MAKE_DATA
        ) from error
    row = ROWS[schema]
    table = _with_later_columns(table, row, LATER_COLUMNS.get(schema, {}))
    if found != schema:
        raise ConfigurationError(
            f"{path} has the schema {found[:40]!r}, this tool reads {schema!r}",
            cause="it is another table, or was written by another version of this tool",
            next_step="use that version, or run `nox -s matrix` again",
        )
    return _checked_frame(path, table, row, scenario)


def _with_later_columns(table: pa.Table, row: type[Record], later: Mapping[str, str]) -> pa.Table:
    """Add the columns that data of older versions lack."""
    missing = [name for name in later if name not in table.column_names]
    for name in missing:
        codes = pa.array(np.zeros(len(table), dtype=np.int32))
        values = pa.DictionaryArray.from_arrays(codes, pa.array([str(later[name])]))
        table = table.append_column(name, values)
    if not missing or set(column_names(row)) != set(table.column_names):
        return table
    return table.select(list(column_names(row)))


def _with_derived(cells: pd.DataFrame, observations: pd.DataFrame, *, kept: bool) -> pd.DataFrame:
    """Work out of an older table what it does not say: baseline and impact.

    When a row was measured is not known. Where from is, unless the run kept cells of another.
    """
    older = (cells["origin"] == str(Origin.UNKNOWN)).all() and (cells["baseline"] == "").all()
    if not older or not len(cells):
        return cells
    keys, known = number_cells(cells, observations)
    ran = np.isin(keys, known[(observations["status"] != "").to_numpy()])
    origin = Origin.UNKNOWN if kept else Origin.MEASURED
    return cells.assign(
        baseline=find_baselines(cells),
        impact=find_impacts(cells, observations),
        origin=pd.Categorical(np.where(ran, str(origin), "")),
    )


def _checked_frame(path: Path, table: pa.Table, row: type[Record], scenario: str) -> pd.DataFrame:
    try:
        if scenario:
            table = _rows_of(table, scenario)
        check_table(table, row)
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    except UNREADABLE as error:
        raise StoreError(
            f"{path} is damaged: {shorten_reason(error)}",
            cause="it was edited, or written by another version of this tool",
            next_step=MAKE_DATA,
        ) from error
    return frame


def _rows_of(table: pa.Table, scenario: str) -> pa.Table:
    """Return the rows of one scenario; a column of theirs names no value of the other rows."""
    part = table.filter(pc.equal(table.column("scenario"), scenario))
    for place, field in enumerate(part.schema):
        if pa.types.is_dictionary(field.type):
            values = part.column(place).cast(field.type.value_type).dictionary_encode()
            part = part.set_column(place, field.name, values)
    return part


def _check_whole(
    data_dir: Path,
    run: RunRecord,
    cells: pd.DataFrame,
    observations: pd.DataFrame,
    advice: pd.DataFrame | None,
    *,
    part: bool,
) -> None:
    """Prove that the files are of one run, and name each of its cells once.

    Of a part, the cells are not counted.

    Raises:
        StoreError: they are not.
    """
    reasons = []
    counted = count_outcomes(cells["outcome"])
    totals = run.totals.cells, run.totals.by_outcome
    if not part and totals != (len(cells), counted):
        reasons.append(
            f"run.json counts {run.totals.cells} cells, cells.parquet {len(cells)}, "
            "or their outcomes differ"
        )
    ids = {
        "scenario": {each.id for each in run.scenarios},
        "format": set(map(str, run.formats)),
        "writer": set(run.environment_ids),
        "reader": set(run.environment_ids),
        "remedy": {each.id for each in run.remedies},
    }
    tables = [("cells.parquet", cells), ("observations.parquet", observations)]
    for name, frame in [*tables, *([("advice.parquet", advice)] if advice is not None else [])]:
        reasons += _check_ids(name, frame, {key: ids[key] for key in ids if key in frame.columns})
    if reasons:
        raise StoreError(
            f"{data_dir}: {reasons[0]}",
            cause="the files come from different runs, or one was edited",
            next_step=MAKE_DATA,
        )


def _check_ids(name: str, frame: pd.DataFrame, ids: dict[str, set[str]]) -> list[str]:
    for column, known in ids.items():
        unknown = sorted(set(map(str, frame[column].unique())) - known)
        if unknown:
            shown = ", ".join(unknown[:5])[:200]
            return [f"{name} names a {column} that run.json does not: {shown}"]
    key = np.zeros(len(frame), dtype=np.int64)
    keys = 1
    for column in ids:
        codes, values = pd.factorize(frame[column])
        key = key * len(values) + codes
        keys *= len(values)
    return [f"{name} names a cell twice"] if _repeats(key, keys) else []


def _repeats(key: NDArray[np.int64], keys: int) -> bool:
    """Whether a key is there twice; `keys` says how many there may be."""
    if keys > MOST_MARKS:
        return len(np.unique(key)) != len(key)
    # To find the distinct ones takes much longer.
    marks = np.zeros(keys, dtype=np.bool_)
    marks[key] = True
    return int(np.count_nonzero(marks)) != len(key)


def find_cells(path: Path) -> Path:
    """Return the file of a run's cells: the path itself, or that in a folder of a run.

    Raises:
        ConfigurationError: the folder has none.
    """
    if not path.is_dir():
        return path
    settle(path)
    for name in ("cells.parquet", CSV, COMPRESSED_CSV):
        if (path / name).exists():
            return path / name
    raise ConfigurationError(
        f"{path}: no run in it",
        cause="the folder is another one, or the run has not ended",
        next_step="name the folder of a run, such as reports/published",
    )


def read_bases(folder: Path) -> dict[str, str]:
    """Return the builds of one's own of the run in a folder, each with its base.

    There are none where the cells lie alone.

    Raises:
        MatrixError: its run.json is damaged, or of another version.
    """
    if not (folder / "run.json").exists():
        return {}
    return read_record(folder / "run.json", RunRecord).bases


def read_cells(path: Path) -> pd.DataFrame:
    """Read the cells of a `cells.csv`, `cells.csv.gz` or `cells.parquet` of any run, as texts.

    Columns are those of a cell, its outcome, cause and aspects.

    Raises:
        ConfigurationError: it is none, or names a cell twice, or holds a value no cell has.
    """
    wanted = [*ID_COLUMNS, *DETAIL_COLUMNS]
    settle(path.parent)
    try:
        table = (
            pq.read_table(path, columns=wanted)
            if path.suffix == ".parquet"
            else pa.Table.from_pandas(
                pd.read_csv(path, dtype=str, keep_default_na=False, usecols=wanted)[wanted],
                preserve_index=False,
            )
        )
        check_columns(table.select(wanted), CellRow, wanted)
        frame: pd.DataFrame = table.select(wanted).to_pandas(ignore_metadata=True)
    except UNREADABLE as error:
        raise _not_cells(path, shorten_reason(error)) from error
    frame = frame.astype(object)
    repeated = frame.duplicated(list(ID_COLUMNS))
    if repeated.any():
        first = "{scenario}/{format}/{writer}->{reader}/{remedy}".format_map(
            frame[repeated].iloc[0].to_dict()
        )
        raise _not_cells(path, f"{first[:SHOWN]} is there twice")
    return frame


def _find_row(frame: pd.DataFrame, wanted: dict[str, str]) -> dict[str, Any]:
    matches = pd.Series(data=True, index=frame.index)
    for column, value in wanted.items():
        matches &= frame[column] == value
    found = frame[matches]
    return {} if found.empty else {str(key): value for key, value in found.iloc[0].items()}


def load_details(path: Path) -> dict[Cell, Detail]:
    """Return outcome, cause and differing aspects of every cell of such a file, as a baseline.

    Raises:
        ConfigurationError: as `read_cells`.
    """
    return details_of(read_cells(path))


def details_of(frame: pd.DataFrame) -> dict[Cell, Detail]:
    """Return the cells of a table with the parts by which runs are compared."""
    columns = [frame[name].astype(str) for name in (*ID_COLUMNS, *DETAIL_COLUMNS)]
    found: dict[Cell, Detail] = {}
    shared: dict[tuple[str, str, str], Detail] = {}
    for scenario, format_, writer, reader, remedy, *said in zip(*columns, strict=True):
        outcome, cause, aspects = said
        detail = shared.get((outcome, cause, aspects))
        if detail is None:
            names = frozenset(aspects.split(";")) if aspects else frozenset()
            detail = Detail(outcome=Outcome(outcome), cause=cause, aspects=names)
            shared[outcome, cause, aspects] = detail
        cell = Cell(
            scenario=scenario,
            format=Format(format_),
            writer=writer,
            reader=reader,
            remedy=remedy,
        )
        found[cell] = detail
    return found


def _not_cells(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: not the cells of a run: {reason}",
        cause="the file is missing, damaged, or neither cells.csv nor cells.parquet",
        next_step="name the cells.csv or cells.parquet of a published run",
    )
