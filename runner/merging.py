"""The joining of runs: published folders of parts of a matrix -> one run, published.

The parts may be shards of one plan, or runs of different cells with the same tool, scenarios and
environments. A cell that two of them measured has to be the same in both; whatever is missing of
the plan is named. Each cell keeps its date and its origin. Shards that are all there give the
tables of one run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from runner import plan, shares
from runner.analyse.conclusions import conclude
from runner.declare.scope import declare
from runner.domain import BARE, ID_COLUMNS, Cell, CellResult, Declared, Format, MadeBy, Outcome
from runner.domain.request import Request
from runner.domain.selector import PARTS
from runner.pipeline import publish_run
from runner.publish import joining, tables
from runner.publish.joining import Part
from runner.publish.reading import load_data
from runner.publish.record import MergedRecord, ShardRecord
from runner.publish.tables import Order

ABSENT = "no part of this run measured it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """A joined run, and what is missing of it."""

    report: Path
    cells: int
    missing: Sequence[Cell]
    """Of the plan of the parts; the remedies of a missing bare load are not among them."""
    absent: Sequence[int]
    """The shards that have cells and that no part is of, by index."""
    of: int
    """How many shards the plan has; 0 where the parts are no shards of one plan."""
    failed_controls: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """A profile and selection that a part measured, as it is declared today."""

    request: Request
    declared: Declared


def merge_runs(request: Request, folders: Sequence[Path]) -> Joined:
    """Join published runs and publish the whole in `request.out`.

    Raises:
        PartsDisagree: two of them do not go together; nothing is written.
        StoreError: a folder holds no run, or a damaged one.
        SelectionError: a part names something that is not declared here.
    """
    parts = [Part(folder=each, data=load_data(each)) for each in folders]
    joining.require_alike(parts)
    pieces = joining.pieces_of(parts)
    plans = _plans(request, pieces)
    whole = _whole(plans)
    order = tables.declare_order(
        whole.catalog.scenarios.values(), whole.environments, whole.catalog.remedies.values()
    )
    cells, observations = joining.join_tables(parts, order)
    shard = joining.common_shard(pieces)
    wanted = shard.remedies if shard else None
    found = _measured(cells)
    expected = dict.fromkeys(cell for each in plans for cell in _expected(each, found, wanted))
    made_by = {each.id: each.made_by for each in whole.catalog.remedies.values()}
    # Whether a remedy that makes a file makes another one than there is, only the file tells.
    missing = [
        cell for cell in expected if cell not in found and made_by[cell.remedy] is MadeBy.NOBODY
    ]
    left_out = find_left_out(found, expected, made_by) if shard else _find_not_run(found)
    cells, observations = joining.drop_rows(cells, observations, left_out)
    cells, observations = _with_missing(cells, observations, missing, order)
    run = joining.join_records(
        parts,
        cells,
        observations,
        scenarios=tuple(whole.catalog.scenarios),
        controls=_control_ids(plans),
    )
    published = conclude(run, cells, observations, causes=whole.causes, claims=whole.claims)
    report = publish_run(request.out, published, {}, whole)
    return Joined(
        report=report,
        cells=len(cells),
        missing=missing,
        absent=_absent(plans[0], shard, pieces) if shard else (),
        of=shard.of if shard else 0,
        failed_controls=[each.id for each in published.run.failed_controls],
    )


def _plans(request: Request, pieces: Sequence[MergedRecord]) -> list[_Plan]:
    """Return the distinct plans of the pieces."""
    asked = {(each.profile, each.selection): _request_of(request, each) for each in pieces}
    return [_Plan(request=each, declared=declare(each)) for each in asked.values()]


def _request_of(request: Request, piece: MergedRecord) -> Request:
    """Return the request of a part, from the words that its record has of it."""
    patterns = []
    filters: dict[str, tuple[str, ...]] = {}
    for text in piece.selection:
        option, _, value = text.partition(" ")
        part = option.removeprefix("--")
        if option.startswith("--") and part in PARTS:
            filters[part] = (*filters.get(part, ()), value)
        else:
            patterns.append(text)
    return replace(
        request,
        profile=piece.profile,
        patterns=tuple(patterns),
        filters=filters,
        remedies=piece.shard.remedies if piece.shard else "",
    )


def _whole(plans: Sequence[_Plan]) -> Declared:
    """Return the declarations with the environments of all plans."""
    first = plans[0].declared
    environments = {each.id: each for plan_ in plans for each in plan_.declared.environments}
    return replace(first, environments=tuple(environments.values()))


def _measured(cells: pd.DataFrame) -> dict[Cell, tuple[int, Outcome]]:
    """Return the row and the outcome of every cell."""
    columns = [cells[name].astype(object) for name in (*ID_COLUMNS, "outcome")]
    return {
        Cell(
            scenario=scenario, format=Format(format_), writer=writer, reader=reader, remedy=remedy
        ): (row, Outcome(outcome))
        for row, (scenario, format_, writer, reader, remedy, outcome) in enumerate(
            zip(*columns, strict=True)
        )
    }


def find_left_out(
    found: Mapping[Cell, tuple[int, Outcome]],
    expected: Collection[Cell],
    made_by: Mapping[str, MadeBy],
) -> list[int]:
    """Return the rows of shards that one run would not have.

    A control that each shard of a reader made is there once, as one run makes it. Which chains of
    hops there are is only known after all other loads, so it is no part of what is expected:
    what a shard measured of them counts.
    """
    unexpected = [
        row
        for cell, (row, _) in found.items()
        if cell not in expected and made_by[cell.remedy] is not MadeBy.HOP
    ]
    return sorted({*unexpected, *_find_not_run(found)})


def _find_not_run(found: Mapping[Cell, tuple[int, Outcome]]) -> list[int]:
    """Return the rows of what was not measured: they are made anew where they are missing."""
    return [row for row, outcome in found.values() if outcome is Outcome.NOT_RUN]


def _expected(
    each: _Plan, found: Mapping[Cell, tuple[int, Outcome]], wanted: str | None
) -> list[Cell]:
    """Return the cells of a plan, as one run would have measured them with these outcomes.

    `wanted` says where remedies are tried; where that is not known, bare loads alone count.
    """
    scope = each.declared.scope
    planned = plan.plan_bare(scope)
    expected = [cell for cell in planned if scope.selection.matches(cell)]
    if wanted is None:
        return expected
    outcomes = {cell: found[cell][1] for cell in planned if cell in found}
    helped: set[Cell] = set()
    for round_ in plan.plan_rounds(scope, outcomes, wanted):
        needed = plan.still_needed(scope, outcomes, round_, helped)
        expected += needed
        helped |= {
            replace(cell, remedy=BARE)
            for cell in needed
            if cell in found and found[cell][1] is Outcome.EQUIVALENT
        }
    return expected


def _absent(each: _Plan, shard: ShardRecord, pieces: Sequence[MergedRecord]) -> list[int]:
    """Return the shards that no piece is of, without those that have nothing to do."""
    there = {piece.shard.index for piece in pieces if piece.shard}
    split = shares.split_run(each.request, each.declared, shard.of)
    same = split.digest == shard.plan
    return [
        index
        for index in range(1, shard.of + 1)
        if index not in there and not (same and not split.readers(index))
    ]


def _with_missing(
    cells: pd.DataFrame, observations: pd.DataFrame, missing: Sequence[Cell], order: Order
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables with a row for each missing cell, which says that it was not measured."""
    if not missing:
        return cells, observations
    results = [CellResult(cell=cell, outcome=Outcome.NOT_RUN, reason=ABSENT) for cell in missing]
    return (
        tables.join_cells([cells, tables.build_cells(results, order)], order),
        tables.join_observations([observations, tables.build_observations(results, order)], order),
    )


def _control_ids(plans: Sequence[_Plan]) -> list[str]:
    """Return the ids of the controls in the order of one run."""
    found: dict[str, None] = {}
    for each in plans:
        scope = each.declared.scope
        planned = plan.plan_controls(scope)
        bare = plan.plan_bare(scope)
        found |= dict.fromkeys(f"readback {cell.id}" for cell in planned.cells)
        found |= dict.fromkeys(f"comparison {cell.id}" for cell in planned.tampered)
        found |= dict.fromkeys(f"writes {save.id}" for save, _ in planned.saves)
        found |= dict.fromkeys(
            f"reads {cell.id}" for cell in plan.plan_undeclared_reads(scope, bare)
        )
    return list(found)
