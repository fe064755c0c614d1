"""The writer x reader grid of outcomes as an HTML table.

A page holds tens of thousands of cells, so a grid is joined from an array of codes, and
neighbours that are alike are one wide cell: a script draws all of them apart. Only ids of the
run and the fixed vocabulary are ever put into it, the ids escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from markupsafe import Markup, escape

from runner.analyse.grids import BLANK, Coded, Codes, Mask
from runner.domain import OUTCOME_TABLE
from runner.domain.environments import FAMILY_CSS

Look = tuple[str, str]
"""The tag of a cell without its end, and its symbol."""


def outcome_grid(coded: Coded, matrix: Codes, stale: Sequence[Sequence[int]]) -> Markup:
    """Make a table with a symbol for each run of like cells; `stale` holds 1 where a cell is that.

    A writer that reads its own file is outlined, and what is stale has a corner.
    """
    looks = [
        [(f'<td class="{style.css}{more}"', style.symbol) for style in OUTCOME_TABLE]
        + [("<td", "")]
        for more in ("", " old", " x", " x old")
    ]

    def cells() -> Iterator[tuple[int, int, Look]]:
        for writer, row in enumerate(matrix.tolist()):
            for reader, code in enumerate(row):
                look = looks[2 * (writer == reader) + stale[writer][reader]]
                yield writer, reader, look[code]

    # The newest first: most people ask about them.
    return _table(coded, matrix != BLANK, list(cells())[::-1])


def _table(coded: Coded, present: Mask, cells: Sequence[tuple[int, int, Look]]) -> Markup:
    """Rows and columns without a single cell are left out."""
    rows: list[bool] = np.any(present, axis=1).tolist()
    columns: list[bool] = np.any(present, axis=0).tolist()
    heads = [
        (FAMILY_CSS[family], escape(name))
        for family, name in zip(coded.families, coded.environments, strict=True)
    ]
    newest_first = [*zip(heads, columns, strict=True)][::-1]
    parts = ["<thead><tr><td class=corner>writer&nbsp;↓ reader&nbsp;→"]
    parts += [
        f"<th scope=col class={css}><span>{name}</span>"
        for (css, name), present_there in newest_first
        if present_there
    ]
    parts.append("<tbody>")
    kept = (each for each in cells if rows[each[0]] and columns[each[1]])
    for writer, row in groupby(kept, key=lambda each: each[0]):
        parts.append(f"\n<tr><th scope=row class={heads[writer][0]}>{heads[writer][1]}")
        for (tag, symbol), alike in groupby(row, key=lambda each: each[2]):
            number = len(list(alike))
            parts.append(f"{tag}{f' colspan={number}' if number > 1 else ''}>{symbol}")
    return Markup("".join(parts))  # noqa: S704  # ids are escaped, the rest is fixed text
