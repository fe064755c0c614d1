"""The environment of an earlier run that a build of one's own is held against.

The gate, a run with `--baseline` and `compare` line two runs up by it, and so does the page
`compare.html`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from runner.domain.cells import Cell
from runner.domain.environments import Environment
from runner.domain.verdicts import Detail


def bases_of(environments: Iterable[Environment]) -> dict[str, str]:
    """Return the builds of one's own among the environments, each with its base."""
    return {each.id: each.build.base for each in environments if each.build is not None}


def environments_of(cells: Iterable[Cell]) -> set[str]:
    """Return the writers and readers of cells."""
    return {name for cell in cells for name in (cell.writer, cell.reader)}


def find_counterparts(builds: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Return for each build the environment of an earlier run that it is held against.

    That is the build of the same name; else the only one of the same package; else its base.
    `builds` has the base of each, empty where nothing says it: such a build may have none.
    `known` are the environments of the earlier run.
    """
    found = {}
    for build, base in builds.items():
        package = build.partition("@")[0]
        others = sorted(name for name in known if name.startswith(f"{package}@"))
        stands_for = others[0] if len(others) == 1 else base
        if build in known:
            stands_for = build
        if stands_for:
            found[build] = stands_for
    return found


def translate(cell: Cell, counterparts: Mapping[str, str]) -> Cell:
    """Return the cell of an earlier run that a cell is held against."""
    if cell.writer not in counterparts and cell.reader not in counterparts:
        return cell
    return replace(
        cell,
        writer=counterparts.get(cell.writer, cell.writer),
        reader=counterparts.get(cell.reader, cell.reader),
    )


def line_up(
    cells: Iterable[Cell], earlier: Mapping[Cell, Detail], counterparts: Mapping[str, str]
) -> dict[Cell, Detail]:
    """Return what an earlier run says of each of these cells, by the cell."""
    found = {cell: earlier.get(translate(cell, counterparts)) for cell in cells}
    return {cell: detail for cell, detail in found.items() if detail is not None}
