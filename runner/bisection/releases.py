"""A cell over every release between two environments -> its change points.

Input: the request of a run, and the selector of a cell whose writer or reader is a range,
`plain_dense/h5/tf2.15->keras3.8..keras3.15/none`. Output: a `Bisection` for each cell that the
selector stands for. Both ends are measured before anything between them is built; every release
between is measured, since a change may be taken back later; and what changes is measured again,
in fresh processes. All is recorded in the store: the same command goes on from there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runner import pipeline, plan
from runner.declare.builds import declare_builds
from runner.declare.environments import EnvironmentSet, read_environments
from runner.declare.lines import RANGE, line_of, releases_between
from runner.declare.place import shown
from runner.domain import BARE, FACTS, Cell, CellResult, Environment, Format, Scope
from runner.domain.change_points import (
    PACKAGES,
    PYTHON,
    Axis,
    Bisection,
    Point,
    notes_of,
    version_of,
)
from runner.domain.errors import CouldNotJudge, MatrixError, ProvisionError, SelectionError
from runner.domain.request import Request
from runner.domain.selector import ARROW, CellPattern, parse_pattern, require_cells
from runner.host.progress import Reporter
from runner.judge.cause import innermost_message
from runner.judge.change_points import find_changes
from runner.judge.verdict import detail_of
from runner.repeats import repeat_cells


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The cells to be bisected, with their axis and its releases."""

    pattern: CellPattern
    axis: Axis
    text: str
    """The range, as it was given."""
    along: tuple[Environment, ...]
    """In the order of versions."""


