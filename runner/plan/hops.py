"""The chains that may bring a model to a reader that does not get it from its file. Pure.

Input: the scope, and the results of every load so far. Output: for each cell of the remedy `hop`
its chains, the most promising first. A chain begins in an environment that was measured to read the
file as the same model. What it saves there is not known before it was done; what is known is how
the environments' own files of the scenario come out. A chain is not tried whose last environment
could not write such a file, or whose file the target did not get: no chain of that kind was ever
measured to work. Two hops are planned of measured steps alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from runner.domain import (
    BARE,
    REMEDIABLE,
    Aspect,
    Cell,
    CellResult,
    Environment,
    Format,
    MadeBy,
    Outcome,
    Remedy,
    Scope,
    reads,
    writes,
)
from runner.domain.hops import LAST_WAYS, VARIANTS, Chain, Hop, formats_between
from runner.plan.cells import Ways

MOST_CHAINS = {1: 3, 2: 2}
"""Hops -> chains that are tried at most for a cell."""
MOST_UNKNOWN = 1
"""Of them those of which nothing is foreseen."""
TRAINED = frozenset(
    {
        *(Aspect.COMPILE, Aspect.OPTIMIZER, Aspect.TRAINING_STEP, Aspect.LOSS_WEIGHTS),
        *(Aspect.METRICS, Aspect.CONSTRAINTS),
    }
)
"""Aspects for which a model is trained or evaluated."""
_WORKED, _UNKNOWN, _FAILED = range(3)


@dataclass(kw_only=True, slots=True)
class _Ends:
    """What a target is likely to get of what chains end with; the same for all writers' files."""

    known: dict[tuple[str, Format], int]
    """Last environment, and what it saves -> what is foreseen, if it is not a failure."""
    worked: dict[str, list[tuple[int, Format]]]
    """Last environment -> of what it saves that which worked, with its place in the order."""
    second: dict[str, list[_Second]] = field(default_factory=dict)
    """First environment of two -> the best that can follow."""


@dataclass(kw_only=True, slots=True)
class _Loads:
    """What the loads so far say."""

    results: Mapping[Cell, CellResult]
    ways: dict[tuple[str, Format, str], dict[str, Remedy]] = field(default_factory=dict)
    """Scenario, format, writer -> the readers that got the same model, and the cheapest way."""
    unsaved: set[tuple[str, Format, str]] = field(default_factory=set)
    """Scenario, format, writer of what could not be saved."""
    ends: dict[tuple[Format, str], _Ends] = field(default_factory=dict)
    """Format, reader -> what it is likely to get of what a chain ends with, for `scenario`."""
    scenario: str = ""


def plan_hops(
    scope: Scope, results: Mapping[Cell, CellResult], wanted: str, helped: Collection[Cell]
) -> dict[Cell, tuple[Chain, ...]]:
    """Return for each cell of the remedy its chains, in the order in which they are to be tried.

    `results` are those of bare loads and remedies, `helped` the bare loads of which a cheaper
    remedy made the same model: they need none, unless `wanted` is `all` or a selector names it.
    A cell of which no chain has a chance is left out: it is not tried.
    """
    hops = [each for each in scope.remedies.values() if each.made_by is MadeBy.HOP]
    if not hops:
        return {}
    loads = _gather(scope, results)
    by_id = {each.id: each for each in scope.environments}
    through = {name: each for name, each in by_id.items() if each.backend not in VARIANTS}
    ways = Ways(scope)
    planned = {}
    for bare, result in results.items():
        if bare.remedy != BARE or result.outcome not in REMEDIABLE:
            continue
        for remedy in ways.of(bare):
            cell = replace(bare, remedy=remedy.id)
            if remedy not in hops or not scope.selection.matches(cell):
                continue
            if bare in helped and wanted != "all" and not scope.selection.names_remedy(cell):
                continue
            chains = tuple(_chains(scope, loads, through, by_id[bare.reader], bare))
            if chains:
                planned[cell] = chains
    return planned


