"""A random sample of a published run's cells, measured again from nothing on this machine.

Input: a request and the folder of the run. Output: what an audit says of it. Models are saved
again, edited copies and files between are made again, and every cell is loaded in a fresh process:
nothing is taken over from the machine that measured the run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from runner import pipeline, plan
from runner.declare.scope import declare
from runner.domain import (
    ID_COLUMNS,
    Cell,
    CellResult,
    Declared,
    Format,
    Known,
    MadeBy,
    Observation,
    Outcome,
    Remedy,
)
from runner.domain.errors import SelectionError
from runner.domain.hops import read_steps
from runner.domain.request import Request
from runner.host.progress import Reporter
from runner.judge.outcome import classify_cell, largest_difference
from runner.pipeline.conclusions import describe_today
from runner.pipeline.loading import made_by, make_files, save_artifacts
from runner.pipeline.remedies import follow_chains
from runner.plan.sample import draw_sample
from runner.publish.carry_over import DEPENDS, find_difference
from runner.publish.facts import describe_selection, tool_version
from runner.publish.reading import PublishedRun
from runner.publish.record import AuditRecord, Disagreement
from runner.repeats import Stratum, find_strata, load_again, tally

_TOLD = ("outcome", "cause", "aspects", "exception", "steps", "max_abs_diff")
LABEL = "audit of a published run, in fresh processes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reproduction:
    """What a sample of a run came to here."""

    record: AuditRecord
    differs: Mapping[str, int]
    """What a drawn cell was not measured with as it is today -> number of those; they are not in
    the sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Drawn:
    """A sample of the measured cells of a run."""

    cells: Sequence[Cell]
    """All that were measured, of the selection."""
    strata: Sequence[Stratum]
    places: Sequence[int]
    rows: Mapping[int, Mapping[str, Any]]
    """What the run says of those that were drawn, by their places."""


def reproduce(
    request: Request, data: PublishedRun, reporter: Reporter, *, size: int, seed: int
) -> Reproduction:
    """Draw a sample over all strata of a run, measure it here, and say what came out otherwise.

    Outcome, cause, aspects and exception have to be the same; of numbers, the largest move is
    told. Only the environments of the sample are built. What was measured with another probe,
    scenario or lock than today's says nothing of this run's cells: it is left out and counted.

    Raises:
        SelectionError: nothing of the selection was measured, or nothing with today's code.
        MatrixError: nothing could be measured here.
    """
    declared = declare(request)
    drawn = _draw(declared, data, size, seed)
    narrowed = _narrowed(request, drawn, declared.scope.remedies)
    with pipeline.opened(narrowed, reporter) as run:
        today = describe_today(run, artifacts={})
        locks = {each.id: each.lock_digest for each in data.run.environments}
        reasons = {place: find_difference(row, today, locks) for place, row in drawn.rows.items()}
        places = [place for place in drawn.places if not reasons[place]]
        if not places:
            raise SelectionError(
                f"none of the {len(drawn.places)} drawn cells was measured with today's code",
                cause=f"what differs: {', '.join(sorted(set(reasons.values())))}",
                next_step="check out the commit that published the run, and ask again",
            )
        steps = {drawn.cells[place]: drawn.rows[place]["steps"] or "" for place in places}
        found = {each.cell: each for each in _measure(run, steps)}
    rows = [(drawn.cells[place], drawn.rows[place]) for place in places]
    unlike = [each for cell, row in rows if (each := _compare(cell, row, found.get(cell)))]
    wrong = {each.cell for each in unlike}
    moved = [_moved(row, found[cell]) for cell, row in rows if cell in found]
    record = AuditRecord(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=tool_version(),
        profile=data.run.profile,
        selection=describe_selection(request),
        of=len(drawn.cells),
        sample=len(places),
        seed=seed,
        executor=request.executor,
        disagreements=tuple(unlike),
        spread=max((each for each in moved if each is not None), default=None),
        strata=len(set(drawn.strata)),
        drawn=len({drawn.strata[place] for place in places}),
        tallies=tuple(tally(drawn.strata, places, wrong, drawn.cells)),
    )
    differs = Counter(each for each in reasons.values() if each)
    return Reproduction(record=record, differs=dict(sorted(differs.items())))


def _draw(declared: Declared, data: PublishedRun, size: int, seed: int) -> _Drawn:
    ids = list(ID_COLUMNS)
    known = set(declared.catalog.scenarios), {each.id for each in declared.environments}
    seen = data.observations[[*ids, "status"]]
    measured = seen[
        (seen["status"] != "")
        & seen["scenario"].isin(known[0])
        & seen["writer"].isin(known[1])
        & seen["reader"].isin(known[1])
        & seen["remedy"].isin(declared.scope.remedies)
    ]
    matches = declared.scope.selection.matches
    cells = []
    for scenario, format_, writer, reader, remedy in measured[ids].astype(object).to_numpy():
        cell = Cell(
            scenario=scenario, format=Format(format_), writer=writer, reader=reader, remedy=remedy
        )
        if matches(cell):
            cells.append(cell)
    if not cells:
        raise SelectionError(
            "the run measured no cell of the selection: there is nothing to audit",
            cause="--profile or a selector names other environments or scenarios than the run has",
            next_step="nox -s audit -- --data reports/published --profile full",
        )
    strata = find_strata(declared, cells)
    places = draw_sample(strata, size, seed)
    return _Drawn(cells=cells, strata=strata, places=places, rows=_rows(data, cells, places))


