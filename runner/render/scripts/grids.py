"""The data behind the picker and the matrix: every outcome and cause, packed as letters.

Input: the coded cells. Output: JSON values for two scripts. A grid is the environments that
write and read in it and one letter a cell, writer by writer; a blank is a cell that does not
exist. A few hundred thousand cells stay under 300 KB compressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.analyse.ages import code_ages
from runner.analyse.grids import Coded, Codes, code_column
from runner.domain import BARE, Help
from runner.domain.errors import StoreError
from runner.publish.reading import PublishedRun

BLANK = "."
Grids = dict[str, dict[str, dict[str, Any]]]
"""By format, scenario and way of loading."""
KINDS = ("o", "c", "a", "b")
"""Letters of outcomes, causes, ages, and of the way that is advised."""
CODES = (*range(48, 127), *range(256, 432))
LETTERS = "".join(letter for letter in map(chr, CODES) if letter not in "<\\`&")
"""One for each outcome, or each cause: printable, and safe inside a script. The first are a
byte each."""


def pack_cells(data: PublishedRun, coded: Coded, advice: pd.DataFrame) -> dict[str, Any]:
    """Return every grid, as `cells.js` reads them beside `data/index.js`; see `split_grids`.

    Raises:
        StoreError: there are more causes than letters.
    """
    causes = sorted({str(cause) for cause in data.cells["cause"].unique()} - {""})
    if len(causes) > len(LETTERS):
        raise StoreError(f"{len(causes)} causes, and the report has letters for {len(LETTERS)}")
    # Code 0 is "no cause", which is no letter.
    cause = code_column(data.cells["cause"], ("", *causes)) - 1
    way = _advised_ways(advice, coded)
    ages, age = code_ages(data.cells, len(LETTERS))
    grids: Grids = {}
    lists: dict[tuple[int, ...], int] = {}
    for rows in _groups(coded):
        first = rows[0]
        grid = _pack_grid(coded, rows, cause, way, lists)
        if len(ages) > 1:
            grid["a"] = _spell_ages(age[rows], coded, rows)
        scenario = coded.scenarios[coded.scenario[first]]
        of_format = grids.setdefault(coded.formats[coded.format[first]], {})
        of_format.setdefault(scenario, {})[coded.remedies[coded.remedy[first]]] = grid
    return {
        "environments": list(coded.environments),
        "causes": causes,
        "letters": LETTERS,
        "ages": [[each.origin, each.moment, int(each.frozen)] for each in ages],
        "lists": [list(each) for each in lists],
        "grids": grids,
    }


def split_grids(packed: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the grids: the bare loads, for `data/grids.js`, and the rest, for `data/ways.js`.

    The rest is the other ways of loading, and which of them is advised for a bare load: the first
    page asks for it when it already shows the bare loads.
    """
    bare: Grids = {}
    rest: Grids = {}
    for name, scenarios in packed["grids"].items():
        for scenario, ways in scenarios.items():
            of_bare = bare.setdefault(name, {}).setdefault(scenario, {})
            of_rest = rest.setdefault(name, {}).setdefault(scenario, {})
            for remedy, grid in ways.items():
                if remedy != BARE:
                    of_rest[remedy] = grid
                    continue
                of_bare[remedy] = {key: value for key, value in grid.items() if key != "b"}
                if "b" in grid:
                    of_rest[remedy] = {"b": grid["b"]}
    return {**packed, **_line_up(bare)}, _line_up(rest)


def _line_up(grids: Grids) -> dict[str, Any]:
    """Take the letters out of the grids, which hold their number: a grid's are like the last's.

    Each kind of letters on its own takes two thirds of the room when it is compressed.
    """
    letters: dict[str, list[str]] = {kind: [] for kind in KINDS}
    numbered: Grids = {}
    number = 0
    for name, scenarios in grids.items():
        for scenario, ways in scenarios.items():
            of_scenario = numbered.setdefault(name, {}).setdefault(scenario, {})
            for remedy, grid in ways.items():
                for kind in KINDS:
                    letters[kind].append(grid.get(kind, ""))
                of_scenario[remedy] = {
                    **{key: value for key, value in grid.items() if key not in KINDS},
                    "n": number,
                }
                number += 1
    return {"grids": numbered, **letters}


def _groups(coded: Coded) -> list[Codes]:
    """Return the rows of each scenario, format and remedy, in the order of run.json."""
    group = (coded.scenario * len(coded.formats) + coded.format) * len(coded.remedies)
    group = group + coded.remedy
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order])) + 1
    return [rows for rows in np.split(order, edges) if len(rows)]


def _spell_ages(age: Codes, coded: Coded, rows: Codes) -> str:
    """Spell the age of each cell; one letter stands for a grid of one age."""
    if (age == age[0]).all():
        return LETTERS[int(age[0])]
    return _spell(age, *_places(coded, rows))


def _places(coded: Coded, rows: Codes) -> tuple[Codes, int]:
    """Return the place of each cell in its grid, writer by writer, and how many places it has."""
    writers = np.unique(coded.writer[rows])
    readers = np.unique(coded.reader[rows])
    at = np.searchsorted(writers, coded.writer[rows]) * len(readers)
    return at + np.searchsorted(readers, coded.reader[rows]), len(writers) * len(readers)


def _pack_grid(
    coded: Coded, rows: Codes, cause: Codes, way: Codes, lists: dict[tuple[int, ...], int]
) -> dict[str, Any]:
    at, size = _places(coded, rows)

    def number(environments: Codes) -> int:
        """Most grids have the same writers and the same readers: they are listed once."""
        return lists.setdefault(tuple(np.unique(environments).tolist()), len(lists))

    packed = {
        "w": number(coded.writer[rows]),
        "r": number(coded.reader[rows]),
        "o": _spell(coded.outcome[rows], at, size),
    }
    for name, codes in (("c", cause), ("b", way)):
        if (codes[rows] >= 0).any():
            packed[name] = _spell(codes[rows], at, size)
    return packed


def _advised_ways(advice: pd.DataFrame, coded: Coded) -> Codes:
    """Return for each bare load twice the number of the advised remedy, and -1 for none.

    One more where the remedy gives up a failed aspect.
    """
    place = {name: number for number, name in enumerate(coded.remedies)}
    advised = [place.get(str(name), -1) for name in advice["advice"]]
    given_up = (advice["help"] == str(Help.GIVEN_UP)).to_numpy()
    codes = np.where(np.array(advised, dtype=np.int64) < 0, -1, 2 * np.array(advised) + given_up)
    keys = np.zeros(len(advice), dtype=np.int64)
    for column, ids in (
        ("scenario", coded.scenarios),
        ("format", coded.formats),
        ("writer", coded.environments),
        ("reader", coded.environments),
    ):
        keys = keys * len(ids) + code_column(advice[column], ids)
    keys = keys * len(coded.remedies) + coded.remedies.index(BARE) if len(advice) else keys
    found = pd.Index(keys).get_indexer(pd.Index(coded.keys()))
    return np.where(found < 0, -1, codes[found] if len(codes) else -1)


def _spell(codes: Codes, at: Codes, size: int) -> str:
    letters: npt.NDArray[np.str_] = np.array([*LETTERS, BLANK])
    spelled = np.full(size, len(LETTERS), dtype=np.int64)
    spelled[at] = np.where(codes >= 0, codes, len(LETTERS))
    return "".join(letters[spelled].tolist())
