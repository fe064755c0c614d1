"""Save, load, compare, and write the report.

A run goes on where the one before it ended: it does not measure a recorded cell again, unless
something that the result depends on has changed.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request, RunOutcome

if TYPE_CHECKING:
    from runner.host.progress import Reporter
    from runner.shares import Share


@click.command(
    "run",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s matrix", "the default profile"),
        ("nox -s matrix -- --profile full", "every environment and scenario"),
        (
            "nox -s matrix -- --select 'l1l2_*/h5/tf2.7,tf2.8->keras3*'",
            "the H5 files of two versions, read by every Keras 3 of the profile",
        ),
        (
            "nox -s matrix -- --writer tf2.7 --reader tf2.15,keras3.15 --remedies all",
            "two pairs, with every remedy",
        ),
        (
            "nox -s matrix -- --frozen --reader keras3.15",
            "the artifacts of imported packs: one environment is built, the reader",
        ),
        ("nox -s matrix -- --failed", "measure again every recorded cell that is not equivalent"),
        (
            "nox -s matrix -- --saves-only --artifacts SHARED",
            "save all models into a folder that machines share",
        ),
        (
            "nox -s matrix -- --shard 3/12 --artifacts SHARED",
            "the third of twelve machines loads its part of them",
        ),
        (
            "nox -s matrix -- --baseline reports/published/cells.parquet --gate",
            "fail if a cell became worse than in the published run",
        ),
    ),
)
@options.measuring
@options.shards
@options.request_option(
    "--saves-only",
    is_flag=True,
    help="Only save the models of the selection into --artifacts, for shards to load.",
)
@options.request_option(
    "--baseline",
    type=options.PATH,
    metavar="FILE",
    help="The cells.csv or cells.parquet of an earlier run, for the verdicts.",
)
@click.option("--gate", is_flag=True, help="End with 11 if a cell is worse than expected.")
def command(request: Request, *, gate: bool) -> int:
    """Measure, write the report, say where it is."""
    from runner import pipeline
    from runner.domain import Verdict
    from runner.domain.errors import ControlFailure, RegressionFound
    from runner.host.progress import make_reporter
    from runner.host.telling import TellingReporter

    if request.saves_only:
        return _save_all(request)
    share = _print_share(request) if request.shard is not None else None
    if request.shard is not None and share is None:
        return 0
    reporter = make_reporter(sys.stdout)
    if share is not None and request.artifacts:
        reporter = _telling(request, share, reporter)
    try:
        outcome = pipeline.run_matrix(request, reporter, share)
        if isinstance(reporter, TellingReporter):
            reporter.end("finished")
    finally:
        reporter.close()
    _print_summary(outcome)
    if outcome.failed_controls:
        shown = "\n".join(f"  {each.id}: {each.detail}" for each in outcome.failed_controls[:10])
        raise ControlFailure(
            f"{len(outcome.failed_controls)} of {len(outcome.controls)} controls failed:\n{shown}",
            cause="an environment, a declaration or the harness is wrong; do not publish this run",
            next_step="look at the cells named above: `nox -s show -- CELL`",
        )
    worse = [each for each in outcome.results if each.verdict is Verdict.REGRESSION]
    if gate and worse:
        raise RegressionFound(
            f"{len(worse)} cells are worse than expected, the first: {worse[0].cell.id}",
            cause="a change of the framework, an environment or a scenario",
            next_step=f"nox -s show -- '{worse[0].cell.id}'",
        )
    return 0


def _telling(request: Request, share: Share, shown: Reporter) -> Reporter:
    """Return a reporter that tells the other machines how far this shard is."""
    from runner.host.telling import TellingReporter
    from runner.store.exchange import open_exchange

    return TellingReporter(
        shown,
        open_exchange(request.artifacts).tell,
        share.shard,
        share.record.plan,
        share.estimated_s / request.workers,
    )


def _save_all(request: Request) -> int:
    """Save the models of the selection where other machines find them."""
    from runner import pipeline
    from runner.domain.errors import SelectionError
    from runner.host.progress import make_reporter

    if not request.artifacts:
        raise SelectionError(
            "--saves-only without --artifacts: no other machine would find the saved models",
            cause="--artifacts names the folder or the address that the machines share",
            next_step="nox -s matrix -- --saves-only --artifacts SHARED",
        )
    reporter = make_reporter(sys.stdout)
    try:
        saves, written = pipeline.save_all(request, reporter)
    finally:
        reporter.close()
    part = f"shard {request.shard}: " if request.shard else ""
    print(f"{part}{written} of {saves} saves have an artifact in {request.artifacts}")
    return 0


def _print_share(request: Request) -> Share | None:
    """Say what the shard measures, and return it; None if that is nothing."""
    from runner.declare.scope import declare
    from runner.host.progress import format_duration
    from runner.shares import take_share

    share = take_share(request, declare(request))
    if share is None or not share.readers:
        print(f"shard {request.shard}: nothing to do, the others have all of the plan")
        return None
    print(
        f"shard {request.shard}: {len(share.cells)} bare loads of {len(share.readers)} readers"
        f" ({', '.join(share.readers)}), about {format_duration(share.estimated_s)} of work"
    )
    return share


def _print_summary(outcome: RunOutcome) -> None:
    from runner.domain import Outcome
    from runner.host.progress import format_duration

    counts = Counter(str(result.outcome) for result in outcome.results)
    shown = ", ".join(f"{counts[name]} {name}" for name in map(str, Outcome) if counts[name])
    print(f"{len(outcome.results)} cells ({outcome.measured} jobs measured now): {shown}")
    passed = len(outcome.controls) - len(outcome.failed_controls)
    print(f"{passed} of {len(outcome.controls)} controls held")
    spent = ", ".join(
        f"{stage} {format_duration(seconds)}" for stage, seconds in outcome.durations.items()
    )
    print(f"time: {spent}")
    print(f"report: {outcome.report}")