def _rows(
    data: PublishedRun, cells: Sequence[Cell], places: Sequence[int]
) -> dict[int, Mapping[str, Any]]:
    """Return the rows of the drawn cells, by their places."""
    ids = list(ID_COLUMNS)
    wanted = {_id_parts(cells[place]): place for place in places}
    columns = [*ids, *_TOLD, *DEPENDS, "made_with", "artifact_sha256"]
    near = data.cells[columns]
    for name, position in (("scenario", 0), ("writer", 2), ("reader", 3)):
        near = near[near[name].isin({key[position] for key in wanted})]
    near = near.astype(object)
    found: dict[int, Mapping[str, Any]] = {}
    for row in near.where(near.notna(), None).to_dict("records"):
        place = wanted.get(tuple(row[name] for name in ids))
        if place is not None:
            found[place] = {str(name): value for name, value in row.items()}
    return found


def _id_parts(cell: Cell) -> tuple[str, ...]:
    return cell.scenario, str(cell.format), cell.writer, cell.reader, cell.remedy


def _narrowed(request: Request, drawn: _Drawn, remedies: Mapping[str, Remedy]) -> Request:
    """Return the request with the environments of the sample alone, those of its hops too."""
    cells = [drawn.cells[place] for place in drawn.places]
    steps = [drawn.rows[place]["steps"] or "" for place in drawn.places]
    hops = {
        hop.environment
        for cell, text in zip(cells, steps, strict=True)
        if remedies[cell.remedy].made_by is MadeBy.HOP and text
        for hop in read_steps(text.split(";"))
    }
    filters = {
        "scenario": {each.scenario for each in cells},
        "writer": {each.writer for each in cells},
        "reader": {each.reader for each in cells} | hops,
    }
    named = {part: (",".join(sorted(names)),) for part, names in filters.items()}
    return replace(request, patterns=(), filters=named)


def _measure(run: pipeline.Run, steps: Mapping[Cell, str]) -> list[CellResult]:
    """Save, make and load these cells; `steps` are those of the run's chains."""
    cells = list(steps)
    save_artifacts(run, plan.plan_saves(run.declared.scope, cells))
    make_files(run, cells)
    chains = {
        cell: read_steps(text.split(";"))
        for cell, text in steps.items()
        if made_by(run, cell) is MadeBy.HOP and text
    }
    made = follow_chains(run, list(chains.items()), measure=True)
    run.made.update({cell: each for (cell, _), each in made.items()})
    # The other order than that of the run.
    known = pipeline.know(run, cells)[::-1]
    seen = load_again(run, [each for each in known if each.loadable], LABEL)
    late = [
        each
        for each in known
        if each.job_id in seen and _result(each, seen).outcome is Outcome.TIMED_OUT
    ]
    # The machine may have been busy.
    seen |= load_again(run, late, "second tries")
    return pipeline.explain_results(run, [_result(each, seen) for each in known])


def _result(known: Known, seen: Mapping[str, Observation]) -> CellResult:
    again = seen.get(known.job_id)
    return classify_cell(known if again is None else pipeline.observed(known, again))


def _compare(cell: Cell, row: Mapping[str, Any], after: CellResult | None) -> Disagreement | None:
    was = [str(row[name] or "") for name in ("outcome", "aspects", "exception", "cause")]
    now = _essence(after)
    if was == now:
        return None
    return Disagreement(
        cell=cell.id,
        recorded=Outcome(was[0]),
        repeated=Outcome(now[0]),
        detail=f"{_told(was)} became {_told(now)}",
    )


def _essence(result: CellResult | None) -> list[str]:
    if result is None:
        return [str(Outcome.NOT_RUN), "", "", ""]
    seen = result.observation
    aspects = ";".join(map(str, result.aspects))
    return [str(result.outcome), aspects, seen.exception if seen else "", result.cause]


def _told(essence: Sequence[str]) -> str:
    return " ".join(filter(None, essence))


def _moved(row: Mapping[str, Any], after: CellResult) -> float | None:
    """Return how far the largest difference of a cell moved; None if one of both has none."""
    now = largest_difference(after.observation) if after.observation else None
    was = row["max_abs_diff"]
    if now is None or was is None or not (math.isfinite(now) and math.isfinite(was)):
        return None
    return abs(now - float(was))
