"""The data flow, in order: the one room that knows which stage follows which.

declare -> provision -> plan -> save -> load -> classify -> judge -> aggregate -> render
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

from runner import plan, shares
from runner.domain import (
    CellResult,
    ControlResult,
)
from runner.domain.request import Request, RunOutcome
from runner.domain.selector import require_cells
from runner.host.progress import Reporter
from runner.pipeline.conclusions import (
    aggregate_run,
    check_controls,
    explain_results,
    judge_again,
    judge_results,
    keep,
    merge,
    note_audit,
    publish_run,
    require_earlier,
)
from runner.pipeline.loading import know, measure_cells, observed, save_artifacts
from runner.pipeline.opening import Run, elsewhere, in_containers, opened
from runner.pipeline.recorded import recorded_cells, recorded_saves
from runner.pipeline.remedies import measure_remedies
from runner.publish.carry_over import Kept
from runner.publish.record import AcceptedRecord
from runner.shares import Share

__all__ = [
    "Measured",
    "Run",
    "elsewhere",
    "explain_results",
    "finish_run",
    "in_containers",
    "judge_again",
    "know",
    "measure_all",
    "measure_cells",
    "measure_remedies",
    "note_audit",
    "observed",
    "opened",
    "publish_run",
    "recorded_cells",
    "recorded_saves",
    "require_earlier",
    "run_matrix",
    "save_all",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """All that a run measured and took over, before it is judged."""

    results: Sequence[CellResult]
    """With their causes, without verdicts."""
    controls: Sequence[ControlResult]
    kept: Kept | None


def run_matrix(request: Request, reporter: Reporter, share: Share | None = None) -> RunOutcome:
    """Do it all; see the module's first line.

    `share` is that of the request's shard, where it was taken already.

    Raises:
        MatrixError: nothing could be measured, or the store cannot be used.
    """
    require_earlier(request)
    with opened(request, reporter, share) as run:
        measured = measure_all(run)
        return finish_run(run, measured, judge_results(run, measured.results))


def measure_all(run: Run) -> Measured:
    """Stages 3 to 6: every cell of the selection, the remedies and the controls.

    Raises:
        SelectionError: the selection has no cell.
    """
    # A run keeps millions of small objects, none in a cycle: looking for one among them again
    # and again takes a tenth of a run that finds everything recorded.
    gc.set_threshold(100_000)
    scope = run.declared.scope
    share = run.share
    bare = list(share.cells) if share else plan.plan_bare(scope)
    controlled = plan.plan_controls(
        shares.narrow(run.declared, share.readers).scope if share else scope
    )
    found = measure_cells(run, [*bare, *controlled.cells], "bare loads")
    remedied = measure_remedies(run, {cell: found[cell] for cell in bare})
    found |= remedied
    remedies = list(remedied)
    chosen = [found[cell] for cell in [*bare, *remedies] if scope.selection.matches(cell)]
    if not chosen and not (share and share.cells):
        require_cells(scope.selection, [*bare, *remedies])
    kept = keep(run, chosen)
    results = explain_results(run, merge(chosen, kept))
    return Measured(
        results=results, controls=check_controls(run, controlled, bare, found), kept=kept
    )


def finish_run(
    run: Run,
    measured: Measured,
    results: Sequence[CellResult],
    accepted: Sequence[AcceptedRecord] = (),
) -> RunOutcome:
    """Stages 8 and 9: publish the results, which have their verdicts now.

    `accepted` are the acceptances of a gate.
    """
    published = aggregate_run(run, results, measured.controls, measured.kept, accepted)
    report = publish_run(run.request.out, published, run.jobs.durations, run.declared)
    return RunOutcome(
        results=results,
        controls=[
            ControlResult(id=each.id, passed=each.passed, detail=each.detail)
            for each in published.run.controls
        ],
        report=report,
        measured=len(run.jobs.fresh),
        durations=run.jobs.durations,
    )


def save_all(request: Request, reporter: Reporter) -> tuple[int, int]:
    """Stages 1 to 4 alone: write the artifacts of the request, for shards to read.

    Returns how many saves there are, and how many of them have an artifact.
    """
    with opened(request, reporter) as run:
        saves = shares.share_of_saves(request, run.declared)
        save_artifacts(run, saves)
        return len(saves), sum(bool(it and it.sha256) for it in map(run.artifacts.get, saves))