def _gather(scope: Scope, results: Mapping[Cell, CellResult]) -> _Loads:
    loads = _Loads(results=results)
    for cell, result in results.items():
        remedy = scope.remedies[cell.remedy]
        place = (cell.scenario, cell.format, cell.writer)
        if result.outcome is Outcome.EQUIVALENT and _is_whole(scope, cell, remedy):
            ways = loads.ways.setdefault(place, {})
            known = ways.get(cell.reader)
            if known is None or remedy.cost < known.cost:
                ways[cell.reader] = remedy
        elif cell.remedy == BARE and result.outcome is Outcome.SAVE_ERROR:
            loads.unsaved.add(place)
    return loads


def _is_whole(scope: Scope, cell: Cell, remedy: Remedy) -> bool:
    """Whether this way loads the file itself, with all that its scenario asks for."""
    asked = scope.scenarios[cell.scenario].aspects
    return not (remedy.gives_up & asked or remedy.sibling or remedy.made_by is not MadeBy.NOBODY)


def _chains(
    scope: Scope,
    loads: _Loads,
    by_id: Mapping[str, Environment],
    target: Environment,
    bare: Cell,
) -> Iterator[Chain]:
    ways = loads.ways.get((bare.scenario, bare.format, bare.writer), {})
    openers = [(by_id[name], way) for name, way in ways.items() if name in by_id]
    ends = _ends(scope, loads, bare, by_id, target)
    for length, found in (
        (1, _one_hop(scope, ends, bare, openers, target)),
        (2, _two_hops(scope, loads, ends, bare, openers, target, by_id)),
    ):
        ranked = sorted(found, key=lambda each: each[0])
        known = [each for each in ranked if each[0][0] == _WORKED]
        unknown = [each for each in ranked if each[0][0] != _WORKED][:MOST_UNKNOWN]
        yield from (chain for _, chain in (*known, *unknown)[: MOST_CHAINS[length]])


Ranked = tuple[tuple[int, ...], Chain]


_Second = tuple[tuple[int, int, int], Format, str, Remedy, Format]
"""Rank, what the first environment saves, who reads it and how, what that one saves."""


def _ends(
    scope: Scope,
    loads: _Loads,
    bare: Cell,
    by_id: Mapping[str, Environment],
    target: Environment,
) -> _Ends:
    """Return what the target may get; it is the same for the files of all writers."""
    if loads.scenario != bare.scenario:
        # Cells come by scenario: those of one are enough to keep.
        loads.ends.clear()
        loads.scenario = bare.scenario
    place = (bare.format, target.id)
    if place not in loads.ends:
        known: dict[tuple[str, Format], int] = {}
        worked: dict[str, list[tuple[int, Format]]] = {}
        for name, environment in by_id.items():
            for number, format_ in enumerate(_between(scope, bare, environment)):
                if not reads(target, format_):
                    continue
                foreseen = _foreseen(scope, loads, bare, name, format_)
                if foreseen != _FAILED:
                    known[name, format_] = foreseen
                if foreseen == _WORKED:
                    worked.setdefault(name, []).append((number, format_))
        loads.ends[place] = _Ends(known=known, worked=worked)
    return loads.ends[place]


def _one_hop(
    scope: Scope,
    ends: _Ends,
    bare: Cell,
    openers: list[tuple[Environment, Remedy]],
    target: Environment,
) -> Iterator[Ranked]:
    for opener, way in openers:
        if opener.id == target.id:
            continue
        for place, format_ in enumerate(_between(scope, bare, opener)):
            known = ends.known.get((opener.id, format_), _FAILED)
            if known == _FAILED:
                continue
            rank = (known, way.cost, abs(opener.order - target.order), place)
            yield rank, (Hop(environment=opener.id, remedy=way.id, format=format_),)


