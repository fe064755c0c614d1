"""The controls of a run: cells whose right answer is known beforehand.

Input: the results of the run and its control jobs. Output: one `ControlResult` each. A
control that fails means that nothing else the matrix says can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runner import contract
from runner.domain import (
    FORMAT_FACTS,
    Cell,
    CellResult,
    ControlResult,
    Environment,
    Observation,
    Outcome,
    Save,
    Scenario,
)
from runner.domain.known import TAMPERED, Artifact
from runner.plan.cells import CONTROL_SCENARIO, DAMAGED_SCENARIO, writes

UNMEASURED = frozenset({Outcome.NOT_RUN, Outcome.ENVIRONMENT_UNAVAILABLE})


def check_readback(result: CellResult) -> ControlResult | None:
    """Hold a cell of the controls against its right answer; None if it was not measured.

    An environment must read back what it wrote itself, and never call a damaged file good.
    """
    cell = result.cell
    if result.outcome in UNMEASURED:
        return None
    if cell.scenario == CONTROL_SCENARIO:
        passed = result.outcome is Outcome.EQUIVALENT
        wanted = "an environment must read back what it wrote itself"
    elif cell.scenario == DAMAGED_SCENARIO:
        passed = result.outcome is not Outcome.EQUIVALENT
        wanted = "a file cut in half must be caught"
    else:
        return None
    detail = f"{wanted}: {result.outcome}"
    if not passed and result.observation is not None:
        detail += f" ({result.observation.exception} {result.observation.message[:200]})".rstrip()
    return ControlResult(id=f"readback {cell.id}", passed=passed, detail=detail)


def check_comparison(cell: Cell, observation: Observation | None) -> ControlResult | None:
    """Hold the load against a falsified oracle: exactly the falsified aspects must differ."""
    if observation is None:
        return None
    found = {name for name, item in observation.aspects.items() if item["status"] != "agrees"}
    expected = {str(aspect) for aspect in TAMPERED}
    passed = observation.status == "done" and found == expected
    detail = f"falsified {sorted(expected)}, the comparison found {sorted(found)}"
    return ControlResult(id=f"comparison {cell.id}", passed=passed, detail=detail)


def check_declared_write(
    save: Save, artifact: Artifact | None, environment: Environment, scenario: Scenario
) -> ControlResult | None:
    """Hold what was really written against what the environment is declared to write."""
    if artifact is None or artifact.observation.status == "harness_error":
        return None
    declared = writes(environment, scenario, save.format)
    really = artifact.written == FORMAT_FACTS[save.format].written
    detail = (
        f"declared {'supported' if declared else 'unsupported'}, the writer wrote "
        f"{artifact.written}"
    )
    return ControlResult(id=f"writes {save.id}", passed=declared == really, detail=detail)


def check_declared_reads(
    results: Sequence[CellResult], environments: Mapping[str, Environment]
) -> list[ControlResult]:
    """Find formats a reader is declared not to read, and yet a bare load was `equivalent`."""
    found = []
    for result in results:
        cell = result.cell
        if cell.scenario != CONTROL_SCENARIO or cell.remedy != "none":
            continue
        # An environment that could not be built is not in `environments`.
        if result.outcome in UNMEASURED or contract.supports(
            environments[cell.reader], cell.format
        ):
            continue
        found.append(
            ControlResult(
                id=f"reads {cell.id}",
                passed=result.outcome is not Outcome.EQUIVALENT,
                detail=f"declared unsupported, the load was {result.outcome}",
            )
        )
    return found


def run_controls(
    *,
    readbacks: Sequence[CellResult],
    results: Sequence[CellResult],
    tampered: Mapping[Cell, Observation | None],
    artifact: Callable[[Save], Artifact | None],
    environments: Mapping[str, Environment],
    scenario: Scenario,
) -> list[ControlResult]:
    """Return every control of the run, in a stable order."""
    found: list[ControlResult | None] = [check_readback(result) for result in readbacks]
    found += [check_comparison(cell, seen) for cell, seen in tampered.items()]
    for name, environment in environments.items():
        for format_ in scenario.formats:
            save = Save(scenario=scenario.id, format=format_, writer=name)
            found.append(check_declared_write(save, artifact(save), environment, scenario))
    found += check_declared_reads(results, environments)
    return [control for control in found if control is not None]
