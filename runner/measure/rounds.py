"""Stages 4 and 5: planned saves and cells -> jobs, run by the crew, recorded in the journal.

Input: the plan and the ledger, which says what is known already. Output: nothing but the
journal's new records; what the machine, not a model, is to blame for is never one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from runner.contract import Job
from runner.domain import Cell, Observation, Outcome, Save
from runner.host.progress import EnvironmentState
from runner.measure.work import Work, timed
from runner.store import RESERVE_MB, require_space, require_space_for

SYNC_EVERY = 500
"""Observations after which the journal is forced onto the disk."""


def save_artifacts(work: Work, saves: Sequence[Save]) -> None:
    """Stage 4: write every artifact that is not there yet."""
    jobs = []
    for save in saves:
        job = work.ledger.save_job(save)
        if job is None or job.id in work.fresh:
            continue
        if work.request.force or work.ledger.artifact(save) is None:
            work.ledger.forget(save)
            jobs.append((save.writer, job))
    run_jobs(work, jobs, "saves", EnvironmentState.SAVING)
    if jobs:
        for save in saves:
            work.ledger.forget(save)


def load_cells(work: Work, cells: Sequence[Cell], label: str) -> None:
    """Stage 5: load every cell that is not known yet."""
    jobs = []
    for cell in cells:
        if cell.id in work.fresh or not _is_wanted(work, cell):
            continue
        job = work.ledger.load_job(cell)
        if job is not None:
            jobs.append((cell.reader, job))
    run_jobs(work, jobs, label, EnvironmentState.LOADING)


def _is_wanted(work: Work, cell: Cell) -> bool:
    if work.request.force or not work.ledger.is_measured(cell):
        return True
    return work.request.failed and work.ledger.result(cell, {}).outcome is not Outcome.EQUIVALENT


def confirm_timeouts(work: Work, cells: Sequence[Cell]) -> None:
    """Give what timed out in this run a second try: the machine may have been busy."""
    again = []
    for cell in cells:
        if cell.id not in work.fresh:
            continue
        job = work.ledger.load_job(cell)
        seen = work.ledger.observation(job) if job else None
        if job and seen and seen.status == "timed_out":
            again.append((cell.reader, job))
    run_jobs(work, again, "second tries", EnvironmentState.LOADING)


def run_jobs(
    work: Work, jobs: Sequence[tuple[str, Job]], label: str, state: EnvironmentState
) -> None:
    """Run jobs, each with the name of its environment; nothing where only known cells count."""
    if not jobs or work.request.recorded:
        return
    batches: dict[str, list[Job]] = {}
    for environment, job in jobs:
        batches.setdefault(environment, []).append(job)
    work.reporter.start(len(jobs), label)
    for environment in batches:
        work.reporter.environment(environment, state)
    owner = {job.id: environment for environment, job in jobs}
    with timed(work.durations, label):
        try:
            work.crew.run(
                {name: order_jobs(batch) for name, batch in batches.items()},
                work.built.available,
                _recorder(work, owner),
                lambda name: work.reporter.environment(name, EnvironmentState.FINISHED),
            )
        finally:
            work.store.journal.sync()


def order_jobs(jobs: Sequence[Job]) -> list[Job]:
    """Put jobs that may share a process next to each other, else keep the order."""
    chains = {job.payload["chain"]: place for place, job in reversed(list(enumerate(jobs)))}
    return sorted(jobs, key=lambda job: (job.payload["isolated"], chains[job.payload["chain"]]))


def _recorder(work: Work, owner: Mapping[str, str]) -> Callable[[Job, Observation], None]:
    def record(job: Job, observation: Observation) -> None:
        _require_room(work.store.folder, observation)
        entry = {
            "kind": job.kind,
            "id": job.id,
            "inputs": job.inputs,
            "observation": dict(observation.data),
            "run": work.started.isoformat(timespec="seconds"),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        work.store.journal.append(entry)
        with work.lock:
            work.fresh.add(job.id)
            if observation.status == "harness_error":
                work.errors[job.id] = observation
            due = len(work.fresh) % SYNC_EVERY == 0
        if due:
            work.store.journal.sync()
        work.reporter.advance(owner[job.id], 1, _progress_outcome(job, observation))

    return record


def _require_room(folder: Path, observation: Observation) -> None:
    """Stop the run where the disk is full: what is observed then says nothing of a model."""
    require_space(folder, RESERVE_MB)
    if observation.status != "done":
        said = (observation.message, str(observation.data.get("traceback") or ""))
        require_space_for(folder, said)


def _progress_outcome(job: Job, observation: Observation) -> Outcome | None:
    """Return what the progress display counts: a rough outcome, for loads only."""
    if job.kind == "save" and observation.status == "done":
        return None
    if observation.status == "done":
        agrees = all(item["status"] == "agrees" for item in observation.aspects.values())
        return Outcome.EQUIVALENT if agrees else Outcome.DIVERGED
    if observation.status == "raised":
        if job.kind == "save":
            return Outcome.SAVE_ERROR
        unusable = observation.stage in ("call", "train")
        return Outcome.UNUSABLE if unusable else Outcome.LOAD_ERROR
    return Outcome(observation.status)
