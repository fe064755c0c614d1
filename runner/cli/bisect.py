"""Find the releases at which a cell changes: every one between two environments.

CELL is the id of a cell, or a selector of several, whose writer or reader is a range of releases:
'plain_dense/h5/keras3.15->keras3.12..keras3.15/none'. An end that is left out is that of the line:
keras3.12.. is all that came after. Every release in the range is measured, so that what breaks
and is repaired later is found, too. A release that cannot be measured is neither good nor bad.

With --commits, CELL has keras@commit in the place of its writer or reader, and the commits of a
checkout of Keras 3 from --good to --bad are halved. Bad is what fails as --bad does; any other
failure is unknown. With --here, the commit that is checked out is judged: 0 is good, 1 bad, 125
unknown, and 129 an error, as `git bisect run` wants it.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        (
            (
                "nox -s bisect -- 'plain_dense/h5/keras3.12->keras@commit/none' --commits ./keras "
                "--good v3.14.0 --bad master"
            ),
            "the commits of a checkout",
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
@click.option(
    "--commits",
    type=options.PATH,
    metavar="REPO",
    help="Bisect the commits of this checkout of Keras 3, on the environment of --base.",
)
@click.option("--good", default="", metavar="REF", help="The commit to begin with.")
@click.option("--bad", default="", metavar="REF", help="The commit to end with.")
@click.option(
    "--here", is_flag=True, help="Judge the commit that is checked out: for `git bisect run`."
)
def command(request: Request, *, cell: str, add: Path | None, **given: Any) -> int:
    """Measure, print the change points, keep them in a file if asked to."""
    if given["commits"] is not None:
        return _bisect_commits(request, cell, given)
    _refuse_alone(given)
    return _bisect_releases(request, cell, add)


def _refuse_alone(given: Mapping[str, Any]) -> None:
    for name in ("good", "bad", "here"):
        if given[name]:
            raise click.UsageError(f"--{name} is of --commits, which is missing")


def _bisect_commits(request: Request, cell: str, given: Mapping[str, Any]) -> int:
    """Bisect a checkout, or judge what is checked out."""
    from runner.cli import bisect_work

    if not given["good"] or not given["bad"]:
        raise click.UsageError("--commits wants both ends: --good REF and --bad REF")
    asked = bisect_work.Ends(repository=given["commits"], good=given["good"], bad=given["bad"])
    if given["here"]:
        return bisect_work.judge(request, cell, asked)
    return bisect_work.search(request, cell, asked)


def _bisect_releases(request: Request, cell: str, add: Path | None) -> int:
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
    from runner.declare.causes import cause_titles
    from runner.render.change_points import lines

    titles = cause_titles(request.root)
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
