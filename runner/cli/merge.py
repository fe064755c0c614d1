"""Join the parts of a matrix that several machines measured: their reports, or their stores.

PARTS are folders of shards' data (STORE/report), or stores. Nothing is joined if two parts
measured a cell with different results. Cells that are missing are named, and published as not
run; the command then ends with 25.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
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
        ("nox -s merge -- --progress SHARED", "how far the shards are that share SHARED"),
    ),
)
@click.argument("parts", nargs=-1, type=options.PATH)
@click.option(
    "--progress",
    default="",
    metavar="FOLDER",
    help="Join nothing, and print how far the shards are whose --artifacts is this folder or "
    "address.",
)
@options.builds
@options.store
@options.out
def command(request: Request, *, parts: Sequence[Path], progress: str) -> int:
    """Join reports or stores, whichever they are; or the progress of shards."""
    from runner.domain.errors import SelectionError

    if progress and not parts:
        return _print_progress(progress)
    if progress or not parts:
        raise SelectionError(
            "--progress goes without PARTS" if progress else "no parts are named: what is joined?",
            cause="parts are joined when their shards have ended",
            next_step="nox -s merge -- --progress SHARED"
            if progress
            else "nox -s merge -- --out WHOLE shard-1 shard-2",
        )
    stores = [each for each in parts if _is_store(each)]
    if stores and len(stores) < len(parts):
        other = next(each for each in parts if each not in stores)
        raise SelectionError(
            f"{stores[0]} is a store, and {other} is not",
            cause="a store's report is in the folder `report` in it",
            next_step="name stores alone, or reports alone",
        )
    return _merge_stores(request, stores) if stores else _merge_reports(request, parts)


def _print_progress(address: str) -> int:
    from runner.domain.errors import SelectionError
    from runner.domain.progress import join_progress
    from runner.host.progress import format_duration
    from runner.store.exchange import open_exchange

    plans = join_progress(open_exchange(address).told(), datetime.now(UTC))
    if not plans:
        raise SelectionError(
            f"{address[:100]}: no shard told of its progress there",
            cause="no shard has begun, or its --artifacts is another folder",
            next_step="nox -s matrix -- --shard 1/2 --artifacts SHARED",
        )
    for each in plans:
        print(f"{each.finished} of {each.of} shards are finished, {each.machines} machines at work")
        told = ", ".join(f"{number} {work}" for work, number in sorted(each.environments.items()))
        print(f"  environments: {told or 'none at work'}")
        told = ", ".join(f"{number} {name}" for name, number in sorted(each.outcomes.items()))
        print(f"  {each.cells} cells measured" + (f": {told}" if told else ""))
        if each.left_s is not None:
            print(f"  about {format_duration(each.left_s)} left")
        for shard in each.silent:
            silent_s = (datetime.now(UTC) - shard.at).total_seconds()
            print(
                f"  shard {shard.index}/{each.of} on {shard.host} told nothing for "
                f"{format_duration(silent_s)}: it may have ended"
            )
        stopped = [f"{it.index}/{each.of}" for it in each.shards if it.state == "stopped"]
        if stopped:
            print(f"  stopped before their end: {', '.join(stopped[:SHOWN])}")
        if each.unheard:
            print(f"  not heard of: {len(each.unheard)} shards, the first {each.unheard[0]}")
    return 0


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
