"""The data flow, in order: the one module that knows which stage follows which.

declare -> provision -> plan -> save -> load -> classify -> judge -> aggregate -> render
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from runner import plan
from runner.conclude import explain_results, judge_results, publish_run
from runner.contract import Job
from runner.declare.scope import declare
from runner.domain import Cell, CellResult, ControlResult, Declared, Format, Outcome, Provisioned
from runner.domain.errors import NoEnvironmentError
from runner.domain.request import Request, RunOutcome
from runner.domain.selector import require_cells
from runner.executors.batches import Crew
from runner.executors.interface import Place
from runner.executors.provisioning import provision_all
from runner.executors.registry import open_place
from runner.host.progress import EnvironmentState, Reporter
from runner.judge import controls
from runner.measure.ledger import Ledger
from runner.measure.rounds import confirm_timeouts, load_cells, run_jobs, save_artifacts
from runner.measure.work import Work, timed
from runner.publish.carry_over import Kept, keep_results
from runner.store import START_MB, Store, open_store, require_space


@contextmanager
def opened(request: Request, reporter: Reporter) -> Iterator[Work]:
    """Stages 1 and 2: declarations read, store locked, environments built.

    Raises:
        MatrixError: nothing could be measured, or the store cannot be used.
    """
    declared = declare(request)
    # What is only reported needs no lock, and may be while another run is measuring.
    with (
        open_store(
            request.store,
            command=request.command,
            warn=reporter.message,
            read_only=request.recorded,
        ) as store,
        open_place(request, reporter.message) as place,
    ):
        work = _begin(request, declared, store, place, reporter)
        with closing(work.crew.executor):
            yield work


def run_matrix(request: Request, reporter: Reporter) -> RunOutcome:
    """Do it all; see the module's first line.

    Raises:
        MatrixError: nothing could be measured, or the store cannot be used.
    """
    # A run keeps millions of small objects, none in a cycle: looking for one among them again
    # and again takes a tenth of a run that finds everything recorded.
    gc.set_threshold(100_000)
    with opened(request, reporter) as work:
        declared = work.declared
        bare = plan.plan_bare(declared.scope)
        control_cells = plan.plan_control_cells(declared.scope)
        save_artifacts(work, plan.plan_saves(declared.scope, [*bare, *control_cells]))
        load_cells(work, list(dict.fromkeys([*bare, *control_cells])), "bare loads")
        confirm_timeouts(work, bare)
        remedies = _plan_remedies(work, bare)
        save_artifacts(work, plan.plan_saves(declared.scope, remedies))
        load_cells(work, remedies, "remedies")
        confirm_timeouts(work, remedies)
        cells = [cell for cell in [*bare, *remedies] if declared.scope.selection.matches(cell)]
        if not cells:
            require_cells(declared.scope.selection, [*bare, *remedies])
        classified = [work.ledger.result(cell, work.errors) for cell in cells]
        kept = _keep(work, classified)
        if kept:
            known = {result.cell for result in kept.results}
            classified = [result for result in classified if result.cell not in known]
            classified += kept.results
        results = judge_results(work, explain_results(work, classified))
        checked = _run_controls(work, control_cells, bare)
        report = publish_run(work, results, checked, kept)
        return RunOutcome(
            results=results,
            controls=checked,
            report=report,
            measured=len(work.fresh),
            durations=work.durations,
        )


def _begin(
    request: Request, declared: Declared, store: Store, place: Place, reporter: Reporter
) -> Work:
    durations: dict[str, float] = {}
    with timed(durations, "provision"):
        built = provision_all(declared.environments, place, reporter, min(2, request.workers))
    if not request.recorded:
        # An environment may be unavailable, and every job fail, for no other reason.
        require_space(store.folder, START_MB)
    if not built.available:
        first = next(iter(built.unavailable.values()), None)
        raise NoEnvironmentError(
            "no environment could be built: there is nothing to measure",
            cause=str(first) if first else "the profile names no environment",
            next_step=first.next_step if first else "see what there is with `envs`",
        )
    return Work(
        request=request,
        declared=declared,
        built=built,
        store=store,
        ledger=_ledger(request, declared, built, store),
        crew=Crew(
            executor=place.executor(),
            workers=request.workers,
            limits=request.limits,
            start_method=request.start_method,
            scratch=_scratch(request, store),
        ),
        reporter=reporter,
        durations=durations,
    )


def _scratch(request: Request, store: Store) -> Path:
    """Return the folder of running batches, emptied of what a killed run left there."""
    folder = store.folder / "batches"
    if not request.recorded:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    return folder


def _ledger(request: Request, declared: Declared, built: Provisioned, store: Store) -> Ledger:
    return Ledger(
        root=request.root,
        store=store,
        catalog=declared.catalog,
        environments={each.id: each for each in declared.environments},
        provisioned=built.available,
        unavailable={name: error.message for name, error in built.unavailable.items()},
    )


def known_cells(work: Work) -> list[tuple[Cell, Job]]:
    """Return every cell of the selection whose reader was measured, with its job."""
    bare = plan.plan_bare(work.declared.scope)
    found = []
    for cell in [*bare, *_plan_remedies(work, bare)]:
        job = work.ledger.load_job(cell)
        if job and work.declared.scope.selection.matches(cell) and work.ledger.observation(job):
            found.append((cell, job))
    return found


def _plan_remedies(work: Work, bare: Sequence[Cell]) -> list[Cell]:
    outcomes = {cell: work.ledger.result(cell, work.errors).outcome for cell in bare}
    wanted = work.request.remedies
    named = wanted == "auto" and _names_a_remedy(work.request)
    return plan.plan_remedies(work.declared.scope, outcomes, everything=wanted == "all" or named)


def _names_a_remedy(request: Request) -> bool:
    """Return whether the selection asks for particular remedies: then they are meant."""
    parts = [pattern.split("/")[3:] for pattern in request.patterns]
    return bool(request.filters.get("remedy")) or any(part and part != ["*"] for part in parts)


def _run_controls(work: Work, cells: Sequence[Cell], bare: Sequence[Cell]) -> list[ControlResult]:
    """Run what only controls need, and hold all of them against their right answer."""
    h5 = [
        cell
        for cell in cells
        if cell.scenario == plan.CONTROL_SCENARIO and cell.format is Format.H5
    ]
    jobs = {cell: work.ledger.tampered_job(cell) for cell in h5}
    missing = [
        (cell.reader, job)
        for cell, job in jobs.items()
        if job is not None and (work.request.force or work.ledger.observation(job) is None)
    ]
    run_jobs(work, missing, "controls", EnvironmentState.LOADING)
    readbacks = [work.ledger.result(cell, work.errors) for cell in cells]
    control = work.declared.catalog.scenarios[plan.CONTROL_SCENARIO]
    planned = [cell for cell in bare if cell.scenario == control.id]
    return controls.run_controls(
        readbacks=readbacks,
        results=[work.ledger.result(cell, work.errors) for cell in planned],
        tampered={
            cell: work.ledger.observation(job) if job else None for cell, job in jobs.items()
        },
        artifact=work.ledger.artifact,
        environments={name: built.environment for name, built in work.built.available.items()},
        scenario=control,
    )


def _keep(work: Work, results: Sequence[CellResult]) -> Kept | None:
    """Take over from an earlier run what this one does not measure, if that was asked for."""
    if work.request.keep is None:
        return None
    return keep_results(
        work.request.keep,
        measured=frozenset(each.cell for each in results if each.outcome is not Outcome.NOT_RUN),
        scenarios=work.declared.catalog.scenarios,
        environments=work.built.available,
    )
