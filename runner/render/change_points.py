"""Change points as text for a terminal: a `Bisection` -> lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from runner.domain import FACTS, Outcome
from runner.domain.change_points import NONE, Axis, Bisection, ChangeKind, ChangePoint, Point

WORDS: Mapping[ChangeKind, str] = {
    ChangeKind.BREAKS: "broken from",
    ChangeKind.REPAIRS: "repaired from",
    ChangeKind.CHANGES: "another failure from",
}
MESSAGE = 160
"""Characters of a message."""


def lines(found: Bisection, titles: Mapping[str, str], command: str) -> Iterator[str]:
    """Yield the row of results, then every change; `titles` are those of the causes.

    `command` is the line that repeats it all.
    """
    points = found.points
    measured = len(points) - len(found.unmeasured)
    yield found.cell
    yield f"  {len(points)} {found.axis}s, {measured} measured; changes: {len(found.changes)}"
    yield ""
    yield from _rows(points)
    for change in found.changes:
        yield ""
        yield from _change_lines(change, found.axis, titles)
    yield ""
    yield f"  repeat with: {command}"


def _rows(points: Sequence[Point]) -> Iterator[str]:
    width = max(len(each.environment) for each in points)
    before: Point | None = None
    for each in points:
        mark = "   "
        if each.measured:
            mark = " > " if before is not None and before.detail != each.detail else "   "
            before = each
        yield f" {mark}{each.environment:{width}}  {each.released}  {_result(each)}"


def _result(point: Point) -> str:
    """Name a result in a few words."""
    if not point.measured or point.detail is None:
        what = FACTS[point.detail.outcome].label if point.detail else "not measurable"
        return f"{what}: {_cut(point.reason)}" if point.reason else what
    parts = [FACTS[point.detail.outcome].label]
    if point.detail.cause:
        parts.append(f"[{point.detail.cause}]")
    if point.detail.aspects:
        parts.append(f"({', '.join(sorted(point.detail.aspects))})")
    return " ".join(parts)


def _change_lines(change: ChangePoint, axis: Axis, titles: Mapping[str, str]) -> Iterator[str]:
    after = change.after
    yield f"  {WORDS[change.kind]} {after.environment} on ({after.version}, {after.released})"
    yield from _side("before", change.before, titles)
    for each in change.between:
        yield f"    not measured between: {each.environment}: {_cut(each.reason)}"
    yield from _side("after", after, titles)
    others = change.also_differ
    if others:
        yield f"    the two {axis}s differ in more than that, and it may be the reason:"
        yield f"      {_packages(others)}"
        if after.package and after.package in change.before.packages:
            yield f"    tell it apart with: {_alone_command(change, axis)}"
    if change.backport:
        yield (
            f"    {change.before.environment} was released later than {after.environment}:"
            " its result may be that of a backport"
        )
    if after.notes:
        yield f"    notes: {after.notes}"
    repeats = min(change.before.repeated, after.repeated)
    if repeats:
        yield f"    both results came again in {repeats} more run(s), in fresh processes"
    yield f"    repeat with: {repeat_command(change)}"


def _alone_command(change: ChangePoint, axis: Axis) -> str:
    """Return the command that measures the new version among the packages of the one before."""
    before, after = change.before, change.after
    build = f"{after.package}@{after.version}"
    reads = axis is Axis.READER
    cell = replace(after.cell, reader=build) if reads else replace(after.cell, writer=build)
    return (
        f"nox -s matrix -- --with {after.package}={after.version} --base {before.environment}"
        f" --select {shlex.quote(cell.id)}"
    )


def _packages(others: Mapping[str, tuple[str, str]]) -> str:
    """Name the packages that both have, and count the others."""
    both = [
        f"{name} {old} to {new}" for name, (old, new) in others.items() if NONE not in {old, new}
    ]
    alone = len(others) - len(both)
    return ", ".join([*both, *([f"{alone} that only one of them has"] if alone else [])])


def _side(word: str, point: Point, titles: Mapping[str, str]) -> Iterator[str]:
    assert point.detail is not None  # noqa: S101 - a side of a change was measured
    said = FACTS[point.detail.outcome].phrase
    yield f"    {word}: {point.environment} ({point.version}): {said}"
    if point.detail.cause:
        title = titles.get(point.detail.cause, "")
        yield f"      cause: {f'{title} ' if title else ''}[{point.detail.cause}]"
    if point.detail.aspects:
        yield f"      differs: {', '.join(sorted(point.detail.aspects))}"
    if point.message and point.detail.outcome is not Outcome.EQUIVALENT:
        yield f"      {': '.join(filter(None, [point.exception, _cut(point.message)]))}"


def repeat_command(change: ChangePoint) -> str:
    """Return the command that measures both sides of a change again."""
    before, after = (shlex.quote(each.cell.id) for each in (change.before, change.after))
    return f"nox -s matrix -- --select {before} --select {after} --force"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MESSAGE else f"{flat[:MESSAGE]}..."
