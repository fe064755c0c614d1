"""Find the releases at which a cell changes: every one between two environments.

CELL is the id of a cell, or a selector of several, whose writer or reader is a range of releases:
'plain_dense/h5/keras3.15->keras3.12..keras3.15/none'. An end that is left out is that of the line:
keras3.12.. is all that came after. Every release in the range is measured, so that what breaks
and is repaired later is found, too. A release that cannot be measured is neither good nor bad.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.domain.change_points import Bisection


@click.command(
    "bisect",
    cls=Command,
    help=__doc__,
    examples=(
        (
            "nox -s bisect -- 'plain_dense/h5/keras3.15->keras3.12..keras3.15/none'",
            "which reader can read it first",
        ),
        (
            "nox -s bisect -- 'plain_dense/h5/keras3.11..keras3.14->keras3.10/none'",
            "whose files an old reader cannot read any more",
        ),
        (
            "nox -s bisect -- 'lambda_layer*/h5/tf2.12->keras3.0..keras3.4' --add changes.json",
            "several cells, and a file of what was found",
        ),
    ),
)
@click.argument("cell", metavar="CELL")
@options.builds
@options.bisecting
@click.option(
    "--add",
    type=options.PATH,
    metavar="FILE",
    help="Put the change points into this file, in the place of those of the same cell.",
)
def command(request: Request, *, cell: str, add: Path | None) -> int:
    """Measure, print the change points, keep them in a file if asked to."""
    from runner.bisection.releases import bisect_releases, read_selector
    from runner.host.progress import make_reporter

    asked = read_selector(cell, request)
    reporter = make_reporter(sys.stdout)
    try:
        found = bisect_releases(request, asked, reporter)
    finally:
        reporter.close()
    _tell(request, found)
    if add is not None:
        _keep(add, found)
    _require_change(found)
    return 0


def _tell(request: Request, found: Sequence[Bisection]) -> None:
    from runner.declare.causes import load_causes
    from runner.render.change_points import lines

    causes = load_causes(request.root / "scenarios" / "causes.toml")
    titles = {each.id: each.title for each in causes}
    for each in found:
        print()
        for line in lines(each, titles, f"nox -s bisect -- {shlex.quote(each.cell)}"):
            print(line)


def _keep(path: Path, found: Sequence[Bisection]) -> None:
    from datetime import UTC, datetime

    from runner.publish.change_points import add_change_points, make_record
    from runner.publish.facts import tool_version

    at = datetime.now(UTC).isoformat(timespec="seconds")
    records = [make_record(each, at=at, tool_version=tool_version()) for each in found]
    record = add_change_points(path, records)
    print(f"{path}: {len(record.bisections)} cells with their change points")


def _require_change(found: Sequence[Bisection]) -> None:
    """Fail if no cell changes: who asks for a change point expects one.

    Raises:
        NothingChanges: every release was measured.
        CouldNotJudge: some were not: one of them may differ.
    """
    from runner.domain.errors import CouldNotJudge, NothingChanges

    if any(each.changes for each in found):
        return
    first = found[0]
    detail = first.points[0].detail
    said = f"{first.cell} does not change: {detail.outcome if detail else 'unknown'} everywhere"
    if any(each.unmeasured for each in found):
        names = ", ".join(each.environment for each in first.unmeasured[:5])
        raise CouldNotJudge(
            f"{said} but where it could not be measured: {names}",
            cause="releases that cannot be built here, or that the cell does not exist for",
            next_step="repeat the command, or widen the range",
        )
    raise NothingChanges(
        f"{said} from {first.points[0].environment} to {first.points[-1].environment}",
        cause="the change lies outside of the range, or is none of the framework's",
        next_step="widen the range: leave an end out, as in keras3.12..",
    )
