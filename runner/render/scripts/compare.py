"""The published run as `compare.html` needs it: one letter a cell, and their meanings.

Input: the coded cells. Output: the value of `data/compare.js`. A quarter of a million cells
are a few hundred kilobytes, and come as a script, as a page on a file system cannot fetch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.analyse.grids import MEASURED, Coded, Codes
from runner.domain import OUTCOME_TABLE, UNJUDGED
from runner.domain.environments import FAMILY_CSS
from runner.domain.errors import StoreError
from runner.domain.verdicts import CHANGE_STYLES
from runner.publish.columns import DETAIL_COLUMNS
from runner.publish.reading import PublishedRun

BLANK = "."
SKIPPED = frozenset('"\\<.')
"""Characters that JSON or HTML would have to escape, and the blank."""
FIRST, LAST = 0x21, 0xD7FF


def compare_data(data: PublishedRun, coded: Coded) -> dict[str, Any]:
    """Return outcome, cause and aspects of every cell, and how changes are told and shown.

    A grid is the environments that write and read in it, and a letter a cell, writer by
    writer; a letter stands for one record of outcome, cause and aspects.
    """
    records, code = _records(data)
    alphabet = _alphabet(len(records))
    return {
        "version": 1,
        "run": {
            "started": data.run.started,
            "profile": data.run.profile,
            "tool_version": data.run.tool_version,
        },
        "outcomes": {
            str(style.outcome): {
                "symbol": style.symbol,
                "label": style.label,
                "css": style.css,
                "tried": bool(MEASURED[place]),
                "rank": style.rank,
            }
            for place, style in enumerate(OUTCOME_TABLE)
        },
        "unjudged": sorted(map(str, UNJUDGED)),
        "damaged": [each.id for each in data.run.scenarios if each.damage],
        "changes": [
            {
                "id": str(style.change),
                "symbol": style.symbol,
                "label": style.label,
                "explanation": style.explanation,
                "css": style.css,
            }
            for style in CHANGE_STYLES
        ],
        "environments": list(coded.environments),
        "bases": dict(data.run.bases),
        "families": [FAMILY_CSS[each.family] for each in data.run.environments],
        "causes": {each.id: each.title for each in data.run.causes},
        "records": records,
        "alphabet": "".join(alphabet),
        "grids": _grids(coded, code, np.array([*alphabet, BLANK])),
    }


def _records(data: PublishedRun) -> tuple[list[list[str]], Codes]:
    """Every distinct outcome, cause and aspects, the commonest first, and each cell's place."""
    columns = data.cells[list(DETAIL_COLUMNS)].astype(object).astype(str)
    numbers = columns.groupby(list(DETAIL_COLUMNS), sort=True).ngroup().to_numpy(dtype=np.int64)
    _, first = np.unique(numbers, return_index=True)
    names: list[list[str]] = columns.iloc[first].to_numpy().tolist()
    order = np.argsort(-np.bincount(numbers, minlength=len(names)), kind="stable")
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return [names[each] for each in order.tolist()], place[numbers]


def _alphabet(size: int) -> list[str]:
    # Letters that need more than one byte stand for the rarest records.
    letters = [chr(code) for code in range(FIRST, 0x7F) if chr(code) not in SKIPPED]
    letters += [chr(code) for code in range(0xA1, LAST) if chr(code).isalpha()][: max(0, size)]
    if size > len(letters):
        raise StoreError(f"{size} distinct records, and the page has letters for {len(letters)}")
    return letters[:size]


def _grids(coded: Coded, code: Codes, letters: Any) -> list[list[Any]]:
    """`[scenario, format, remedy, writers, readers, letters]` of each grid that has cells."""
    group = (coded.scenario * len(coded.formats) + coded.format) * len(coded.remedies)
    group = group + coded.remedy
    order = np.argsort(group, kind="stable")
    grids = []
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if not len(rows):
            continue
        writers, row = np.unique(coded.writer[rows], return_inverse=True)
        readers, column = np.unique(coded.reader[rows], return_inverse=True)
        spelled = np.full(len(writers) * len(readers), len(letters) - 1, dtype=np.int64)
        spelled[row.reshape(-1) * len(readers) + column.reshape(-1)] = code[rows]
        first = rows[0]
        grids.append(
            [
                coded.scenarios[coded.scenario[first]],
                coded.formats[coded.format[first]],
                coded.remedies[coded.remedy[first]],
                writers.tolist(),
                readers.tolist(),
                "".join(letters[spelled].tolist()),
            ]
        )
    return grids
