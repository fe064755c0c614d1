"""Join the parts of a matrix that several machines measured: their reports, or their stores.

PARTS are folders of shards' data (STORE/report), or stores. Nothing is joined if two parts
measured a cell with different results. Cells that are missing are named, and published as not
run; the command then ends with 25.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request

if TYPE_CHECKING:
    from runner.merging import Joined

SHOWN = 10
"""Missing cells that are named."""


@click.command(
    "merge",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s merge -- --out WHOLE shard-1 shard-2 shard-3", "the reports of three shards"),
        ("nox -s merge -- --store .matrix stores/1 stores/2", "two stores into one's own"),
    ),
)
@click.argument("parts", nargs=-1, required=True, type=options.PATH)
@options.builds
@options.store
@options.out
def command(request: Request, *, parts: Sequence[Path]) -> int:
    """Join reports or stores, whichever they are."""
    from runner.domain.errors import SelectionError

    stores = [each for each in parts if _is_store(each)]
    if stores and len(stores) < len(parts):
        other = next(each for each in parts if each not in stores)
        raise SelectionError(
            f"{stores[0]} is a store, and {other} is not",
            cause="a store's report is in the folder `report` in it",
            next_step="name stores alone, or reports alone",
        )
    return _merge_stores(request, stores) if stores else _merge_reports(request, parts)


def _is_store(folder: Path) -> bool:
    from runner.store.database import NAME

    return (folder / NAME).is_file()


def _merge_stores(request: Request, stores: Sequence[Path]) -> int:
    from runner.store.joining import join_stores

    joined = join_stores(request.store, stores, command=request.command, warn=print)
    print(
        f"{request.store}: {joined.records} results and {joined.artifacts} saved models of "
        f"{len(stores)} stores; {joined.known} results were there already"
    )
    print("a run with this store measures only what is missing: nox -s matrix")
    return 0


def _merge_reports(request: Request, parts: Sequence[Path]) -> int:
    from runner.domain.errors import ControlFailure, PartsMissing
    from runner.merging import merge_runs

    joined = merge_runs(request, parts)
    print(f"{joined.cells} cells of {len(parts)} parts")
    print(f"report: {joined.report}")
    if joined.failed_controls:
        raise ControlFailure(
            f"{len(joined.failed_controls)} controls failed, the first: "
            f"{joined.failed_controls[0]}",
            cause="an environment, a declaration or the harness is wrong; do not publish this run",
            next_step="look at the cells named above: `nox -s show -- CELL`",
        )
    if joined.missing:
        shown = "\n".join(f"  {cell.id}" for cell in joined.missing[:SHOWN])
        more = len(joined.missing) - SHOWN
        shard = f"{joined.absent[0]}/{joined.of}" if joined.absent else ""
        raise PartsMissing(
            f"{len(joined.missing)} cells of the plan are missing; they are published as not run:\n"
            f"{shown}" + (f"\n  and {more} more" if more > 0 else ""),
            cause=_missing_shards(joined),
            next_step=f"nox -s matrix -- --shard {shard}"
            if shard
            else f"nox -s matrix -- --select '{joined.missing[0].id}'",
        )
    return 0


def _missing_shards(joined: Joined) -> str:
    if not joined.absent:
        return "a part was cut off, or measured less than its selection says"
    named = ", ".join(f"{index}/{joined.of}" for index in joined.absent[:SHOWN])
    more = len(joined.absent) - SHOWN
    return f"shards that no part is of: {named}" + (f" and {more} more" if more > 0 else "")
