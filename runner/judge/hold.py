"""The cells of a run held against one baseline, for the gate (stage 7). Pure.

Input: the results, the baseline's cells, what repeated runs came to, and the acceptances. Output:
a `Held` with a verdict for every cell, the vanished ones of the baseline among them. A cell that
could not be judged says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.domain import (
    BARE,
    FACTS,
    UNJUDGED,
    Aspect,
    Cell,
    CellResult,
    Detail,
    Expectation,
    Outcome,
    Verdict,
)
from runner.domain.counterparts import environments_of, find_counterparts, line_up
from runner.domain.gate import Direction, Held, HeldCell, Repeats
from runner.judge.acceptance import Acceptances
from runner.judge.verdict import Judge, detail_of

REPEATED = frozenset({Verdict.REGRESSION, Verdict.CHANGED, Verdict.FIXED})
"""Verdicts that have to be the same in fresh processes before they are believed."""
MESSAGE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """An earlier run, as the cells of this one are held against it."""

    option: str
    name: str
    mandatory: bool
    cells: Mapping[Cell, Detail]


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What holds for a run whichever baseline it is held against."""

    expectations: Sequence[Expectation]
    builds: Mapping[str, str] = field(default_factory=dict)
    """Environment that is no release -> its base."""
    subjects: Collection[str] = ()
    """The environments under test, on either side of a cell."""
    asked: Callable[[Cell], bool] = lambda _: True
    """Whether a cell of the baseline is one that this run was asked for."""


def hold(
    results: Iterable[CellResult],
    baseline: Baseline,
    circumstances: Circumstances,
    acceptances: Acceptances,
    repeats: Mapping[Cell, Repeats],
) -> Held:
    """Return the verdict of every cell against one baseline."""
    results = list(results)
    builds = circumstances.builds
    known = environments_of(baseline.cells) if builds else ()
    counterparts = find_counterparts(builds, known)
    before = line_up((each.cell for each in results), baseline.cells, counterparts)
    judge = Judge(circumstances.expectations, before)
    cells = [
        acceptances.apply(_hold_cell(each, judge, before, circumstances, repeats.get(each.cell)))
        for each in results
    ]
    cells = _doubt(cells) if repeats else cells
    gone, outside = _vanished(results, baseline.cells, counterparts, circumstances)
    return Held(
        option=baseline.option,
        name=baseline.name,
        mandatory=baseline.mandatory,
        cells=[*cells, *gone],
        counterparts=counterparts,
        outside=outside,
    )


def _hold_cell(
    result: CellResult,
    judge: Judge,
    before: Mapping[Cell, Detail],
    circumstances: Circumstances,
    repeats: Repeats | None,
) -> HeldCell:
    expected = judge.expectation(result.cell)
    was = before.get(result.cell)
    verdict = judge.judge(result).verdict
    seen = result.observation
    held = HeldCell(
        cell=result.cell,
        verdict=verdict,
        direction=direction_of(result.cell, circumstances.subjects),
        before=Detail(outcome=expected.outcome) if expected else was,
        after=detail_of(result),
        reason=_reason(result, was) if verdict is Verdict.NOT_JUDGED else "",
        message=f"{seen.exception}: {seen.message}"[:MESSAGE] if seen and seen.exception else "",
    )
    if expected is not None and verdict in {Verdict.KNOWN_FAILURE, Verdict.REGRESSION}:
        held = replace(held, reason=expected.reason, link=expected.link)
    return _with_repeats(held, result, judge, repeats) if repeats else held


def direction_of(cell: Cell, subjects: Collection[str]) -> Direction:
    """Return on which side of a cell the version under test stands."""
    writes, reads = cell.writer in subjects, cell.reader in subjects
    if writes and reads:
        return Direction.ITSELF
    if reads:
        return Direction.READS
    return Direction.WRITTEN if writes else Direction.OTHERS


