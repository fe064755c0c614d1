"""The audit: a random sample of cells again, each in a fresh process, and compared.

A forked child that takes cells in chains could carry something from one cell into the
next. Here every cell gets a process that imports the framework for it alone; the goal
is that not one outcome differs.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import UTC, datetime

from runner import pipeline
from runner.contract import Job
from runner.domain import Cell, Observation
from runner.domain.errors import AuditDisagreement
from runner.domain.request import Request
from runner.executors.batches import Crew
from runner.host.progress import EnvironmentState, make_reporter
from runner.judge.outcome import Classified
from runner.measure.ledger import save_of
from runner.measure.work import Work
from runner.publish.audit import AUDIT_FILE
from runner.store import atomic_write_text


def audit_run(request: Request, *, sample: int, seed: int) -> int:
    """Re-run a sample of the recorded cells; the result goes into the next run.json.

    Raises:
        AuditDisagreement: a cell had another outcome, or other aspects differ.
    """
    reporter = make_reporter(sys.stdout)
    try:
        with pipeline.opened(request, reporter) as work:
            known = pipeline.known_cells(work)
            chosen = random.Random(seed).sample(known, min(sample, len(known)))  # noqa: S311 - a sample
            repeated = _repeat(work, chosen)
            found = [
                difference
                for cell, job in chosen
                if (difference := _difference(work, cell, job, repeated.get(job.id))) is not None
            ]
            record = {
                "sample": len(chosen),
                "of": len(known),
                "seed": seed,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "disagreements": found,
            }
            path = work.store.folder / AUDIT_FILE
            atomic_write_text(path, json.dumps(record, indent=1) + "\n")
    finally:
        reporter.close()
    print(f"{len(chosen)} of {len(known)} cells run again: {len(found)} disagree")
    for each in found:
        print(f"  {each['cell']}: {each['recorded']} became {each['repeated']} ({each['detail']})")
    if found:
        raise AuditDisagreement(
            f"{len(found)} of {len(chosen)} cells disagree with a fresh process",
            cause="a cell left something behind in its process, or its outcome is not stable",
            next_step=f"python -m runner show '{found[0]['cell']}'",
        )
    return 0


def _repeat(work: Work, chosen: list[tuple[Cell, Job]]) -> dict[str, Observation]:
    batches: dict[str, list[Job]] = {}
    owner: dict[str, str] = {}
    for cell, job in chosen:
        batches.setdefault(cell.reader, []).append(job)
        owner[job.id] = cell.reader
    found: dict[str, Observation] = {}

    def record(job: Job, observation: Observation) -> None:
        found[job.id] = observation
        work.reporter.advance(owner[job.id], 1, None)

    crew = Crew(
        executor=work.crew.executor,
        workers=work.crew.workers,
        limits=work.crew.limits,
        scratch=work.crew.scratch,
        start_method="fresh",
    )
    work.reporter.start(len(chosen), "fresh processes")
    for name in batches:
        work.reporter.environment(name, EnvironmentState.LOADING)
    crew.run(batches, work.built.available, record)
    return found


def _difference(
    work: Work, cell: Cell, job: Job, repeated: Observation | None
) -> dict[str, str] | None:
    """Return what differs between the recorded and the repeated cell; None if nothing does."""
    recorded = work.ledger.observation(job)
    artifact = work.ledger.artifact(save_of(cell))
    if recorded is None or artifact is None or repeated is None:
        return {
            "cell": cell.id,
            "recorded": "not_run" if recorded is None else "equivalent",
            "repeated": "not_run",
            "detail": "it could not be repeated",
        }
    before = work.ledger.classify(cell, recorded, artifact)
    after = work.ledger.classify(cell, repeated, artifact)
    if _essence(before) == _essence(after) and recorded.exception == repeated.exception:
        return None
    return {
        "cell": cell.id,
        "recorded": str(before.outcome),
        "repeated": str(after.outcome),
        "detail": f"{_told(before, recorded)} became {_told(after, repeated)}",
    }


def _essence(classified: Classified) -> tuple[object, ...]:
    return classified.outcome, classified.aspects


def _told(classified: Classified, observation: Observation) -> str:
    aspects = ",".join(classified.aspects)
    return " ".join(filter(None, [str(classified.outcome), aspects, observation.exception]))
