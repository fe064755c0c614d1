"""A cell over the commits of a checkout -> the commit at which it changes.

Input: the request of a run, a cell whose writer or reader is `keras@commit`, a checkout and two
references. Output: a `CommitBisection`. One environment serves all commits: that of `--base`, with
the commit's package before the installed one. Both ends are measured first. A commit is bad only if
it has the outcome and the cause of the bad end; any other failure, and a commit that cannot be
imported, is unknown. All is recorded in the store: the same command goes on from there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner import pipeline, plan
from runner.bisection.search import Found, State, find_first_bad
from runner.declare.builds import COMMIT
from runner.declare.environments import EnvironmentSet, read_environments
from runner.domain import (
    BARE,
    FACTS,
    UNCLASSIFIED,
    Backend,
    Cell,
    CellResult,
    Detail,
    Environment,
    Family,
    Format,
)
from runner.domain.change_points import Axis
from runner.domain.errors import BuildError, CouldNotJudge, NothingChanges, SelectionError
from runner.domain.request import Request
from runner.domain.selector import ARROW, CellPattern, parse_pattern, require_cells
from runner.executors.builds.commits import (
    Commit,
    commits_between,
    read_commit,
    remove_trees,
)
from runner.host.progress import Reporter
from runner.judge.cause import innermost_message
from runner.judge.verdict import detail_of
from runner.repeats import repeat_cells

PACKAGE = "keras"
PLACE = "keras@commit"
"""The end of a cell that is varied."""
EXAMPLE = f"plain_dense/h5/keras3.12{ARROW}{PLACE}/none"


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitsAsked:
    """The cell to be bisected, and the commits."""

    pattern: CellPattern
    axis: Axis
    repository: Path
    base: Environment
    commits: Sequence[Commit]
    """Oldest first; both ends are among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A commit with its cell's result."""

    commit: Commit
    cell: str
    detail: Detail | None = None
    """None where it was not measurable."""
    exception: str = ""
    message: str = ""
    reason: str = ""

    @property
    def measured(self) -> bool:
        """Whether it says anything of the commit."""
        return self.detail is not None and FACTS[self.detail.outcome].judged

    def is_like(self, other: Judged) -> bool:
        """Whether both failed, or worked, in the same way.

        Failures without a known cause are told apart by the kind of their exception.
        """
        if not self.measured or not other.measured or self.detail != other.detail:
            return False
        assert self.detail is not None  # noqa: S101 - it was measured
        return self.detail.cause != UNCLASSIFIED or self.exception == other.exception


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitBisection:
    """The commits that were tried, and the two between which the cell changes."""

    asked: CommitsAsked
    judged: Mapping[int, Judged]
    """By place among the commits."""
    found: Found
    repeated: int
    """Further runs of the two that were found, in fresh processes; they agreed."""


def read_request(
    text: str, request: Request, repository: Path, good: str, bad: str
) -> CommitsAsked:
    """Return what is asked for.

    Raises:
        SelectionError: it is no single cell with `keras@commit`, the base is no Keras 3, or the
            checkout has no such references.
    """
    pattern = parse_pattern(text)
    axes = [each for each in Axis if pattern.glob(each) == PLACE]
    parts = (pattern.scenario, pattern.format, pattern.writer, pattern.reader)
    if len(axes) != 1 or any(set("*?[,") & set(each) for each in parts):
        raise SelectionError(
            f"{text!r} is not one cell with {PLACE} as its writer or its reader",
            cause="the commits are measured in the place of one end; the rest of the cell stays",
            next_step=f"write it as in {shlex.quote(EXAMPLE)}",
        )
    pattern = replace(pattern, remedy=BARE if pattern.remedy == "*" else pattern.remedy)
    base = _base(request)
    return CommitsAsked(
        pattern=pattern,
        axis=axes[0],
        repository=repository.absolute(),
        base=base,
        commits=commits_between(repository.absolute(), good, bad, PACKAGE),
    )


def _base(request: Request) -> Environment:
    declared: EnvironmentSet = read_environments(
        request.root / "containers" / "environments.toml"
    ).naming(request.profile, [request.base])
    if request.base:
        base = declared.by_id(request.base)
    else:
        base = [
            each
            for each in declared.environments
            if each.family is Family.KERAS3 and each.backend is Backend.TENSORFLOW
        ][-1]
    if base.family is not Family.KERAS3:
        raise SelectionError(
            f"commits cannot be measured on {base.id}",
            cause=f"{base.family} is not Python alone: a commit of it would have to be built",
            next_step="name an environment of Keras 3: --base keras3.15",
        )
    return base


def bisect_commits(request: Request, asked: CommitsAsked, reporter: Reporter) -> CommitBisection:
    """Measure both ends, then halve what lies between; confirm the two that were found.

    Raises:
        CouldNotJudge: an end could not be measured, or the runs of a commit do not agree.
        NothingChanges: both ends have the same result.
    """
    ends = measure_ends(request, asked, reporter)
    judged = {0: ends[0], len(asked.commits) - 1: ends[1]}

    def judge(place: int) -> State:
        commit = asked.commits[place]
        reporter.message(f"{commit.short} ({commit.day}) {commit.subject}")
        judged[place] = measure_commit(request, asked, commit, reporter)
        state = state_of(judged[place], ends)
        reporter.message(f"{commit.short} is {state}")
        return state

    found = find_first_bad(len(asked.commits), judge)
    repeated = min(
        _confirm(request, asked, judged[place], reporter)
        for place in (found.last_good, found.first_bad)
    )
    remove_trees(request.store)
    return CommitBisection(asked=asked, judged=judged, found=found, repeated=repeated)


