"""Cells that ran, run again, each in a fresh process: a result that came once is no evidence.

Input: a run, and cells that it knows, or a random sample of them. Output: their further results,
or what an audit says of them. Nothing of it is recorded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from runner import pipeline
from runner.domain import Cell, CellResult, Declared, Known, Observation, Outcome
from runner.domain.selector import ARROW
from runner.judge.outcome import classify_cell, largest_difference
from runner.measure.rounds import repeat_jobs
from runner.plan.sample import draw_sample
from runner.publish.facts import describe_selection, tool_version
from runner.publish.record import AuditRecord, AuditTally, Disagreement

Sample = Sequence[tuple[Known, CellResult]]


def repeat_cells(
    run: pipeline.Run, cells: Sequence[Cell], times: int = 1, label: str = "what changed"
) -> dict[Cell, list[CellResult]]:
    """Load cells again and return the results with their causes, those of every further run.

    The first time is in the other order than that of the cells, and every other time after it. A
    cell whose artifact could not be written has no load to repeat, and is not among them.
    """
    known = [each for each in pipeline.know(run, cells) if each.loadable]
    found: dict[Cell, list[CellResult]] = {each.cell: [] for each in known}
    for turn in range(times if known else 0):
        order = known if turn % 2 else known[::-1]
        seen = load_again(run, order, f"{label}, in fresh processes, {turn + 1} of {times}")
        for each, result in classify_again(run, order, seen):
            found[each.cell].append(result)
    return found


def classify_again(
    run: pipeline.Run, known: Sequence[Known], seen: Mapping[str, Observation]
) -> list[tuple[Known, CellResult]]:
    """Return what cells come to by these observations, with causes; those that have one."""
    there = [each for each in known if each.job_id in seen]
    results = [classify_cell(pipeline.observed(each, seen[each.job_id])) for each in there]
    return list(zip(there, pipeline.explain_results(run, results), strict=True))


def load_again(run: pipeline.Run, known: Sequence[Known], label: str) -> dict[str, Observation]:
    """Load cells in fresh processes; return what came of each, by the id of its job."""
    jobs = [(each.cell.reader, run.look_up.load_job(each)) for each in known]
    return repeat_jobs(run.jobs, jobs, label) if jobs else {}


# --- an audit ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What a random sample of cells came to when each ran again."""

    record: AuditRecord
    again: Mapping[Cell, CellResult]
    """With causes; without the cells that could not be repeated."""


class Stratum(NamedTuple):
    """Cells of one kind: by what is loaded, how, and between which generations of Keras."""

    group: str
    format: str
    remedy: str
    generations: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A random sample of recorded cells, not run again yet."""

    known: Sample
    """All that are recorded."""
    strata: Sequence[Stratum]
    """Of each of them."""
    places: Sequence[int]
    """Which of them are in the sample."""
    seed: int

    @property
    def chosen(self) -> Sample:
        """The sample."""
        return [self.known[place] for place in self.places]

    @property
    def readers(self) -> set[str]:
        """The environments that load it."""
        return {each.cell.reader for each, _ in self.chosen}


def draw_cells(run: pipeline.Run, known: Sample, *, size: int, seed: int) -> Drawn:
    """Draw a random sample over all strata of what is recorded."""
    strata = find_strata(run.declared, [each.cell for each, _ in known])
    places = draw_sample(strata, size, seed)
    return Drawn(known=known, strata=strata, places=places, seed=seed)


def audit_cells(run: pipeline.Run, drawn: Drawn) -> Audit:
    """Load a sample again where the run loads, and say what moved.

    A forked child that takes cells in chains could carry something from one cell into the next.
    Here every cell gets a process that imports the framework for it alone; the goal is that not
    one outcome differs.
    """
    known, strata, places, chosen = drawn.known, drawn.strata, drawn.places, drawn.chosen
    seen = load_again(run, [each for each, _ in chosen], "audit, in fresh processes")
    found = _compare(chosen, seen)
    record = AuditRecord(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=tool_version(),
        profile=run.request.profile,
        selection=describe_selection(run.request),
        of=len(known),
        sample=len(chosen),
        seed=drawn.seed,
        executor=run.request.executor,
        disagreements=tuple(found),
        spread=find_spread(chosen, seen),
        strata=len(set(strata)),
        drawn=len({strata[place] for place in places}),
        tallies=tuple(
            tally(strata, places, {each.cell for each in found}, [each.cell for each, _ in known])
        ),
    )
    again = classify_again(run, [each for each, _ in chosen], seen)
    return Audit(record=record, again={each.cell: result for each, result in again})


def find_strata(declared: Declared, cells: Sequence[Cell]) -> list[Stratum]:
    """Return the stratum of each cell."""
    scenarios = declared.catalog.scenarios
    families = {each.id: each.family for each in declared.environments}
    return [
        Stratum(
            group=scenarios[cell.scenario].group,
            format=str(cell.format),
            remedy=cell.remedy,
            generations=f"{families[cell.writer]}{ARROW}{families[cell.reader]}",
        )
        for cell in cells
    ]


def tally(
    strata: Sequence[Stratum], places: Sequence[int], wrong: Collection[str], cells: Sequence[Cell]
) -> Iterator[AuditTally]:
    """Count all, the drawn and the disagreeing cells by each part of a stratum.

    `places` are those drawn, `wrong` the ids of the cells that disagree.
    """
    bad = [strata[place] for place in places if cells[place].id in wrong]
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


def _compare(chosen: Sample, repeated: Mapping[str, Observation]) -> list[Disagreement]:
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
