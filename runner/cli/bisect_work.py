"""The work of `bisect --commits`: the search told on a terminal, and the exit codes of git."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.bisection.commits import (
    PACKAGE,
    CommitBisection,
    Judged,
    bisect_commits,
    judge_here,
    read_request,
)
from runner.bisection.search import State
from runner.cli import failures
from runner.declare.causes import cause_titles
from runner.domain import FACTS, Outcome
from runner.domain.errors import MatrixError
from runner.domain.request import Request
from runner.executors.builds.commits import changed_files
from runner.host.progress import make_reporter

GIT_CODES: Mapping[State, int] = {State.GOOD: 0, State.BAD: 1, State.UNKNOWN: 125}
GIT_ABORTS = 129
"""From 128 on git stops; any other code but 125 would call the commit bad."""
MESSAGE = 160


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """The checkout and the two references of a command line."""

    repository: Path
    good: str
    bad: str


def search(request: Request, cell: str, ends: Ends) -> int:
    """Find the first bad commit and print it."""
    asked = read_request(cell, request, ends.repository, ends.good, ends.bad)
    reporter = make_reporter(sys.stdout)
    try:
        found = bisect_commits(request, asked, reporter)
    finally:
        reporter.close()
    print()
    for line in lines(found, cause_titles(request.root), ends):
        print(line)
    return 0


def judge(request: Request, cell: str, ends: Ends) -> int:
    """Judge the commit that is checked out; return git's exit code for it.

    An error must not look like a bad commit, so it has a code of its own.
    """
    reporter = make_reporter(sys.stdout)
    try:
        asked = read_request(cell, request, ends.repository, ends.good, ends.bad)
        if changed_files(asked.repository, PACKAGE):
            reporter.message(f"changes in {PACKAGE}/ that are not committed are not measured")
        found, state = judge_here(request, asked, reporter)
    except KeyboardInterrupt:
        failures.explain(KeyboardInterrupt(), failures.Told(store=request.store))
        return GIT_ABORTS
    except MatrixError as error:
        failures.explain(error, failures.Told(store=request.store))
        return GIT_ABORTS
    finally:
        reporter.close()
    print(f"{found.commit.short} is {state}: {_result(found)}")
    return GIT_CODES[state]


def lines(found: CommitBisection, titles: Mapping[str, str], ends: Ends) -> Iterator[str]:
    """Yield the commits that were tried, then the one that was looked for."""
    asked = found.asked
    good, bad = (found.judged[each] for each in (found.found.last_good, found.found.first_bad))
    yield f"{bad.cell}, on {asked.base.id}"
    yield f"  {len(asked.commits)} commits change {PACKAGE}/; tried: {len(found.judged)}"
    yield ""
    for place in sorted(found.judged):
        each = found.judged[place]
        state = found.found.states[place]
        yield f"    {each.commit.short}  {each.commit.day}  {state:7}  {_result(each)}"
    yield ""
    between = [asked.commits[each] for each in found.found.between]
    said = "the first bad commit is" if not between else "the first bad commit is one of these, or"
    yield f"  {said} {bad.commit.short} ({bad.commit.day}) {bad.commit.subject}"
    for commit in between:
        yield f"    could not be judged: {commit.short} ({commit.day}) {commit.subject}"
    yield from _side("before", good, titles)
    yield from _side("after", bad, titles)
    if found.repeated:
        yield "    both results came again in fresh processes"
    yield f"    see: git -C {ends.repository} show {bad.commit.short}"


def _side(word: str, judged: Judged, titles: Mapping[str, str]) -> Iterator[str]:
    assert judged.detail is not None  # noqa: S101 - good and bad were measured
    yield f"    {word}: {judged.commit.short}: {FACTS[judged.detail.outcome].phrase}"
    if judged.detail.cause:
        title = titles.get(judged.detail.cause, "")
        yield f"      cause: {f'{title} ' if title else ''}[{judged.detail.cause}]"
    if judged.message and judged.detail.outcome is not Outcome.EQUIVALENT:
        yield f"      {judged.exception}: {_cut(judged.message)}"


def _result(judged: Judged) -> str:
    if judged.detail is None or not judged.measured:
        return _cut(judged.reason)
    cause = f" [{judged.detail.cause}]" if judged.detail.cause else ""
    return f"{FACTS[judged.detail.outcome].label}{cause}"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MESSAGE else f"{flat[:MESSAGE]}..."
