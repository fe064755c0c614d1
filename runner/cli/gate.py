"""Decide on a release: hold a run against the last release, and against the target branch.

Cells that changed run again in fresh processes before anything is called a regression. The gate
ends with 11 for regressions, with 20 if it could not judge every cell, with 21 for a stale
acceptance and with 22 for something that is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request, RunOutcome

if TYPE_CHECKING:
    from runner.domain.errors import MatrixError
    from runner.gate import GateOutcome

ACCEPTED = Path("accepted.toml")


@click.command(
    "gate",
    cls=Command,
    help=__doc__,
    examples=(
        (
            "nox -s gate -- --reader keras3.15 --release-baseline reports/published",
            "one reader against the published run",
        ),
        (
            (
                "nox -s gate -- --release-baseline LAST --baseline MAIN --markdown gate.md "
                "--junit gate.xml"
            ),
            "a pull request: the last release decides, the target branch is told",
        ),
        (
            "nox -s gate -- --release-baseline LAST --at-least 500",
            "fail if fewer than 500 cells can be judged",
        ),
        (
            "nox -s gate -- --release-baseline LAST --audit 20",
            "hold numbers to the spread of 20 cells that run again",
        ),
    ),
)
@options.measuring
@click.option(
    "--release-baseline",
    type=options.PATH,
    metavar="RUN",
    help="The last release: a folder of a run, its cells.parquet, or a file of `baseline`. "
    "Mandatory: a regression against it fails the gate.",
)
@click.option(
    "--baseline",
    type=options.PATH,
    metavar="RUN",
    help="The target branch, in the same kinds. Advisory: a regression against it is told.",
)
@click.option(
    "--accepted",
    type=options.PATH,
    default=ACCEPTED,
    metavar="FILE",
    help=f"The acceptances (default {ACCEPTED}).",
)
@click.option(
    "--at-least",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Cells that have to be judged (default 1).",
)
@click.option(
    "--repeats",
    type=click.IntRange(0, 20),
    default=2,
    metavar="N",
    help="Further runs of a cell that changed, in fresh processes (default 2).",
)
@click.option(
    "--audit",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Run N measured cells again at random: the spread of their numbers is the tolerance.",
)
@click.option("--seed", type=int, default=0, metavar="N", help="Of that sample (default 0).")
@click.option(
    "--release",
    default="",
    metavar="VERSION",
    help="The release that is decided on (default: the version of what is under test).",
)
@click.option(
    "--subject",
    multiple=True,
    metavar="ENVIRONMENT",
    help="Under test; may be repeated (default: the builds, else the newest).",
)
@click.option("--markdown", type=options.PATH, metavar="FILE", help="Write it for a pull request.")
@click.option("--junit", type=options.PATH, metavar="FILE", help="Write it as JUnit XML.")
@click.option("--json", "json_", type=options.PATH, metavar="FILE", help="Write it as JSON.")
@click.option(
    "--page", default="", metavar="URL", help="Address of the report, for the Markdown text."
)
def command(request: Request, **given: Any) -> int:
    """Run the gate, print and write what it found."""
    from runner.gate import GateRequest, run_gate
    from runner.host.progress import make_reporter

    asked = GateRequest(
        release_baseline=given["release_baseline"],
        baseline=given["baseline"],
        accepted=given["accepted"],
        at_least=given["at_least"],
        repeats=given["repeats"],
        audit=given["audit"],
        seed=given["seed"],
        release=_read_release(given["release"]),
        subjects=given["subject"],
    )
    reporter = make_reporter(sys.stdout)
    try:
        found = run_gate(request, asked, reporter)
    finally:
        reporter.close()
    _require_controls(found.run)
    return _tell(request, found, given)


def _read_release(text: str) -> str:
    """Return a release as it was given.

    Raises:
        SelectionError: it is none.
    """
    from runner.domain.errors import SelectionError
    from runner.domain.gate import release_numbers

    try:
        if text:
            release_numbers(text)
    except ValueError as error:
        raise SelectionError(
            f"--release: {error}",
            cause="it has to begin with a number",
            next_step="give it as in --release 3.16",
        ) from error
    return text


def _require_controls(outcome: RunOutcome) -> None:
    from runner.domain.errors import ControlFailure

    if outcome.failed_controls:
        shown = "\n".join(f"  {each.id}: {each.detail}" for each in outcome.failed_controls[:10])
        raise ControlFailure(
            f"{len(outcome.failed_controls)} of {len(outcome.controls)} controls failed:\n{shown}",
            cause="an environment, a declaration or the harness is wrong: nothing is decided",
            next_step="look at the cells named above: `nox -s show -- CELL`",
        )


def _tell(request: Request, found: GateOutcome, given: Mapping[str, Any]) -> int:
    """Print the decision, write its files, and raise the first way in which it fails."""
    from runner.declare.causes import cause_titles
    from runner.publish.facts import tool_version
    from runner.publish.gate_record import GATE_FILE, make_record, write_gate
    from runner.render.gate import junit, markdown, terminal
    from runner.render.gate.verdict import failures, headline
    from runner.store import atomic_write_text

    decision = found.decision
    subject = ", ".join(decision.subjects)
    titles = cause_titles(request.root)
    wrong = failures(decision, request.command)
    for line in terminal.lines(decision, subject, titles):
        print(line)
    print(f"report: {found.run.report}")
    print(headline(decision, wrong))
    record = make_record(
        decision,
        failures={each.message: each.exit_code for each in wrong},
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=tool_version(),
        command=request.command,
    )
    write_gate(request.store / GATE_FILE, record)
    if given["json_"]:
        write_gate(given["json_"], record)
    if given["junit"]:
        atomic_write_text(given["junit"], junit.write(decision))
    if given["markdown"]:
        setting = markdown.Setting(
            subject=subject, titles=titles, command=request.command, page=given["page"]
        )
        atomic_write_text(given["markdown"], markdown.write(decision, wrong, setting))
    _fail(wrong)
    return 0


def _fail(wrong: list[MatrixError]) -> None:
    """Raise the gravest; the others are said before it."""
    for each in wrong[1:]:
        print(f"besides: {each}", file=sys.stderr)
    if wrong:
        raise wrong[0]
