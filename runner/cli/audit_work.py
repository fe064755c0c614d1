"""A random sample of cells measured again, each in a fresh process: the work of `audit`."""

from __future__ import annotations

import sys
from contextlib import nullcontext

from runner import pipeline
from runner.domain.errors import AuditDisagreement, SelectionError
from runner.domain.request import Request
from runner.host.progress import make_reporter
from runner.publish.audit import AUDIT_FILE, IN_CONTAINERS, write_audit
from runner.repeats import Sample, audit_cells, draw_cells


def audit_run(request: Request, *, sample: int, seed: int, contained: bool = False) -> int:
    """Re-run a sample of the recorded cells; the result goes into the next run.json.

    `contained` runs them in containers.

    Raises:
        AuditDisagreement: a cell had another outcome, or other aspects differ.
        SelectionError: the sample is empty, as asked for or as nothing is recorded.
        NoEnvironmentError: no container engine answers.
        ProvisionError: an image cannot be built.
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
            drawn = draw_cells(run, known, size=sample, seed=seed)
            readers = drawn.readers
            with pipeline.in_containers(run, readers) if contained else nullcontext(run) as there:
                audit = audit_cells(there, drawn).record
            write_audit(run.store.folder, audit, IN_CONTAINERS if contained else AUDIT_FILE)
    finally:
        reporter.close()
    found = audit.disagreements
    print(
        f"{audit.sample} of {audit.of} cells run again{' in containers' if contained else ''}, "
        f"from {audit.drawn} of {audit.strata} strata: {len(found)} disagree"
    )
    for each in found:
        print(f"  {each.cell}: {each.recorded} became {each.repeated} ({each.detail})")
    place = "container" if contained else "process"
    if found:
        raise AuditDisagreement(
            f"{len(found)} of {audit.sample} cells disagree with a fresh {place}",
            cause=f"a cell left something behind in its {place}, or its outcome is not stable",
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