def _reason(result: CellResult, before: Detail | None) -> str:
    if result.outcome in UNJUDGED:
        return f"{FACTS[result.outcome].label}: {result.reason}".rstrip(": ")
    assert before is not None  # noqa: S101 - else the cell would be new
    return f"the baseline says nothing of it: {FACTS[before.outcome].label}"


def _with_repeats(held: HeldCell, result: CellResult, judge: Judge, repeats: Repeats) -> HeldCell:
    """Hold the further runs of a cell to the verdict of the first."""
    verdicts = [held.verdict, *(_verdict_of(each, result, judge) for each in repeats.details)]
    agreed = verdicts.count(held.verdict)
    told = replace(held, runs=len(verdicts), agreed=agreed)
    if agreed == len(verdicts):
        return told
    assert held.after is not None  # noqa: S101 - it was measured
    outcomes = [held.after.outcome, *(each.outcome for each in repeats.details)]
    return replace(told, verdict=Verdict.NOT_JUDGED, reason=f"flaky: {_rates(outcomes)}")


def _verdict_of(detail: Detail, result: CellResult, judge: Judge) -> Verdict:
    aspects = tuple(Aspect(name) for name in sorted(detail.aspects))
    again = replace(result, outcome=detail.outcome, cause=detail.cause, aspects=aspects)
    return judge.judge(again).verdict


def finding_of(held: HeldCell) -> tuple[object, ...]:
    """Return what cells that are one finding have in common."""
    return held.direction, held.before, held.after, held.cell.format


def _doubt(cells: Sequence[HeldCell]) -> list[HeldCell]:
    """Take back the verdict of cells that did not run again and are one finding with a flaky one.

    Not every cell of a finding runs again; what was seen of the others speaks for it.
    """
    flaky = {finding_of(each): each for each in cells if each.flaky}
    return [
        replace(
            each,
            verdict=Verdict.NOT_JUDGED,
            reason=f"not repeated, and of one finding with {other.cell.id}: {other.reason}",
        )
        if each.runs == 1
        and each.verdict in REPEATED
        and (other := flaky.get(finding_of(each))) is not None
        else each
        for each in cells
    ]


def _rates(outcomes: Sequence[Outcome]) -> str:
    """Say how often each outcome was seen."""
    counts = {each: outcomes.count(each) for each in dict.fromkeys(outcomes)}
    return ", ".join(
        f"{FACTS[each].label} in {count} of {len(outcomes)} runs" for each, count in counts.items()
    )


def _vanished(
    results: Sequence[CellResult],
    baseline: Mapping[Cell, Detail],
    counterparts: Mapping[str, str],
    circumstances: Circumstances,
) -> tuple[list[HeldCell], int]:
    """Return the cells that the baseline has and the run has lost, and how many it left out."""
    found = {each.cell: each.outcome for each in results}
    helped = {
        replace(cell, remedy=BARE)
        for cell, outcome in found.items()
        if outcome is Outcome.EQUIVALENT
    }
    gone, outside = [], 0
    for cell, detail in baseline.items():
        wanted = [each for each in _stand_ins(cell, counterparts) if circumstances.asked(each)]
        outside += not wanted
        for each in wanted:
            # A remedy is tried where the bare load needs one, and until one has helped.
            needless = each.remedy != BARE and replace(each, remedy=BARE) in helped
            if each in found or needless:
                continue
            gone.append(
                HeldCell(
                    cell=each,
                    verdict=Verdict.VANISHED,
                    direction=direction_of(each, circumstances.subjects),
                    before=detail,
                    reason="the baseline has it, and this run does not",
                )
            )
    return gone, outside


def _stand_ins(cell: Cell, counterparts: Mapping[str, str]) -> Iterator[Cell]:
    """Yield the cells of a run that may be held against a cell of the baseline."""
    ends = []
    for name in (cell.writer, cell.reader):
        own = [build for build, stands_for in counterparts.items() if stands_for == name]
        ends.append([name, *(each for each in own if each != name)])
    for writer in ends[0]:
        for reader in ends[1]:
            yield (
                cell
                if (writer, reader) == (cell.writer, cell.reader)
                else replace(cell, writer=writer, reader=reader)
            )
