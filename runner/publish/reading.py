"""The published data, read back: what `report`, `show` and later commands start from.

Input: a folder with `cells.parquet`, `observations.parquet` and `run.json`. Output:
`ReportData`. Nothing else is read: a report can be made from the data alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from runner.domain import Cell, Format, Outcome
from runner.domain.errors import ConfigurationError, StoreError
from runner.publish.tables import CELL_COLUMNS, ID_COLUMNS, OBSERVATION_COLUMNS, count_outcomes

RUN_SCHEMA = "run/1"
CLAIMS_SCHEMA = "claims/1"
CHANGES_SCHEMA = "changes/1"
CSV, COMPRESSED_CSV = "cells.csv", "cells.csv.gz"
"""The cells as text; a large run's are compressed."""
ISOLATION = "isolation"
"""A column that older runs do not have: what they measured was not confined."""
MAKE_DATA = "run `nox -s matrix` to make it, or name the folder of another run"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportData:
    """One published run."""

    run: dict[str, Any]
    cells: pd.DataFrame
    observations: pd.DataFrame
    claims: Mapping[str, Any] | None = None
    """The content of claims.json; none where the run has none."""
    changes: Mapping[str, Any] | None = None
    """The content of changes.json; none where nothing was published before."""
    csv: str = CSV
    """Name of the file that holds the cells as text."""

    def find_cell(self, cell_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Find the row and the observation of one cell; empty where there is none."""
        scenario, format_, pair, remedy = (*cell_id.split("/"), "", "", "")[:4]
        writer, _, reader = pair.partition("->")
        wanted = dict(zip(ID_COLUMNS, (scenario, format_, writer, reader, remedy), strict=True))
        return _find_row(self.cells, wanted), _find_row(self.observations, wanted)


def load_data(data_dir: Path) -> ReportData:
    """Read a published run; a missing, damaged or unknown file is a clear error."""
    run = _load_run(data_dir / "run.json")
    cells = _load_table(data_dir / "cells.parquet", "cells/1", CELL_COLUMNS)
    observations = _load_table(
        data_dir / "observations.parquet", "observations/1", OBSERVATION_COLUMNS
    )
    stated = run["totals"]
    if (stated["cells"], stated["by_outcome"]) != (len(cells), count_outcomes(cells["outcome"])):
        raise StoreError(
            f"{data_dir}: run.json counts {stated['cells']} cells, cells.parquet {len(cells)}, "
            "or their outcomes differ",
            cause="the files come from different runs, or a write was interrupted",
            next_step=MAKE_DATA,
        )
    return ReportData(
        run=run,
        cells=cells,
        observations=observations,
        claims=_load_claims(data_dir, run),
        changes=_load_changes(data_dir),
        csv=COMPRESSED_CSV if (data_dir / COMPRESSED_CSV).exists() else CSV,
    )


def _load_run(path: Path) -> dict[str, Any]:
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(f"there is no {path}", next_step=MAKE_DATA) from error
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}", next_step=MAKE_DATA) from error
    found = run.get("schema") if isinstance(run, dict) else None
    if found != RUN_SCHEMA:
        raise ConfigurationError(
            f"{path} has the schema {found!r}, this tool reads {RUN_SCHEMA!r}",
            cause="it was written by another version of this tool",
            next_step="use that version, or run `nox -s matrix` again",
        )
    return dict(run)


def _load_claims(data_dir: Path, run: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read claims.json; it has to be of this run, as it names its cells."""
    path = data_dir / "claims.json"
    if not path.exists():
        return None
    try:
        claims = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}", next_step=MAKE_DATA) from error
    if (claims.get("schema"), claims.get("run")) != (CLAIMS_SCHEMA, run["started"]):
        raise StoreError(
            f"{path} has the schema {claims.get('schema')!r} and is of the run of "
            f"{claims.get('run')}, run.json has {run['started']}",
            cause="the files come from different runs, or a write was interrupted",
            next_step=MAKE_DATA,
        )
    return claims


def _load_changes(data_dir: Path) -> dict[str, Any] | None:
    """Read changes.json: the runs before this one may be of any age."""
    path = data_dir / "changes.json"
    if not path.exists():
        return None
    try:
        changes = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}", next_step=MAKE_DATA) from error
    if changes.get("schema") != CHANGES_SCHEMA:
        raise ConfigurationError(
            f"{path} has the schema {changes.get('schema')!r}, this tool reads {CHANGES_SCHEMA!r}",
            cause="it was written by another version of this tool",
            next_step=f"use that version, or remove {path}: its history ends here",
        )
    return changes


def _load_table(path: Path, schema: str, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise StoreError(f"there is no {path}", next_step=MAKE_DATA) from error
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"cannot read {path}: {error}", next_step=MAKE_DATA) from error
    found = (table.schema.metadata or {}).get(b"schema", b"").decode()
    if ISOLATION in columns and ISOLATION not in table.column_names:
        table = table.append_column(ISOLATION, pa.array([""] * len(table)))
    if found != schema or tuple(table.column_names) != columns:
        raise ConfigurationError(
            f"{path} has the schema {found!r}, this tool reads {schema!r}",
            cause="it was written by another version of this tool",
            next_step="use that version, or run `nox -s matrix` again",
        )
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _find_row(frame: pd.DataFrame, wanted: dict[str, str]) -> dict[str, Any]:
    matches = pd.Series(data=True, index=frame.index)
    for column, value in wanted.items():
        matches &= frame[column] == value
    found = frame[matches]
    return {} if found.empty else {str(key): value for key, value in found.iloc[0].items()}


def load_outcomes(path: Path) -> dict[Cell, Outcome]:
    """Return the outcome of every cell of a `cells.csv` or `cells.parquet`, as a baseline.

    Raises:
        ConfigurationError: the file is missing, or is neither.
    """
    try:
        read = pd.read_parquet if path.suffix == ".parquet" else pd.read_csv
        frame = read(path)
        columns = [frame[name].astype(str) for name in (*ID_COLUMNS, "outcome")]
        return {
            Cell(
                scenario=scenario,
                format=Format(format_),
                writer=writer,
                reader=reader,
                remedy=remedy,
            ): Outcome(outcome)
            for scenario, format_, writer, reader, remedy, outcome in zip(*columns, strict=True)
        }
    except (OSError, ValueError, KeyError, pa.ArrowInvalid) as error:
        raise ConfigurationError(
            f"{path}: not the cells of a run: {error}",
            cause="the file is missing, or is neither cells.csv nor cells.parquet",
            next_step="name the file of an earlier run with --baseline",
        ) from error
