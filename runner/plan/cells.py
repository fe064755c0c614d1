"""Stage 3: the declarations and what is known so far -> what is to be run.

Pure: given the catalogue, the environments and the outcomes of the bare loads, the
same cells come out in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runner.domain import (
    BARE,
    REMEDIABLE,
    Cell,
    Environment,
    Format,
    Outcome,
    Remedy,
    Save,
    Scenario,
    Scope,
)
from runner.domain.selector import matches_any

CONTROL_SCENARIO = "plain_dense"
"""Loads wherever it was written; what controls are made of."""
DAMAGED_SCENARIO = "truncated_file"
"""Must never be reported as loaded."""


def writes(environment: Environment, scenario: Scenario, format_: Format) -> bool:
    """Return whether this writer is declared to write this scenario in this format."""
    return format_ in environment.formats and matches_any(environment.id, scenario.writers)


def plan_bare(scope: Scope) -> list[Cell]:
    """Return the bare loads of the selection, scenario by scenario.

    The control scenario keeps its cells in formats the writer does not have: there the
    declaration itself is probed. Of the other scenarios such cells do not exist.
    """
    return [
        Cell(scenario=scenario.id, format=format_, writer=writer.id, reader=reader.id, remedy=BARE)
        for scenario, format_, writer in _artifacts(scope)
        for reader in scope.environments
        if scope.selection.matches_pair(scenario.id, format_, writer.id, reader.id)
    ]


def _artifacts(scope: Scope) -> Iterator[tuple[Scenario, Format, Environment]]:
    for scenario in scope.scenarios.values():
        for format_ in scenario.formats:
            for writer in scope.environments:
                if writes(writer, scenario, format_) or scenario.id == CONTROL_SCENARIO:
                    yield scenario, format_, writer


def plan_remedies(scope: Scope, bare: Mapping[Cell, Outcome], *, everything: bool) -> list[Cell]:
    """Return the cells beyond the bare loads.

    A remedy runs where the bare load is not `equivalent`, and once a reader, format and
    remedy where it is, as a control; with `everything` it runs wherever it applies.
    `bare` holds the outcomes of the bare loads, in planned order.
    """
    planned: list[Cell] = []
    controlled: set[tuple[str, Format, str]] = set()
    by_id = {environment.id: environment for environment in scope.environments}
    for cell, outcome in bare.items():
        scenario = scope.scenarios[cell.scenario]
        for remedy in applicable(scope, scenario, cell, by_id):
            control = (cell.reader, cell.format, remedy.id)
            needed = outcome in REMEDIABLE
            wanted = outcome is Outcome.EQUIVALENT and (everything or control not in controlled)
            if not needed and not wanted:
                continue
            if outcome is Outcome.EQUIVALENT:
                controlled.add(control)
            planned.append(
                Cell(
                    scenario=cell.scenario,
                    format=cell.format,
                    writer=cell.writer,
                    reader=cell.reader,
                    remedy=remedy.id,
                )
            )
    return [cell for cell in planned if scope.selection.matches(cell)]


def applicable(
    scope: Scope, scenario: Scenario, cell: Cell, environments: Mapping[str, Environment]
) -> Iterator[Remedy]:
    """Yield the remedies that exist for this scenario, format and pair, cheapest first."""
    found = [scope.remedies[name] for name in scenario.remedies]
    for remedy in sorted(found, key=lambda remedy: remedy.cost):
        if cell.format not in remedy.formats or not matches_any(cell.reader, remedy.environments):
            continue
        if remedy.sibling is not None and not (
            remedy.sibling in scenario.formats
            and writes(environments[cell.writer], scenario, remedy.sibling)
        ):
            continue
        yield remedy


def plan_saves(scope: Scope, cells: Iterable[Cell]) -> list[Save]:
    """Return the artifacts the cells read, each once, in order, with their siblings."""
    saves: dict[Save, None] = {}
    for cell in cells:
        saves[Save(scenario=cell.scenario, format=cell.format, writer=cell.writer)] = None
        sibling = scope.remedies[cell.remedy].sibling
        if sibling is not None:
            saves[Save(scenario=cell.scenario, format=sibling, writer=cell.writer)] = None
    return list(saves)


def plan_control_cells(scope: Scope) -> list[Cell]:
    """Return the cells every run must hold.

    Each environment reads what it wrote itself, and is given a damaged file.
    """
    cells: list[Cell] = []
    for name in (CONTROL_SCENARIO, DAMAGED_SCENARIO):
        scenario = scope.scenarios[name]
        for format_ in scenario.formats:
            cells.extend(
                Cell(
                    scenario=name,
                    format=format_,
                    writer=environment.id,
                    reader=environment.id,
                    remedy=BARE,
                )
                for environment in scope.environments
                if writes(environment, scenario, format_)
            )
    return cells
