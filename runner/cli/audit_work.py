"""A random sample of cells measured again, each in a fresh process: the work of `audit`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

from runner import pipeline
from runner.declare.scope import declare
from runner.domain.errors import AuditDisagreement, SelectionError
from runner.domain.request import Request
from runner.host.progress import make_reporter
from runner.publish.audit import AUDIT_FILE, IN_CONTAINERS, summarise, write_audit
from runner.publish.reading import load_data
from runner.publish.record import AuditRecord
from runner.repeats import Sample, audit_cells, draw_cells
from runner.reproduce import reproduce


def audit_run(request: Request, *, sample: int, seed: int, contained: bool = False) -> int:
    """Re-run a sample of the recorded cells; the result goes into the next run.json.

    `contained` runs them in containers.

    Raises:
        AuditDisagreement: a cell had another outcome, or other aspects differ.
        SelectionError: the sample is empty, as asked for or as nothing is recorded.
        NoEnvironmentError: no container engine answers.
        ProvisionError: an image cannot be built.
    """
    _require_sample(sample)
    reporter = make_reporter(sys.stdout)
    try:
        with pipeline.opened(request, reporter) as run:
            known = pipeline.recorded_cells(run)
            _require_recorded(request, known)
            drawn = draw_cells(run, known, size=sample, seed=seed)
            readers = drawn.readers
            with pipeline.in_containers(run, readers) if contained else nullcontext(run) as there:
                audit = audit_cells(there, drawn).record
            write_audit(run.store.folder, audit, IN_CONTAINERS if contained else AUDIT_FILE)
    finally:
        reporter.close()
    place = "container" if contained else "process"
    _report(audit, f"run again{' in containers' if contained else ''}")
    if audit.disagreements:
        raise AuditDisagreement(
            f"{len(audit.disagreements)} of {audit.sample} cells disagree with a fresh {place}",
            cause=f"a cell left something behind in its {place}, or its outcome is not stable",
            next_step=f"nox -s show -- '{audit.disagreements[0].cell}'",
        )
    return 0


def audit_published(request: Request, folder: Path, *, sample: int, seed: int, note: bool) -> int:
    """Measure a sample of a published run from nothing, and with `note` tell that in the run.

    Raises:
        AuditDisagreement: a cell came to something else here.
        SelectionError: the sample is empty, or of a run of other code.
        StoreError: the folder holds no run, or cannot be written.
    """
    _require_sample(sample)
    data = load_data(folder)
    reporter = make_reporter(sys.stdout)
    try:
        found = reproduce(request, data, reporter, size=sample, seed=seed)
    finally:
        reporter.close()
    audit = found.record
    for reason, number in found.differs.items():
        print(f"left out: {number} cells, measured with what is not as it is today: {reason}")
    _report(audit, "measured from nothing")
    if note:
        page = pipeline.note_audit(folder, data, summarise(audit), declare(request))
        print(f"report: {page}")
    if audit.disagreements:
        raise AuditDisagreement(
            f"{len(audit.disagreements)} of {audit.sample} cells come to something else here",
            cause="they hang on the machine, or on chance, or the run has a wrong cell",
            next_step=f"nox -s matrix -- --select '{audit.disagreements[0].cell}'",
        )
    return 0


def _require_sample(sample: int) -> None:
    if sample < 1:
        raise SelectionError(
            f"an audit of {sample} cells says nothing",
            cause="--sample is below 1",
            next_step="nox -s audit -- --sample 200",
        )


def _report(audit: AuditRecord, how: str) -> None:
    print(
        f"{audit.sample} of {audit.of} cells {how}, "
        f"from {audit.drawn} of {audit.strata} strata: {len(audit.disagreements)} disagree"
    )
    for each in audit.disagreements:
        print(f"  {each.cell}: {each.recorded} became {each.repeated} ({each.detail})")


def _require_recorded(request: Request, known: Sample) -> None:
    if known:
        return
    raise SelectionError(
        "no cell of the selection is recorded: there is nothing to audit",
        cause=f"{request.store} holds no measurement with the present code and environments",
        next_step=f"measure first: nox -s matrix -- --profile {request.profile}",
    )
