"""A random sample of cells measured again, each in a fresh process: the work of `audit`."""

from __future__ import annotations

import sys

from runner import pipeline
from runner.domain.errors import AuditDisagreement, SelectionError
from runner.domain.request import Request
from runner.host.progress import make_reporter
from runner.publish.audit import write_audit
from runner.repeats import Sample, audit_cells


def audit_run(request: Request, *, sample: int, seed: int) -> int:
    """Re-run a sample of the recorded cells; the result goes into the next run.json.

    Raises:
        AuditDisagreement: a cell had another outcome, or other aspects differ.
        SelectionError: the sample is empty, as asked for or as nothing is recorded.
    """
    if sample < 1:
        raise SelectionError(
            f"an audit of {sample} cells says nothing",
            cause="--sample is below 1",
            next_step="nox -s audit -- --sample 200",
        )
    reporter = make_reporter(sys.stdout)
    try:
        with pipeline.opened(request, reporter) as run:
            known = pipeline.recorded_cells(run)
            _require_recorded(request, known)
            audit = audit_cells(run, known, size=sample, seed=seed).record
            write_audit(run.store.folder, audit)
    finally:
        reporter.close()
    found = audit.disagreements
    print(
        f"{audit.sample} of {audit.of} cells run again, "
        f"from {audit.drawn} of {audit.strata} strata: {len(found)} disagree"
    )
    for each in found:
        print(f"  {each.cell}: {each.recorded} became {each.repeated} ({each.detail})")
    if found:
        raise AuditDisagreement(
            f"{len(found)} of {audit.sample} cells disagree with a fresh process",
            cause="a cell left something behind in its process, or its outcome is not stable",
            next_step=f"nox -s show -- '{found[0].cell}'",
        )
    return 0


def _require_recorded(request: Request, known: Sample) -> None:
    if known:
        return
    raise SelectionError(
        "no cell of the selection is recorded: there is nothing to audit",
        cause=f"{request.store} holds no measurement with the present code and environments",
        next_step=f"measure first: nox -s matrix -- --profile {request.profile}",
    )
