"""The data of a run, as commands read them: one's own run, or the published one.

Input: `--data` and the request. Output: the folder and its `PublishedRun`; and errors that
suggest an id where one is mistyped.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.command import STORE
from runner.domain.errors import SelectionError
from runner.domain.request import PUBLISHED, Request
from runner.domain.selector import (
    ARROW,
    PARTS,
    SHAPE,
    KnownIds,
    matches_any,
    suggest,
    unmatched,
)

if TYPE_CHECKING:
    import pandas as pd

    from runner.publish.reading import PublishedRun


def find_folder(request: Request, data: Path | None) -> Path:
    """Return the folder to read; says so where it is not a run of one's own."""
    if data is not None:
        return data
    own = request.out
    asked_for = own != (STORE / "report").absolute()
    published = request.root / PUBLISHED
    if asked_for or (own / "run.json").exists() or not (published / "run.json").exists():
        return own
    print(f"no run of your own in {STORE}: this is of the run in {PUBLISHED}", file=sys.stderr)
    return published


def open_data(
    request: Request, data: Path | None, *, scenario: str = ""
) -> tuple[Path, PublishedRun]:
    """Read the data of a run, or the rows of one scenario; `data` is the value of `--data`.

    Raises:
        MatrixError: there is none, or it cannot be read.
    """
    from runner.publish.reading import load_data

    folder = find_folder(request, data)
    return folder, load_data(folder, scenario=scenario)


def choose_ids(kind: str, glob: str, ids: Sequence[str], listing: str) -> set[str]:
    """Return the ids that a glob names.

    `kind` is the word for one, `listing` the command that lists all of them, or tells
    of the one that is named after it.

    Raises:
        SelectionError: a part of the glob matches none, with a suggestion.
    """
    missing = unmatched(glob, ids)
    if missing:
        close = suggest(missing, ids)
        raise SelectionError(
            f"no {kind} {missing!r}",
            cause=f"did you mean {' or '.join(close)}?" if close else "no id is anything like it",
            next_step=f"{listing} -- {close[0]}" if close else listing,
        )
    return {each for each in ids if matches_any(each, [glob])}


def split_cell(cell: str) -> dict[str, str]:
    """Return the five parts of a cell's id.

    Raises:
        SelectionError: it has more or fewer.
    """
    parts = cell.split("/")
    ends = parts[2].split(ARROW) if len(parts) == 4 else []
    values = [*parts[:2], *ends, *parts[3:]]
    if len(values) != len(PARTS) or not all(values) or len(ends) != 2:
        raise SelectionError(
            f"{cell!r} is not the id of a cell",
            cause=f"it does not have the shape {SHAPE}"
            if len(parts) <= 4
            else "it has more than four parts between its slashes",
            next_step=f"put it in quotes, and write all of it: {SHAPE}",
        )
    return dict(zip(PARTS, values, strict=True))


def join_cell(parts: Mapping[str, str]) -> str:
    """Return the id of the cell of these parts; without a remedy, of the bare load."""
    bare = {"remedy": "none", **parts}
    return "{scenario}/{format}/{writer}->{reader}/{remedy}".format(**bare)


def known_ids(cells: pd.DataFrame) -> KnownIds:
    """Return the ids that the cells of a run have."""
    ids = {part: tuple(map(str, cells[part].unique())) for part in PARTS}
    return KnownIds(
        scenarios=ids["scenario"],
        formats=ids["format"],
        environments=tuple(dict.fromkeys((*ids["writer"], *ids["reader"]))),
        remedies=ids["remedy"],
    )


def show_again(parts: Mapping[str, str]) -> str:
    """Return the command that shows the cell of these parts."""
    return f"nox -s show -- {shlex.quote(join_cell(parts))}"


def explain_missing(
    parts: Mapping[str, str],
    data: PublishedRun,
    folder: Path,
    again: Callable[[Mapping[str, str]], str] = show_again,
) -> SelectionError:
    """Say why a run has no such cell: a part is misspelt, or it was not in that run.

    `data` may hold the rows of one scenario alone. `again` gives the command to try with other
    parts.
    """
    cell = join_cell(parts)
    known = KnownIds(
        scenarios=tuple(each.id for each in data.run.scenarios),
        formats=tuple(map(str, data.run.formats)),
        environments=tuple(data.run.environment_ids),
        remedies=tuple(each.id for each in data.run.remedies),
    )
    for part, value in parts.items():
        if value not in known.ids(part):
            close = suggest(value, known.ids(part))
            return SelectionError(
                f"no cell {cell!r} in {folder}: it has no {part} {value!r}",
                cause=f"did you mean {' or '.join(close)}?" if close else "it is misspelt, or new",
                next_step=again({**parts, part: close[0]})
                if close
                else f"nox -s matrix -- --select {shlex.quote(cell)}",
            )
    return SelectionError(
        f"no cell {cell!r} in {folder}",
        cause="the run has its parts, but not together",
        next_step=f"nox -s matrix -- --select {shlex.quote(cell)}",
    )


def selected_rows(cells: pd.DataFrame, request: Request) -> list[int]:
    """Return the places of the cells that the request selects.

    Raises:
        SelectionError: a selector matches no id of this run.
    """
    import numpy as np

    from runner.analyse.aspects import number_values
    from runner.domain.selector import select

    selection = select(request.patterns, request.filters, known_ids(cells))
    coded = {part: number_values(cells[part]) for part in PARTS}
    masks = {part: selection.masks(part, values) for part, (_, values) in coded.items()}
    chosen = np.zeros(len(cells), dtype=np.bool_)
    for bit in range(max(1, len(request.patterns))):
        matched = np.ones(len(cells), dtype=np.bool_)
        for part, (codes, _) in coded.items():
            matched &= np.array([mask >> bit & 1 for mask in masks[part]], dtype=np.bool_)[codes]
        chosen |= matched
    return [int(row) for row in np.flatnonzero(chosen)]
