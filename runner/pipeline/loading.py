"""Stages 4 to 6: cells are saved, loaded and classified.

A cell goes one way: what is planned is looked up in the store (`Known`), a `Known` is
classified, what must run is run and recorded, and only that is looked up again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from runner import plan, shares
from runner.contract import Job
from runner.domain import (
    Aspect,
    Cell,
    CellResult,
    Known,
    MadeBy,
    Observation,
    Outcome,
    Save,
)
from runner.host.progress import EnvironmentState
from runner.judge.outcome import classify_cell, classify_save
from runner.measure.making import only_needed
from runner.measure.rounds import timed
from runner.pipeline.opening import Run


def measure_cells(run: Run, cells: Iterable[Cell], label: str) -> dict[Cell, CellResult]:
    """Save the artifacts of the cells, load them, confirm time-outs; return the results."""
    planned = list(dict.fromkeys(cells))
    save_artifacts(run, plan.plan_saves(run.declared.scope, planned))
    return load_cells(run, know(run, make_files(run, planned)), label)


def make_files(run: Run, cells: Sequence[Cell]) -> list[Cell]:
    """Make the files that remedies have made of artifacts; return the cells without needless ones.

    A cell is needless where the file would be as it is.
    """
    edited = [cell for cell in cells if made_by(run, cell) is MadeBy.REWRITE]
    if run.request.recorded:
        run.made.update(run.rewrites.look_up(edited, run.artifacts))
    elif edited:
        with timed(run.jobs.durations, "rewrites"):
            started = run.jobs.started.isoformat(timespec="seconds")
            run.made.update(run.rewrites.make(edited, run.artifacts, started))
    return only_needed(cells, run.made)


def made_by(run: Run, cell: Cell) -> MadeBy:
    """Return who makes the file that a cell loads."""
    return run.declared.scope.remedies[cell.remedy].made_by


def save_artifacts(run: Run, saves: Sequence[Save]) -> None:
    """Stage 4: write every artifact that is not there yet."""
    look_up_artifacts(run, saves)
    _take_artifacts(run, saves)
    wanted = [save for save in saves if _must_save(run, save)]
    jobs = [(save.writer, job) for save in wanted if (job := run.look_up.save_job(save))]
    run.jobs.run(jobs, "saves", EnvironmentState.SAVING, lambda _, seen: classify_save(seen))
    written = [save for save in wanted if save.id in run.jobs.fresh]
    run.artifacts.update(run.look_up.artifacts(written))
    _offer_artifacts(run, saves)


def _take_artifacts(run: Run, saves: Sequence[Save]) -> None:
    """Take over the artifacts that another machine has written."""
    missing = [save for save in saves if run.artifacts[save] is None]
    if run.exchange is None or run.request.recorded or run.request.force:
        return
    known = [save for save in missing if save.writer in run.built.available]
    if shares.take_artifacts(run.store, run.exchange, known, run.look_up.digests):
        run.artifacts.update(run.look_up.artifacts(known))


def _offer_artifacts(run: Run, saves: Sequence[Save]) -> None:
    """Offer the artifacts to the other machines; where one was first, its artifact counts."""
    if run.exchange is None or run.request.recorded:
        return
    whole = run.request.saves_only
    own = [each for each in saves if run.artifacts[each] and (whole or each.id in run.jobs.fresh)]
    late = shares.offer_artifacts(run.store, run.exchange, own, run.look_up.digests)
    if late:
        shares.take_artifacts(run.store, run.exchange, late, run.look_up.digests)
        run.artifacts.update(run.look_up.artifacts(late))


def look_up_artifacts(run: Run, saves: Sequence[Save]) -> None:
    """Take what is recorded of saves that nobody asked for yet."""
    new = [save for save in saves if save not in run.artifacts]
    run.artifacts.update(run.look_up.artifacts(new))


def _must_save(run: Run, save: Save) -> bool:
    if save.id in run.jobs.fresh:
        return False
    artifact = run.artifacts[save]
    if artifact is None:
        return True
    # A save that failed is a finding; `--failed` asks for cells.
    outcome = classify_save(artifact.observation)
    return plan.must_run(outcome, force=run.request.force, failed=False)


def load_cells(run: Run, cells: Sequence[Known], label: str) -> dict[Cell, CellResult]:
    """Stages 5 and 6: run the missing loads, time-outs once more; classify everything."""
    return {known.cell: result for known, result in load_known(run, cells, label)}


def load_known(run: Run, cells: Sequence[Known], label: str) -> list[tuple[Known, CellResult]]:
    """Do as `load_cells` does, for cells that may be there with several chains."""
    found = {known.job_id: (known, classify_cell(known)) for known in cells}
    wanted = [known for known, result in found.values() if _must_load(run, known, result.outcome)]
    found |= _run_loads(run, wanted, label)
    # The machine may have been busy.
    late = [
        known
        for known in wanted
        if known.job_id in run.jobs.fresh and found[known.job_id][1].outcome is Outcome.TIMED_OUT
    ]
    return list((found | _run_loads(run, late, "second tries")).values())


def _must_load(run: Run, known: Known, outcome: Outcome) -> bool:
    if not known.loadable or known.job_id in run.jobs.fresh:
        return False
    # A control with a falsified oracle is meant to differ: it did not fail.
    failed = run.request.failed and not known.tampered
    return plan.must_run(outcome, force=run.request.force, failed=failed)


def _run_loads(run: Run, cells: Sequence[Known], label: str) -> dict[str, tuple[Known, CellResult]]:
    """Load these cells; return by job what is known now of those that were run."""
    by_job = {known.job_id: known for known in cells}

    def outcome(job: Job, seen: Observation) -> Outcome:
        return classify_cell(observed(by_job[job.id], seen)).outcome

    jobs = [(known.cell.reader, run.look_up.load_job(known)) for known in cells]
    run.jobs.run(jobs, label, EnvironmentState.LOADING, outcome)
    ran = [known for known in cells if known.job_id in run.jobs.fresh]
    return {
        known.job_id: (known, classify_cell(known))
        for known in run.look_up.again(ran, run.jobs.errors)
    }


def know(run: Run, cells: Sequence[Cell], *, tampered: tuple[Aspect, ...] = ()) -> list[Known]:
    """Return what is known of cells now, or of their controls with a falsified oracle."""
    return run.look_up.cells(
        cells, run.artifacts, run.jobs.errors, made=run.made, tampered=tampered
    )


def observed(known: Known, seen: Observation) -> Known:
    """Return what would be known of a cell with this observation."""
    return replace(known, observation=seen, absence=None, error=None)
