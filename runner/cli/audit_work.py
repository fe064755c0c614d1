"""A random sample of cells measured again, each in a fresh process, and compared.

A forked child that takes cells in chains could carry something from one cell into the
next. Here every cell gets a process that imports the framework for it alone; the goal
is that not one outcome differs.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from runner import pipeline
from runner.domain import CellResult, Known, Observation, Outcome
from runner.domain.errors import AuditDisagreement, SelectionError
from runner.domain.request import Request
from runner.domain.selector import ARROW
from runner.host.progress import make_reporter
from runner.judge.outcome import classify_cell, largest_difference
from runner.measure.rounds import repeat_jobs
from runner.plan.sample import draw_sample
from runner.publish.audit import write_audit
from runner.publish.facts import describe_selection, tool_version
from runner.publish.record import AuditRecord, AuditTally, Disagreement

Sample = Sequence[tuple[Known, CellResult]]


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
            strata = find_strata(run, known)
            places = draw_sample(strata, sample, seed)
            chosen = [known[place] for place in places]
            repeated = _repeat(run, chosen)
            found = _compare(chosen, repeated)
            audit = AuditRecord(
                at=datetime.now(UTC).isoformat(timespec="seconds"),
                tool_version=tool_version(),
                profile=request.profile,
                selection=describe_selection(request),
                of=len(known),
                sample=len(chosen),
                seed=seed,
                disagreements=tuple(found),
                spread=find_spread(chosen, repeated),
                strata=len(set(strata)),
                drawn=len({strata[place] for place in places}),
                tallies=tuple(tally(strata, places, {each.cell for each in found}, known)),
            )
            write_audit(run.store.folder, audit)
    finally:
        reporter.close()
    print(
        f"{len(chosen)} of {len(known)} cells run again, "
        f"from {audit.drawn} of {audit.strata} strata: {len(found)} disagree"
    )
    for each in found:
        print(f"  {each.cell}: {each.recorded} became {each.repeated} ({each.detail})")
    if found:
        raise AuditDisagreement(
            f"{len(found)} of {len(chosen)} cells disagree with a fresh process",
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


class Stratum(NamedTuple):
    """Cells of one kind: by what is loaded, how, and between which generations of Keras."""

    group: str
    format: str
    remedy: str
    generations: str


def find_strata(run: pipeline.Run, known: Sample) -> list[Stratum]:
    """Return the stratum of each recorded cell."""
    scenarios = run.declared.catalog.scenarios
    families = {each.id: each.family for each in run.declared.environments}
    return [
        Stratum(
            group=scenarios[cell.scenario].group,
            format=str(cell.format),
            remedy=cell.remedy,
            generations=f"{families[cell.writer]}{ARROW}{families[cell.reader]}",
        )
        for cell in (each.cell for each, _ in known)
    ]


def tally(
    strata: Sequence[Stratum], places: Sequence[int], wrong: Collection[str], known: Sample
) -> Iterator[AuditTally]:
    """Count the recorded, drawn and disagreeing cells by each part of a stratum.

    `places` are those drawn, `wrong` the ids of the cells that disagree.
    """
    bad = [strata[place] for place in places if known[place][1].cell.id in wrong]
    for by in Stratum._fields:
        every = Counter(getattr(each, by) for each in strata)
        drawn = Counter(getattr(strata[place], by) for place in places)
        unlike = Counter(getattr(each, by) for each in bad)
        for name in sorted(every):
            yield AuditTally(
                by=by,  # type: ignore[arg-type]
                name=name,
                of=every[name],
                sample=drawn[name],
                disagreements=unlike[name],
            )


def _repeat(run: pipeline.Run, chosen: Sample) -> dict[str, Observation]:
    """Run the cells again, each in a process of its own; nothing is recorded."""
    jobs = [(known.cell.reader, run.look_up.load_job(known)) for known, _ in chosen]
    return repeat_jobs(run.jobs, jobs)


def _compare(chosen: Sample, repeated: dict[str, Observation]) -> list[Disagreement]:
    """Return the cells whose repetition came to something else, in the order of the sample."""
    found = (find_difference(known, before, repeated.get(known.job_id)) for known, before in chosen)
    return [each for each in found if each is not None]


def find_spread(chosen: Sample, repeated: Mapping[str, Observation]) -> float | None:
    """Return how far a cell's largest difference moved when it ran again; None if none has one.

    What is not finite is no number, and stays out.
    """
    moved = []
    for known, before in chosen:
        seen = (before.observation, repeated.get(known.job_id))
        numbers = [largest_difference(each) for each in seen if each is not None]
        finite = [each for each in numbers if each is not None and math.isfinite(each)]
        if len(finite) == len(seen):
            moved.append(abs(finite[0] - finite[1]))
    return max(moved, default=None)


def find_difference(
    known: Known, before: CellResult, repeated: Observation | None
) -> Disagreement | None:
    """Return the differences of the recorded and the repeated cell; None if there are none."""
    if repeated is None:
        return Disagreement(
            cell=before.cell.id,
            recorded=before.outcome,
            repeated=Outcome.NOT_RUN,
            detail="it could not be repeated",
        )
    after = classify_cell(pipeline.observed(known, repeated))
    if _essence(before) == _essence(after):
        return None
    return Disagreement(
        cell=before.cell.id,
        recorded=before.outcome,
        repeated=after.outcome,
        detail=f"{_told(before)} became {_told(after)}",
    )


def _essence(result: CellResult) -> tuple[object, ...]:
    return result.outcome, result.aspects, _exception(result)


def _exception(result: CellResult) -> str:
    return result.observation.exception if result.observation else ""


def _told(result: CellResult) -> str:
    aspects = ",".join(result.aspects)
    return " ".join(filter(None, [str(result.outcome), aspects, _exception(result)]))
