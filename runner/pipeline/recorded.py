"""What was measured before, looked up without running anything."""

from __future__ import annotations

from collections.abc import Sequence

from runner import plan
from runner.domain import (
    Artifact,
    Cell,
    CellResult,
    Known,
    MadeBy,
    Outcome,
    Save,
)
from runner.judge.outcome import classify_cell
from runner.pipeline.loading import know, look_up_artifacts, made_by
from runner.pipeline.opening import Run
from runner.pipeline.remedies import helped_by, try_hops


def recorded_cells(run: Run) -> list[tuple[Known, CellResult]]:
    """Return every cell of the selection that was measured before, with its result; run none."""
    scope = run.declared.scope
    bare = plan.plan_bare(scope)
    found = _recorded(run, bare)
    outcomes = {known.cell: result.outcome for known, result in found}
    wanted = run.request.wanted_remedies
    found += _recorded(run, plan.plan_remedies(scope, outcomes, wanted))
    results = {known.cell: result for known, result in found}
    hops = plan.plan_hops(scope, results, wanted, helped_by(found))
    found += try_hops(run, hops, measure=False)
    return [
        (known, result)
        for known, result in found
        if known.observation is not None
        and result.outcome is not Outcome.HARNESS_ERROR
        and scope.selection.matches(known.cell)
    ]


def recorded_saves(run: Run) -> list[tuple[Save, Artifact]]:
    """Return every artifact of the selection that was written before; run none."""
    scope = run.declared.scope
    look_up_artifacts(run, plan.plan_saves(scope, plan.plan_bare(scope)))
    return [
        (save, artifact)
        for save, artifact in run.artifacts.items()
        if artifact is not None and artifact.sha256
    ]


def _recorded(run: Run, cells: Sequence[Cell]) -> list[tuple[Known, CellResult]]:
    look_up_artifacts(run, plan.plan_saves(run.declared.scope, cells))
    edited = [cell for cell in cells if made_by(run, cell) is MadeBy.REWRITE]
    run.made.update(run.rewrites.look_up(edited, run.artifacts))
    return [(known, classify_cell(known)) for known in know(run, cells)]
