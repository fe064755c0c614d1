"""The plan, stage 3: declarations and results so far -> saves and cells to be run.

Pure: given the catalogue, the environments and the outcomes of the bare loads, the
same cells come out in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from runner.domain import (
    BARE,
    FACTS,
    REMEDIABLE,
    Cell,
    Environment,
    Format,
    MadeBy,
    Outcome,
    Remedy,
    Save,
    Scenario,
    Scope,
    offered,
    writes,
)
from runner.domain.selector import matches_environment
from runner.plan.controls import CONTROL_SCENARIO


def plan_bare(scope: Scope) -> list[Cell]:
    """Return the bare loads of the selection, scenario by scenario.

    The control scenario keeps its cells in formats the writer does not have: there the
    declaration itself is probed. Of the other scenarios such cells do not exist.
    """
    return [
        Cell(scenario=scenario.id, format=format_, writer=writer.id, reader=reader.id, remedy=BARE)
        for scenario, format_, writer in _artifacts(scope)
        for reader in scope.environments
        if reader.id not in scope.frozen
        and scope.selection.matches_pair(scenario.id, format_, writer.id, reader.id)
    ]


def _artifacts(scope: Scope) -> Iterator[tuple[Scenario, Format, Environment]]:
    for scenario in scope.scenarios.values():
        for format_ in scenario.formats:
            for writer in scope.environments:
                if not scope.is_there(Save(scenario=scenario.id, format=format_, writer=writer.id)):
                    continue
                if writes(writer, scenario, format_) or scenario.id == CONTROL_SCENARIO:
                    yield scenario, format_, writer


def plan_remedies(scope: Scope, bare: Mapping[Cell, Outcome], wanted: str = "auto") -> list[Cell]:
    """Return the cells beyond the bare loads.

    A remedy runs where the bare load is not `equivalent`, and once a reader, format and
    remedy where it is, as a control. `wanted` says where else it runs: with `needed` nowhere,
    with `all` wherever it applies, with `auto` and `first` in the cells of the selectors that
    name a remedy. `bare` holds the outcomes of the bare loads, in planned order.
    """
    planned: list[Cell] = []
    controlled: set[tuple[str, Format, str]] = set()
    ways = Ways(scope)
    for bare_cell, outcome in bare.items():
        needed = outcome in REMEDIABLE
        if not needed and outcome is not Outcome.EQUIVALENT:
            continue
        for remedy in ways.of(bare_cell):
            # Which chains there are is only known after all other loads: see `hops`.
            if remedy.made_by is MadeBy.HOP:
                continue
            cell = _with(bare_cell, remedy.id)
            if not scope.selection.matches(cell):
                continue
            if not needed:
                control = (cell.reader, cell.format, remedy.id)
                if control in controlled and not _everywhere(scope, cell, wanted):
                    continue
                controlled.add(control)
            planned.append(cell)
    return planned


def _with(bare: Cell, remedy: str) -> Cell:
    """Return the cell of a remedy: what `replace` does, several times as fast."""
    return Cell(
        scenario=bare.scenario,
        format=bare.format,
        writer=bare.writer,
        reader=bare.reader,
        remedy=remedy,
    )


def _everywhere(scope: Scope, cell: Cell, wanted: str) -> bool:
    return wanted == "all" or (wanted in {"auto", "first"} and scope.selection.names_remedy(cell))


def plan_rounds(scope: Scope, bare: Mapping[Cell, Outcome], wanted: str) -> list[list[Cell]]:
    """Return the cells of `plan_remedies` as they are to be measured, one round after another.

    With `first` a round holds the remedies of one cost, the cheapest first, so that what
    `still_needed` leaves of a round can depend on those before it; otherwise there is one round.
    """
    planned = plan_remedies(scope, bare, wanted)
    if wanted != "first":
        return [planned]
    rounds: dict[int, list[Cell]] = {}
    for cell in planned:
        rounds.setdefault(scope.remedies[cell.remedy].cost, []).append(cell)
    return [rounds[cost] for cost in sorted(rounds)]


def still_needed(
    scope: Scope, bare: Mapping[Cell, Outcome], cells: Iterable[Cell], helped: Collection[Cell]
) -> list[Cell]:
    """Return the cells of a round without those whose bare load a cheaper remedy helped.

    `helped` holds the bare loads of which some remedy made the same model. Controls, whose bare
    load works, and what a selector asks for by name are not left out.
    """
    return [
        cell
        for cell in cells
        if (own := _with(cell, BARE)) not in helped
        or bare[own] is Outcome.EQUIVALENT
        or scope.selection.names_remedy(cell)
    ]


def must_run(outcome: Outcome | None, *, force: bool, failed: bool) -> bool:
    """Return whether a save or cell is to be measured, given what is known of it.

    None stands for no outcome, such as of a save that worked. One that says nothing of the
    model is measured again; `failed` asks for all that is not `equivalent`, `force` for all.
    """
    if force:
        return True
    if outcome is None:
        return False
    return not FACTS[outcome].judged or (failed and outcome is not Outcome.EQUIVALENT)


class Ways:
    """The other ways to load the files of a scope, each question answered once."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._environments = {each.id: each for each in scope.environments}
        self._of_files: dict[tuple[str, Format, str], list[Remedy]] = {}
        self._of_readers: dict[str, frozenset[str]] = {}

    def of(self, cell: Cell) -> list[Remedy]:
        """Return the remedies that exist for a cell's scenario, format and pair, cheapest first."""
        file = cell.scenario, cell.format, cell.writer
        if file not in self._of_files:
            self._of_files[file] = [*self._find(*file)]
        if cell.reader not in self._of_readers:
            self._of_readers[cell.reader] = frozenset(
                each.id
                for each in self._scope.remedies.values()
                if matches_environment(cell.reader, each.environments)
            )
        known = self._of_readers[cell.reader]
        return [each for each in self._of_files[file] if each.id in known]

    def _find(self, scenario_id: str, format_: Format, writer: str) -> Iterator[Remedy]:
        """Yield the remedies that exist for a file, whoever reads it."""
        scope, scenario = self._scope, self._scope.scenarios[scenario_id]
        for remedy in offered(scenario, scope.remedies.values()):
            if format_ not in remedy.formats:
                continue
            if remedy.sibling is not None and not (
                remedy.sibling in scenario.formats
                and writes(self._environments[writer], scenario, remedy.sibling)
                and scope.is_there(Save(scenario=scenario.id, format=remedy.sibling, writer=writer))
            ):
                continue
            yield remedy


def every_cell(scope: Scope) -> list[Cell]:
    """Return every cell there is of a scope, selected or not: the bare loads and their remedies."""
    ways = Ways(scope)
    bare = plan_bare(scope)
    remedied = [_with(cell, remedy.id) for cell in bare for remedy in ways.of(cell)]
    return [*bare, *remedied]


def plan_saves(scope: Scope, cells: Iterable[Cell]) -> list[Save]:
    """Return the artifacts the cells read, each once, in order, with their siblings."""
    saves: dict[Save, None] = {}
    for cell in cells:
        saves[Save(scenario=cell.scenario, format=cell.format, writer=cell.writer)] = None
        sibling = scope.remedies[cell.remedy].sibling
        if sibling is not None:
            saves[Save(scenario=cell.scenario, format=sibling, writer=cell.writer)] = None
    return list(saves)
