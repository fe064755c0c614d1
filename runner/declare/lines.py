"""Stage 1: two environments of one line of releases -> every environment between them.

Input: the declared environments and the range of a command line, `keras3.8..keras3.14.0`. Output:
the environments in the order of their versions. A release that is what the environment of its
minor version has is left out for that: it would be the same twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.declare.environments import EnvironmentSet
from runner.domain import Environment
from runner.domain.change_points import version_of
from runner.domain.errors import SelectionError

RANGE = ".."


def releases_between(declared: EnvironmentSet, text: str) -> tuple[Environment, ...]:
    """Return the environments of a range, both ends included.

    An end that is left out is that of the line: `..keras3.4`, `keras3.12..`.

    Raises:
        SelectionError: an end is unknown, they are of two lines, or in the wrong order.
    """
    declared = declared.with_releases()
    first, _, last = text.partition(RANGE)
    named = [declared.by_id(each) for each in (first, last) if each]
    if not named:
        raise SelectionError(
            f"the range {text!r} has no end",
            cause="both environments were left out",
            next_step="write it as in keras3.12..keras3.15",
        )
    line = line_of(declared, named)
    if line_key(named[0]) != line_key(named[-1]):
        raise SelectionError(
            f"there are no releases between {named[0].id} and {named[1].id}",
            cause=f"one is {_line_words(named[0])}, the other {_line_words(named[1])}",
            next_step=f"choose both from: {_some(line)}",
        )
    ids = [each.id for each in line]
    start = ids.index(named[0].id) if first else 0
    stop = ids.index(named[-1].id) if last else len(ids) - 1
    if start >= stop:
        raise SelectionError(
            f"the range {text} is empty",
            cause="its ends are the same" if start == stop else "its ends are in the wrong order",
            next_step=f"{ids[stop]}{RANGE}{ids[start]}"
            if start > stop
            else f"choose an earlier or a later end from: {_some(line)}",
        )
    return tuple(line[start : stop + 1])


def line_of(declared: EnvironmentSet, named: Sequence[Environment]) -> list[Environment]:
    """Return the line of the first of some environments, in the order of versions."""
    key = line_key(named[0])
    keep = {each.id for each in named}
    own = [
        each
        for each in declared.environments
        if line_key(each) == key and (not _is_twin(each) or each.id in keep)
    ]
    # Where the twin was named, its minor version is the one that would be the same twice.
    twins = {each.derived.of for each in own if each.derived is not None and _is_twin(each)}
    return sorted(
        (each for each in own if each.id not in twins or each.id in keep), key=_version_key
    )


def line_key(environment: Environment) -> tuple[str, str]:
    """Return what all releases of a line have in common."""
    return str(environment.family), str(environment.backend)


def _is_twin(environment: Environment) -> bool:
    """Whether a release is the very environment of its minor version."""
    derived = environment.derived
    return derived is not None and not derived.packages and not derived.without


def _version_key(environment: Environment) -> tuple[list[int], bool, int]:
    numbers = [int(each) for each in re.findall(r"\d+", version_of(environment))]
    return numbers, environment.build is not None, environment.order


def _line_words(environment: Environment) -> str:
    return f"{environment.family} on {environment.backend}"


def _some(line: Sequence[Environment]) -> str:
    ids = [each.id for each in line]
    return ", ".join(ids if len(ids) <= 12 else [*ids[:6], "...", *ids[-6:]])
