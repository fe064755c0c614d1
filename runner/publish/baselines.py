"""Baselines of the gate: a run's cells, or the small sorted file of them that is committed.

Input: a folder of a run, its cells.csv or cells.parquet, or a `baseline/1` file. Output: the cells
with outcome, cause and differing aspects. `update_rows` changes a baseline by a run: it only
shrinks the known failures unless told otherwise, and touches no cell that the run did not measure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from runner.domain import Aspect, Cell, Detail, Format, Outcome
from runner.domain.counterparts import find_counterparts
from runner.domain.errors import ConfigurationError
from runner.domain.outcomes import UNJUDGED
from runner.domain.selector import ARROW, is_build
from runner.publish.reading import details_of, find_cells, read_cells
from runner.store import atomic_write_text

SCHEMA = "baseline/1"
COLUMNS = ("cell", "outcome", "cause", "aspects", "reason", "link")
FIRST = "# "


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineRow:
    """One cell of a baseline; a known failure may have a reason and a link."""

    cell: str
    detail: Detail
    reason: str = ""
    link: str = ""

    @property
    def fails(self) -> bool:
        """Whether it is a known failure."""
        return self.detail.outcome is not Outcome.EQUIVALENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Updated:
    """A baseline after a run, and what the run could not do to it without being told to."""

    rows: Mapping[str, BaselineRow]
    fixed: tuple[str, ...]
    added: tuple[str, ...]
    grown: tuple[str, ...]
    """Cells whose new failure was written, as it was asked for."""
    refused: tuple[str, ...]
    """Cells whose new failure was not written."""
    untouched: int
    """Cells that the run did not measure."""


def read_baseline(path: Path) -> dict[Cell, Detail]:
    """Return the cells of a baseline, whichever kind it is.

    Raises:
        ConfigurationError: it is none, or of another version.
    """
    if path.is_dir():
        return _read_run(path)
    if _first_line(path).startswith(FIRST):
        return {_parse_cell(row.cell, path): row.detail for row in read_rows(path).values()}
    return details_of(read_cells(path))


def read_numbers(path: Path) -> dict[Cell, float]:
    """Return the largest difference of every equivalent cell, where a baseline has them."""
    file = path / "cells.parquet" if path.is_dir() else path
    if file.suffix != ".parquet" or not file.exists():
        return {}
    columns = ["scenario", "format", "writer", "reader", "remedy", "outcome", "max_abs_diff"]
    if not set(columns) <= set(pq.read_schema(file).names):
        return {}
    frame = pq.read_table(file, columns=columns).to_pandas(ignore_metadata=True)
    frame = frame[(frame["outcome"] == str(Outcome.EQUIVALENT)) & frame["max_abs_diff"].notna()]
    return {
        Cell(
            scenario=row[0], format=Format(row[1]), writer=row[2], reader=row[3], remedy=row[4]
        ): float(row[6])
        for row in frame.astype(object).itertuples(index=False, name=None)
    }


def _read_run(folder: Path) -> dict[Cell, Detail]:
    path = find_cells(folder)
    _require_schema(path)
    return details_of(read_cells(path))


def _require_schema(path: Path) -> None:
    """Refuse a table of another version, whose columns may mean something else."""
    if path.suffix != ".parquet":
        return
    try:
        found = (pq.read_schema(path).metadata or {}).get(b"schema", b"").decode()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error}",
            cause="the file is damaged",
            next_step="name the folder of another run",
        ) from error
    if found != "cells/1":
        raise _other_schema(path, found, "cells/1")


def _other_schema(path: Path, found: str, wanted: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} has the schema {found[:40]!r}, this tool reads {wanted!r}",
        cause="it was written by another version of this tool, or is another file",
        next_step="make it again with this version: nox -s baseline -- create --file FILE",
    )


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(200)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: no baseline: {error.strerror}",
            cause="the file is missing, or its name is misspelt",
            next_step="name a run's folder, its cells.parquet, or a file that a baseline is in",
        ) from error


def read_rows(path: Path) -> dict[str, BaselineRow]:
    """Return the rows of a `baseline/1` file by cell.

    Raises:
        ConfigurationError: it is none, of another version, or a row is malformed.
    """
    first = _first_line(path).strip()
    if first != f"{FIRST}{SCHEMA}":
        raise _other_schema(path, first.removeprefix(FIRST), SCHEMA)
    found: dict[str, BaselineRow] = {}
    with path.open(encoding="utf-8", newline="") as file:
        next(file)
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise _malformed(path, 2, f"its columns are not {','.join(COLUMNS)}")
        for row in reader:
            number = reader.line_num + 1
            if None in row or None in row.values():
                raise _malformed(path, number, "it has more or fewer columns than the first row")
            parsed = _parse_row(row, path, number)
            if parsed.cell in found:
                raise _malformed(path, number, f"{parsed.cell} is there twice")
            found[parsed.cell] = parsed
    return found


def _parse_row(row: Mapping[str, str], path: Path, number: int) -> BaselineRow:
    try:
        aspects = frozenset(str(Aspect(name)) for name in row["aspects"].split(";") if name)
        outcome = Outcome(row["outcome"])
    except ValueError as error:
        raise _malformed(path, number, str(error)) from error
    return BaselineRow(
        cell=row["cell"],
        detail=Detail(outcome=outcome, cause=row["cause"], aspects=aspects),
        reason=row["reason"],
        link=row["link"],
    )


def _malformed(path: Path, number: int, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}, line {number}: {what}",
        cause="the file was edited by hand, or a merge left both sides in it",
        next_step=f"correct that line; `git diff {path}` shows what changed",
    )


def _parse_cell(text: str, path: Path) -> Cell:
    scenario, format_, ends, remedy = (*text.split("/"), "", "", "", "")[:4]
    writer, _, reader = ends.partition("->")
    if not all((scenario, format_, writer, reader, remedy)) or format_ not in list(Format):
        raise _malformed(path, 0, f"{text!r} is not the id of a cell")
    return Cell(
        scenario=scenario, format=Format(format_), writer=writer, reader=reader, remedy=remedy
    )


def rows_of(cells: pd.DataFrame) -> dict[str, BaselineRow]:
    """Return the rows of a run's cells."""
    return {
        cell.id: BaselineRow(cell=cell.id, detail=detail)
        for cell, detail in details_of(cells).items()
    }