def _two_hops(
    scope: Scope,
    loads: _Loads,
    ends: _Ends,
    bare: Cell,
    openers: list[tuple[Environment, Remedy]],
    target: Environment,
    by_id: Mapping[str, Environment],
) -> Iterator[Ranked]:
    for opener, way in openers:
        if opener.id == target.id:
            continue
        for (cost, away, place), first, name, second_way, second in _seconds(
            scope, loads, ends, bare, opener, target, by_id
        ):
            yield (
                (_WORKED, way.cost + cost, away, place),
                (
                    Hop(environment=opener.id, remedy=way.id, format=first),
                    Hop(environment=name, remedy=second_way.id, format=second),
                ),
            )


def _seconds(
    scope: Scope,
    loads: _Loads,
    ends: _Ends,
    bare: Cell,
    opener: Environment,
    target: Environment,
    by_id: Mapping[str, Environment],
) -> list[_Second]:
    """Return the best that can follow the first environment, whoever wrote the file it opens."""
    if opener.id not in ends.second:
        found = []
        for first_place, first in enumerate(_between(scope, bare, opener) if ends.worked else ()):
            for name, way in loads.ways.get((bare.scenario, first, opener.id), {}).items():
                if name not in ends.worked or name in {opener.id, target.id}:
                    continue
                middle = by_id[name]
                away = abs(opener.order - middle.order) + abs(middle.order - target.order)
                for place, second in ends.worked[name]:
                    rank = (way.cost, away, first_place + place)
                    found.append((rank, first, name, way, second))
        ends.second[opener.id] = sorted(found, key=lambda each: each[0])[: MOST_CHAINS[2]]
    return ends.second[opener.id]


def _between(scope: Scope, bare: Cell, environment: Environment) -> list[Format]:
    """Return the formats in which an environment may save the model again, its own first."""
    scenario = scope.scenarios[bare.scenario]
    return sorted(
        (each for each in formats_between(bare.format) if writes(environment, scenario, each)),
        key=lambda each: each != bare.format,
    )


def _foreseen(scope: Scope, loads: _Loads, bare: Cell, writer: str, format_: Format) -> int:
    """Return what came of the writer's own file of the scenario in the cell's reader.

    It worked where the aspects agree that are asked of the cell: a file between may hold more.
    """
    if (bare.scenario, format_, writer) in loads.unsaved:
        return _FAILED
    own = replace(bare, format=format_, writer=writer)
    asked = _asked(scope, bare)
    found = _FAILED
    for way in LAST_WAYS:
        if way != BARE and not _offers(scope, own, way):
            continue
        result = loads.results.get(replace(own, remedy=way))
        if result is None or result.outcome not in {*REMEDIABLE, Outcome.EQUIVALENT}:
            found = _UNKNOWN
        elif _is_enough(result, asked):
            return _WORKED
    return found


def _is_enough(result: CellResult, asked: frozenset[Aspect]) -> bool:
    """Whether a load agrees in the aspects asked for, as far as it was measured."""
    if result.outcome is Outcome.DIVERGED:
        return asked.isdisjoint(result.aspects)
    if result.outcome is Outcome.UNUSABLE and result.observation is not None:
        return result.observation.stage == "train" and asked.isdisjoint(TRAINED)
    return result.outcome is Outcome.EQUIVALENT


def _offers(scope: Scope, cell: Cell, way: str) -> bool:
    """Whether the scenario knows this way of loading, and the format has it."""
    remedy = scope.remedies.get(way)
    named = way in scope.scenarios[cell.scenario].remedies
    return named and remedy is not None and cell.format in remedy.formats


def _asked(scope: Scope, cell: Cell) -> frozenset[Aspect]:
    """Return the aspects that a cell of this scenario and format is held to."""
    asked = scope.scenarios[cell.scenario].aspects
    return asked & scope.carries[cell.format] if scope.carries else asked
