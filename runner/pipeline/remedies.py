"""Stages 4 to 6 of the other ways of loading: remedies in rounds, then chains of hops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from runner import plan
from runner.domain import (
    BARE,
    FACTS,
    Absence,
    Cell,
    CellResult,
    Known,
    Made,
    Outcome,
)
from runner.domain.hops import MOST_HOPS, Chain
from runner.host.progress import EnvironmentState
from runner.judge.outcome import classify_cell, classify_save
from runner.measure.hops import Try
from runner.pipeline.loading import load_known, measure_cells
from runner.pipeline.opening import Run


def measure_remedies(run: Run, bare: Mapping[Cell, CellResult]) -> dict[Cell, CellResult]:
    """Measure the remedies in the rounds that are planned; return what came of each cell.

    A cell that a cheaper remedy made needless is not among them.
    """
    scope = run.declared.scope
    found: dict[Cell, CellResult] = {}
    helped: set[Cell] = set()
    outcomes = {cell: result.outcome for cell, result in bare.items()}
    for planned in plan.plan_rounds(scope, outcomes, run.request.wanted_remedies):
        needed = plan.still_needed(scope, outcomes, planned, helped)
        found |= measure_cells(run, needed, "remedies")
        helped |= {
            replace(cell, remedy=BARE)
            for cell in planned
            if cell in found and found[cell].outcome is Outcome.EQUIVALENT
        }
    if run.share is not None:
        # A chain leads through environments whose loads other shards measure; see docs/machines.md.
        return found
    hops = plan.plan_hops(scope, {**bare, **found}, run.request.wanted_remedies, helped)
    return found | {known.cell: result for known, result in try_hops(run, hops, measure=True)}


def try_hops(
    run: Run, planned: Mapping[Cell, Sequence[Chain]], *, measure: bool
) -> list[tuple[Known, CellResult]]:
    """Try the first chain of each cell, then the others of those it did not help, all at once.

    Returns what came of each cell: of the first chain that gives the same model; where none does,
    of the first by which something was loaded. With `measure` the files between are made and
    loaded; else only what was recorded counts. A cell of which a chain is left to be tried is
    `not_run`: that the others failed does not say that none helps.
    """
    settled: dict[Cell, tuple[Known, CellResult]] = {}
    tried: set[Try] = set()
    left = dict(planned)
    for turn in (slice(0, 1), slice(1, None)):
        tries = [(cell, chain) for cell, chains in left.items() for chain in chains[turn]]
        if not tries:
            break
        made = follow_chains(run, tries, measure=measure)
        known = _know_tries(run, tries, made)
        results = (
            load_known(run, known, "hops")
            if measure
            else [(each, classify_cell(each)) for each in known]
        )
        tried |= _tried(tries, made, results)
        for each, result in results:
            if each.cell not in settled or _says_more(result, settled[each.cell][1]):
                settled[each.cell] = each, result
        # What was not recorded ends the search: a later chain was not tried either.
        ended = set() if measure else {each[0] for each in tries if each not in made}
        worked = {cell for cell, (_, it) in settled.items() if it.outcome is Outcome.EQUIVALENT}
        done = worked | ended
        left = {cell: chains for cell, chains in left.items() if cell not in done}
    for cell, (each, result) in settled.items():
        if result.outcome not in {Outcome.EQUIVALENT, Outcome.HARNESS_ERROR} and any(
            (cell, chain) not in tried for chain in planned[cell]
        ):
            unknown = replace(each, made=None, observation=None, absence=Absence.NOT_MEASURED)
            settled[cell] = unknown, classify_cell(unknown)
        elif each.made is not None:
            run.made[cell] = each.made
    return list(settled.values())


def _tried(
    tries: Iterable[Try], made: Mapping[Try, Made], results: Iterable[tuple[Known, CellResult]]
) -> set[Try]:
    """Return the tries that came to something, be it that a hop of theirs failed."""
    seen: dict[Cell, list[Made | None]] = {}
    for known, result in results:
        if result.outcome not in {Outcome.NOT_RUN, Outcome.HARNESS_ERROR}:
            seen.setdefault(known.cell, []).append(known.made)
    return {each for each in tries if each in made and made[each] in seen.get(each[0], ())}


def _know_tries(run: Run, tries: Sequence[Try], made: Mapping[Try, Made]) -> list[Known]:
    """Return what is known of tries that were followed to their end; each cell's in order."""
    layers: list[dict[Cell, Made]] = []
    places: Counter[Cell] = Counter()
    for each in tries:
        if each in made:
            cell = each[0]
            if places[cell] == len(layers):
                layers.append({})
            layers[places[cell]][cell] = made[each]
            places[cell] += 1
    return [
        known
        for layer in layers
        for known in run.look_up.cells(layer, run.artifacts, run.jobs.errors, made=layer)
    ]


def _says_more(result: CellResult, before: CellResult) -> bool:
    if before.outcome is Outcome.EQUIVALENT:
        return False
    if result.outcome is Outcome.EQUIVALENT:
        return True
    return FACTS[result.outcome].measured and not FACTS[before.outcome].measured


def follow_chains(run: Run, tries: Sequence[Try], *, measure: bool) -> dict[Try, Made]:
    """Find the files that the chains end with, and with `measure` make them."""
    for _ in range(MOST_HOPS + 1):
        found, jobs = run.hop_files.follow(tries, run.artifacts, run.jobs.errors)
        jobs = [(name, job) for name, job in jobs if job.id not in run.jobs.fresh]
        if not measure or not run.jobs.run(
            jobs, "files between", EnvironmentState.SAVING, lambda _, seen: classify_save(seen)
        ):
            break
    return found


def helped_by(found: Iterable[tuple[Known, CellResult]]) -> set[Cell]:
    """Return the bare loads of which a remedy made the same model."""
    return {
        replace(known.cell, remedy=BARE)
        for known, result in found
        if known.cell.remedy != BARE and result.outcome is Outcome.EQUIVALENT
    }