def without_builds(
    run: Mapping[str, BaselineRow], before: Mapping[str, BaselineRow], bases: Mapping[str, str]
) -> tuple[dict[str, BaselineRow], int]:
    """Return a run's rows as they stand in a baseline, and how many were left out.

    A cell of a build has the name of the build that it is held against. If that is a release, it
    is left out: a pull request changes nothing of what the release did. `bases` are the builds of
    the run, each with what it was made of.
    """
    known = {name for cell in before for name in _ends(cell)}
    names = find_counterparts(bases, known)
    names = {build: name for build, name in names.items() if name in known}
    found: dict[str, BaselineRow] = {}
    for row in run.values():
        scenario, format_, _, remedy = row.cell.split("/")
        ends = [names.get(end, end) for end in _ends(row.cell)]
        builds = [end for end in _ends(row.cell) if is_build(end)]
        if all(is_build(names.get(build, build)) for build in builds):
            cell = f"{scenario}/{format_}/{ARROW.join(ends)}/{remedy}"
            found[cell] = replace(row, cell=cell)
    return found, len(run) - len(found)


def _ends(cell: str) -> list[str]:
    return cell.split("/")[2].split(ARROW)


def update_rows(
    before: Mapping[str, BaselineRow], run: Iterable[BaselineRow], *, grow: bool
) -> Updated:
    """Return a baseline after a run; a failure that is new to it is written only with `grow`."""
    rows = dict(before)
    fixed: list[str] = []
    added: list[str] = []
    grown: list[str] = []
    refused: list[str] = []
    measured = 0
    for now in run:
        if now.detail.outcome in UNJUDGED:
            continue
        known = before.get(now.cell)
        measured += known is not None
        if known is not None and known.detail == now.detail:
            continue
        if not now.fails:
            (added if known is None else fixed).append(now.cell)
            rows[now.cell] = now
        elif grow:
            grown.append(now.cell)
            same = known is not None and known.detail.cause == now.detail.cause
            # A reason is of a cause: it does not speak of another one.
            rows[now.cell] = replace(known, detail=now.detail) if known and same else now
        else:
            refused.append(now.cell)
    return Updated(
        rows=rows,
        fixed=tuple(fixed),
        added=tuple(added),
        grown=tuple(grown),
        refused=tuple(refused),
        untouched=len(before) - measured,
    )


def write_rows(path: Path, rows: Mapping[str, BaselineRow]) -> None:
    """Put a baseline in place, sorted by cell: the same rows make the same bytes."""
    text = io.StringIO()
    text.write(f"{FIRST}{SCHEMA}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in sorted(rows):
        row = rows[cell]
        aspects = ";".join(each for each in map(str, Aspect) if each in row.detail.aspects)
        writer.writerow(
            (cell, str(row.detail.outcome), row.detail.cause, aspects, row.reason, row.link)
        )
    atomic_write_text(path, text.getvalue())