Line = tuple[str, str, str, str]
"""Scenario, format, the environment that stays, remedy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """The results so far, and the environments."""

    results: Mapping[Cell, CellResult]
    packages: Mapping[str, Mapping[str, str]]
    """Of the environments that were built: distribution -> version."""
    unavailable: Mapping[str, ProvisionError]
    repeated: Mapping[Cell, Sequence[CellResult]]
    """The same cells, again in fresh processes."""


def read_selector(text: str, request: Request) -> Asked:
    """Return the cells that a selector stands for.

    Raises:
        SelectionError: neither the writer nor the reader is a range, both are, or its ends are
            of no line of releases.
    """
    pattern = parse_pattern(text)
    pattern = replace(pattern, remedy=BARE if pattern.remedy == "*" else pattern.remedy)
    ranged = [each for each in Axis if RANGE in pattern.glob(each)]
    declared = _declared(request)
    if len(ranged) != 1:
        raise _no_range(pattern, declared, both=len(ranged) > 1)
    axis = ranged[0]
    return Asked(
        pattern=pattern,
        axis=axis,
        text=pattern.glob(axis),
        along=releases_between(declared, pattern.glob(axis)),
    )


def bisect_releases(request: Request, asked: Asked, reporter: Reporter) -> list[Bisection]:
    """Measure the cells at both ends, then between them; return their change points.

    Raises:
        MatrixError: no cell matches, or no cell could be judged at both ends.
    """
    ends = (asked.along[0], asked.along[-1])
    reporter.message(f"both ends first: {ends[0].id} and {ends[1].id}")
    seen = _measure(request, asked, ends, reporter)
    judged = _judged_lines(asked, seen)
    if not judged:
        raise _explain_ends(seen, asked)
    between = len(asked.along) - len(ends)
    if between:
        reporter.message(f"the {between} releases between them")
    seen = _measure(request, asked, asked.along, reporter, judged)
    return [_bisection(asked, seen, line) for line in judged]


# --- measuring ---------------------------------------------------------------------------


def _measure(
    request: Request,
    asked: Asked,
    along: Sequence[Environment],
    reporter: Reporter,
    lines: Sequence[Line] = (),
) -> _Seen:
    """Measure the cells of some releases, or find them recorded.

    The changes of `lines` are measured again, in fresh processes.
    """
    with pipeline.opened(_narrowed(request, asked, along), reporter) as run:
        found = pipeline.measure_cells(run, _plan(run.declared.scope), "loads")
        results = {each.cell: each for each in pipeline.explain_results(run, list(found.values()))}
        seen = _Seen(
            results=results,
            packages={
                name: {PYTHON: each.python_version, **each.resolved}
                for name, each in run.built.available.items()
            },
            unavailable=run.built.unavailable,
            repeated={},
        )
        if not lines or request.recorded:
            return seen
        changed = [
            point.cell
            for line in lines
            for change in _bisection(asked, seen, line).changes
            for point in (change.before, change.after)
        ]
        return replace(seen, repeated=repeat_cells(run, list(dict.fromkeys(changed))))


def _narrowed(request: Request, asked: Asked, along: Sequence[Environment]) -> Request:
    """Return the request for the cells of some releases alone."""
    given = replace(asked.pattern, **{str(asked.axis): ",".join(each.id for each in along)})
    ends = f"{given.writer}{ARROW}{given.reader}"
    text = f"{given.scenario}/{given.format}/{ends}/{given.remedy}"
    return replace(request, patterns=(text,), filters={})


def _plan(scope: Scope) -> list[Cell]:
    """Return the selected cells.

    Raises:
        SelectionError: there is none.
    """
    there = plan.every_cell(scope)
    chosen = [cell for cell in there if scope.selection.matches(cell)]
    if not chosen:
        require_cells(scope.selection, there)
    return chosen


# --- the points of a line ----------------------------------------------------------------


def _line_of(cell: Cell, axis: Axis) -> Line:
    stays = cell.writer if axis is Axis.READER else cell.reader
    return cell.scenario, str(cell.format), stays, cell.remedy


def _bisection(asked: Asked, seen: _Seen, line: Line) -> Bisection:
    points = [_point(asked, seen, line, each) for each in asked.along]
    return Bisection(
        cell=_cell(asked, line, asked.text).id,
        axis=asked.axis,
        points=points,
        changes=find_changes(points),
    )


def _cell(asked: Asked, line: Line, environment: str) -> Cell:
    scenario, format_, stays, remedy = line
    writer, reader = (stays, environment) if asked.axis is Axis.READER else (environment, stays)
    return Cell(
        scenario=scenario, format=Format(format_), writer=writer, reader=reader, remedy=remedy
    )


def _point(asked: Asked, seen: _Seen, line: Line, environment: Environment) -> Point:
    cell = _cell(asked, line, environment.id)
    point = Point(
        environment=environment.id,
        version=version_of(environment),
        released=environment.released,
        cell=cell,
        notes=notes_of(environment),
        packages=seen.packages.get(environment.id, {}),
        package=PACKAGES.get(environment.family, ""),
    )
    result = seen.results.get(cell)
    if result is None:
        return replace(point, reason="not declared for this environment")
    again = seen.repeated.get(cell, ())
    details = {detail_of(each) for each in (result, *again)}
    if len(details) > 1:
        said = ", ".join(sorted(str(each.outcome) for each in details))
        return replace(point, reason=f"its runs do not agree: {said}")
    observation = result.observation
    return replace(
        point,
        detail=detail_of(result),
        reason=result.reason or _why_unavailable(seen, cell),
        exception=observation.exception if observation else "",
        message=innermost_message(observation),
        repeated=len(again),
    )


def _why_unavailable(seen: _Seen, cell: Cell) -> str:
    error = seen.unavailable.get(cell.reader) or seen.unavailable.get(cell.writer)
    return error.message if error else ""


# --- what is wrong with a request --------------------------------------------------------


def _declared(request: Request) -> EnvironmentSet:
    declared = read_environments(request.root / "containers" / "environments.toml").with_releases()
    return declared.with_builds(declare_builds(request.builds, request.base, declared))


def _no_range(pattern: CellPattern, declared: EnvironmentSet, *, both: bool) -> SelectionError:
    """Explain that one end of a cell must be a range, with one that would do."""
    reader = pattern.reader.partition(RANGE)[0 if both else 2] or pattern.reader
    known = {each.id: each for each in declared.environments}
    line = line_of(declared, [known[reader]]) if reader in known else []
    ids = [each.id for each in line]
    place = ids.index(reader) if reader in ids else 0
    other = f"{ids[place - 1]}{RANGE}{reader}" if place else "keras3.12..keras3.15"
    writer = pattern.writer.partition(RANGE)[0] or "keras3.12"
    ends = f"{writer}{ARROW}{other}"
    cell = f"{pattern.scenario}/{pattern.format}/{ends}/{pattern.remedy}"
    return SelectionError(
        f"{shown(pattern.text)} has no range of releases"
        if not both
        else f"{shown(pattern.text)} has two ranges of releases",
        cause="the writer or the reader is a range, first..last; the other one stays",
        next_step=f"nox -s bisect -- {shlex.quote(cell)}",
    )


def _explain_ends(seen: _Seen, asked: Asked) -> MatrixError:
    """Explain that no cell could be judged at both ends."""
    ends = (asked.along[0].id, asked.along[-1].id)
    results = [each for each in seen.results.values() if not FACTS[each.outcome].judged]
    for each in results:
        for name in (each.cell.writer, each.cell.reader):
            if name in seen.unavailable:
                error = seen.unavailable[name]
                return ProvisionError(
                    f"{name} cannot be built, and without it nothing is known of"
                    f" {each.cell.id}: {error.message}",
                    cause=error.cause,
                    next_step=error.next_step,
                )
    first = results[0] if results else None
    return CouldNotJudge(
        f"no cell was measured at both {ends[0]} and {ends[1]}"
        + (f": {first.cell.id} is {first.outcome} ({first.reason})" if first else ""),
        cause="an end where the cell does not exist, or a fault of this tool",
        next_step="choose other ends, or see the cells there are: `nox -s plan`",
    )


def _judged_lines(asked: Asked, seen: _Seen) -> list[Line]:
    """Return the lines with a result at both ends that says something of the model."""
    ends = (asked.along[0].id, asked.along[-1].id)
    lines = dict.fromkeys(_line_of(each, asked.axis) for each in seen.results)
    return [
        line
        for line in lines
        if all(
            (found := seen.results.get(_cell(asked, line, end))) and FACTS[found.outcome].judged
            for end in ends
        )
    ]
