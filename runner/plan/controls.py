"""The planned controls, stage 3: cells and saves whose right answer is known beforehand. Pure.

Input: the scope. Output: the cells and saves of each kind of control; what is made of them is
judged in `runner/judge/controls.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.domain import BARE, Cell, Format, Save, Scope, reads, writes

CONTROL_SCENARIO = "plain_dense"
"""The scenario of the controls: it loads wherever it was written."""
DAMAGED_SCENARIO = "truncated_file"
"""Must never be reported as loaded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlPlan:
    """The controls of a run."""

    readbacks: tuple[Cell, ...]
    """Each environment reads its own files."""
    damaged: tuple[Cell, ...]
    """Each environment is given a file cut in half."""
    tampered: tuple[Cell, ...]
    """Loaded once more, against a falsified oracle."""
    saves: tuple[tuple[Save, bool], ...]
    """What each environment writes of the control scenario, and whether it is declared to."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the matrix that are measured for the controls."""
        return self.readbacks + self.damaged


def plan_controls(scope: Scope) -> ControlPlan:
    """Return the controls every run must hold, whatever is selected."""
    readbacks = tuple(_of_itself(scope, CONTROL_SCENARIO))
    control = scope.scenarios[CONTROL_SCENARIO]
    return ControlPlan(
        readbacks=readbacks,
        damaged=tuple(_of_itself(scope, DAMAGED_SCENARIO)),
        tampered=tuple(cell for cell in readbacks if cell.format is Format.H5),
        saves=tuple(
            (
                Save(scenario=control.id, format=format_, writer=environment.id),
                writes(environment, control, format_),
            )
            for environment in scope.environments
            if environment.id not in scope.frozen
            for format_ in control.formats
        ),
    )


def plan_undeclared_reads(scope: Scope, bare: Iterable[Cell]) -> list[Cell]:
    """Return the cells of the control scenario whose reader is declared not to read the format."""
    readers = {environment.id: environment for environment in scope.environments}
    return [
        cell
        for cell in bare
        if cell.scenario == CONTROL_SCENARIO and not reads(readers[cell.reader], cell.format)
    ]


def _of_itself(scope: Scope, scenario_id: str) -> list[Cell]:
    scenario = scope.scenarios[scenario_id]
    return [
        Cell(
            scenario=scenario_id,
            format=format_,
            writer=environment.id,
            reader=environment.id,
            remedy=BARE,
        )
        for format_ in scenario.formats
        for environment in scope.environments
        if environment.id not in scope.frozen and writes(environment, scenario, format_)
    ]