def judge_here(request: Request, asked: CommitsAsked, reporter: Reporter) -> tuple[Judged, State]:
    """Judge the commit that the checkout has now, as `git bisect run` asks for.

    Raises:
        MatrixError: as `bisect_commits`.
    """
    ends = measure_ends(request, asked, reporter)
    here = read_commit(asked.repository, "HEAD", PACKAGE)
    found = measure_commit(request, asked, here, reporter)
    return found, state_of(found, ends)


def measure_ends(
    request: Request, asked: CommitsAsked, reporter: Reporter
) -> tuple[Judged, Judged]:
    """Measure the first and the last commit, or find them recorded.

    Raises:
        CouldNotJudge: one of them could not be measured.
        NothingChanges: they have the same result.
    """
    good, bad = (
        measure_commit(request, asked, each, reporter)
        for each in (asked.commits[0], asked.commits[-1])
    )
    for each in (good, bad):
        if not each.measured:
            raise CouldNotJudge(
                f"{each.commit.short}, an end, cannot be measured: {each.reason}",
                cause="the commit is broken, or the base does not fit it",
                next_step=f"choose another end, or another base than {asked.base.id}: "
                "--base ENVIRONMENT",
            )
    if good.is_like(bad):
        assert good.detail is not None  # noqa: S101 - it was measured
        raise NothingChanges(
            f"{good.commit.short} and {bad.commit.short} have the same result:"
            f" {good.detail.outcome}{f' ({good.detail.cause})' if good.detail.cause else ''}",
            cause="the change lies outside of these commits, or is none of the package's",
            next_step="choose other ends, or bisect the releases",
        )
    return good, bad


def state_of(judged: Judged, ends: tuple[Judged, Judged]) -> State:
    """Return what a commit's result says, given those of the ends."""
    if judged.is_like(ends[0]):
        return State.GOOD
    return State.BAD if judged.is_like(ends[1]) else State.UNKNOWN


# --- measuring ---------------------------------------------------------------------------


def measure_commit(
    request: Request, asked: CommitsAsked, commit: Commit, reporter: Reporter
) -> Judged:
    """Measure the cell of one commit, or find it recorded."""
    cell = _cell(asked, commit)
    try:
        with pipeline.opened(_narrowed(request, asked, commit), reporter) as run:
            _require(run, cell)
            found = pipeline.measure_cells(run, [cell], "loads")
            (result,) = pipeline.explain_results(run, [found[cell]])
    except BuildError as error:
        return Judged(commit=commit, cell=cell.id, reason=error.message)
    return _judged(commit, result)


def _judged(commit: Commit, result: CellResult) -> Judged:
    seen = result.observation
    return Judged(
        commit=commit,
        cell=result.cell.id,
        detail=detail_of(result),
        exception=seen.exception if seen else "",
        message=innermost_message(seen),
        reason=result.reason or str(result.outcome),
    )


def _confirm(request: Request, asked: CommitsAsked, judged: Judged, reporter: Reporter) -> int:
    """Load the cell of a commit again, in a fresh process; return how often that was done.

    A file that could not be written is not loaded.

    Raises:
        CouldNotJudge: the result is another.
    """
    if request.recorded:
        return 0
    cell = _cell(asked, judged.commit)
    with pipeline.opened(_narrowed(request, asked, judged.commit), reporter) as run:
        pipeline.measure_cells(run, [cell], "loads")
        again = repeat_cells(run, [cell]).get(cell, [])
    for each in again:
        if not judged.is_like(_judged(judged.commit, each)):
            raise CouldNotJudge(
                f"{judged.commit.short}: two runs do not agree: it was"
                f" {judged.detail and judged.detail.outcome}, and is {each.outcome}",
                cause="the result depends on chance, or on the load of the machine",
                next_step="repeat the command with --force",
            )
    return len(again)


def _narrowed(request: Request, asked: CommitsAsked, commit: Commit) -> Request:
    build = f"{PACKAGE}@{commit.short}={COMMIT}{asked.repository}@{commit.sha}"
    return replace(
        request,
        builds=(build,),
        base=asked.base.id,
        patterns=(_cell(asked, commit).id,),
        filters={},
    )


def _cell(asked: CommitsAsked, commit: Commit) -> Cell:
    own = f"{PACKAGE}@{commit.short}"
    given = replace(asked.pattern, **{str(asked.axis): own})
    return Cell(
        scenario=given.scenario,
        format=_format(given.format),
        writer=given.writer,
        reader=given.reader,
        remedy=given.remedy,
    )


def _format(text: str) -> Format:
    try:
        return Format(text)
    except ValueError as error:
        raise SelectionError(
            f"no format is called {text!r}",
            cause="a typing mistake",
            next_step=f"use one of: {', '.join(map(str, Format))}",
        ) from error


def _require(run: pipeline.Run, cell: Cell) -> None:
    """Fail where there is no such cell."""
    scope = run.declared.scope
    there = plan.every_cell(scope)
    if cell not in there:
        require_cells(scope.selection, there)
