"""The boundaries of a grid: the fewest version-range rules that give it back (part of stage 9).

Input: a matrix of codes, `BLANK` where there is no cell, and the axis of environments in
release order. Output: rules, each a rectangle of version ranges with one code, and the words
for them. Lossless: `expand_rules` gives back every cell of the grid, and only those. Pure.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np

from runner.analyse.grids import (
    BLANK,
    NOT_RUN,
    OUTCOMES,
    Coded,
    Codes,
    Mask,
    outcome_matrix,
)
from runner.domain import FACTS, Outcome

ID = re.compile(r"(?P<family>tf-keras|tf|keras)(?P<version>\d[\d.]*)(?:-(?P<backend>\w+))?")
FAMILY_NAMES: Mapping[str, str] = MappingProxyType(
    {"tf": "TF", "keras": "Keras", "tf-keras": "tf-keras"}
)


@dataclass(frozen=True, slots=True)
class Range:
    """Places `first` to `last` of an axis, both included, within one line of releases."""

    first: int
    last: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Every cell of these writers and readers has this code."""

    writers: tuple[Range, ...]
    readers: tuple[Range, ...]
    code: int

    @property
    def cells(self) -> int:
        """How many cells it speaks of."""
        return len(_places(self.writers)) * len(_places(self.readers))


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The environments in release order; a range never crosses from one line to another."""

    ids: tuple[str, ...]

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Of each environment, the line of releases it belongs to: `TF`, `Keras 3 on jax`."""
        return tuple(map(_line, self.ids))

    def ranges(self, places: Iterable[int]) -> tuple[Range, ...]:
        """Join neighbouring places of one line, between which no release was left out."""
        found: list[Range] = []
        for place in sorted(places):
            last = found[-1].last if found else BLANK
            if found and place == last + 1 and self._joins(last, place):
                found[-1] = Range(found[-1].first, place)
            else:
                found.append(Range(place, place))
        return tuple(found)

    def _joins(self, last: int, place: int) -> bool:
        """Whether `first to last` may span two places: it would say of what lies between too."""
        if self.lines[place] != self.lines[last]:
            return False
        return follow_release(self.ids[last]) == self.ids[place]

    def begins_newest(self, ranges: Sequence[Range], present: Sequence[int]) -> bool:
        """Whether ranges hold the newest release of those present and not the one before it.

        A line of one release, such as that of another backend, has none before it.
        """
        places = set(_places(ranges))
        for newest in sorted(present, reverse=True):
            line = [each for each in present if self.lines[each] == self.lines[newest]]
            if len(line) > 1:
                return newest in places and line[-2] not in places
        return False

    def words(self, ranges: Sequence[Range]) -> str:
        """Name the ranges: `TF 2.4 to 2.15, Keras 3.0 and 3.8`."""
        if len(_places(ranges)) == len(self.ids):
            return EVERYTHING
        named: dict[str, list[Range]] = {}
        for each in ranges:
            named.setdefault(self.lines[each.first], []).append(each)
        return ", ".join(map(self._line_words, named.values()))

    def _line_words(self, ranges: Sequence[Range]) -> str:
        family, _, backend = _parse_id(self.ids[ranges[0].first])
        versions = [self._range_words(each) for each in ranges]
        return f"{family} {_listed(versions)}".rstrip() + backend

    def _range_words(self, each: Range) -> str:
        first, last = (_parse_id(self.ids[place])[1] for place in (each.first, each.last))
        if each.first == each.last:
            return first
        return f"{first} to {last}"


EVERYTHING = "every environment of this run"
LAST_MINORS: Mapping[str, str] = MappingProxyType({"tf1.15": "tf2.0"})
"""The last release of a major version, and the one after it."""


def follow_release(name: str) -> str:
    """Return the id of the next minor release after an environment's; empty for an odd id."""
    match = ID.fullmatch(name)
    if not match:
        return ""
    if name in LAST_MINORS:
        return LAST_MINORS[name]
    major, _, minor = match["version"].partition(".")
    backend = f"-{match['backend']}" if match["backend"] else ""
    return f"{match['family']}{major}.{int(minor) + 1}{backend}" if minor.isdigit() else ""


def version_words(name: str) -> str:
    """Name an environment as a sentence does: `Keras 3.15 on torch`."""
    family, version, backend = _parse_id(name)
    return f"{family} {version}".rstrip() + backend


def _parse_id(name: str) -> tuple[str, str, str]:
    """Return family, version and backend as a sentence names them."""
    match = ID.fullmatch(name)
    if not match:
        return name, "", ""
    backend = f" on {match['backend']}" if match["backend"] else ""
    return FAMILY_NAMES[match["family"]], match["version"], backend


def _line(name: str) -> str:
    family, version, backend = _parse_id(name)
    # Standalone Keras 2 and Keras 3 share a name and nothing else.
    return f"{family} {version.split('.')[0]}{backend}" if family == "Keras" else family + backend


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _places(ranges: Iterable[Range]) -> list[int]:
    return [place for each in ranges for place in range(each.first, each.last + 1)]


def cover_grid(matrix: Codes, axis: Axis) -> tuple[Rule, ...]:
    """Return few, wide rules that together say the code of every cell that is not blank.

    Greedy: the candidate that says most new cells for each range it needs comes first;
    rules that later ones made superfluous go. Rules overlap only where they agree.
    """
    rules: list[Rule] = []
    if matrix.size:
        grid = _Grid(matrix, axis)
        for code in np.unique(matrix).tolist():
            if code != BLANK:
                rules += grid.cover(code)
    return tuple(sorted(rules, key=lambda rule: (-rule.cells, rule.code, str(rule))))


def expand_rules(rules: Iterable[Rule], size: int) -> Codes:
    """Return the grid the rules speak of, `BLANK` where none does."""
    matrix = np.full((size, size), BLANK, dtype=np.int64)
    for rule in rules:
        matrix[np.ix_(_places(rule.writers), _places(rule.readers))] = rule.code
    return matrix


class _Grid:
    """A grid with equal rows, and then equal columns, put together into classes.

    A set of classes is a bit mask, so that a rectangle is two integers.
    """

    def __init__(self, matrix: Codes, axis: Axis) -> None:
        rows, row_of = np.unique(matrix, axis=0, return_inverse=True)
        small, column_of = np.unique(rows, axis=1, return_inverse=True)
        self._small = small
        self._axis = axis
        self._members = (_members(row_of), _members(column_of))
        self._weights: dict[int, int] = {}
        self._ranges: dict[tuple[int, int], tuple[Range, ...]] = {}

    def cover(self, code: int) -> list[Rule]:
        """Return the rules of one code."""
        masks = [_mask(row) for row in (self._small == code).tolist()]
        left = list(masks)
        queue = [(-self._gain(each, left), each) for each in _rectangles(masks)]
        heapq.heapify(queue)
        chosen: list[tuple[int, int]] = []
        while any(left):
            worth, best = heapq.heappop(queue)
            # A gain only ever shrinks, so a rule that still leads after a fresh look is the best.
            fresh = -self._gain(best, left)
            if fresh > worth:
                heapq.heappush(queue, (fresh, best))
                continue
            chosen.append(best)
            for row in _bits(best[0]):
                left[row] &= ~best[1]
        return [
            Rule(writers=self._named(0, rows), readers=self._named(1, columns), code=code)
            for rows, columns in _needed(chosen, self._small.shape)
        ]

    def _gain(self, rectangle: tuple[int, int], left: Sequence[int]) -> float:
        rows, columns = rectangle
        new = sum(
            len(self._members[0][row]) * self._weight(left[row] & columns) for row in _bits(rows)
        )
        return new / (len(self._named(0, rows)) + len(self._named(1, columns)))

    def _weight(self, columns: int) -> int:
        if columns not in self._weights:
            self._weights[columns] = sum(len(self._members[1][each]) for each in _bits(columns))
        return self._weights[columns]

    def _named(self, side: int, classes: int) -> tuple[Range, ...]:
        key = (side, classes)
        if key not in self._ranges:
            places = [place for each in _bits(classes) for place in self._members[side][each]]
            self._ranges[key] = self._axis.ranges(places)
        return self._ranges[key]


def _members(class_of: Codes) -> list[list[int]]:
    flat = class_of.reshape(-1)
    return [np.flatnonzero(flat == each).tolist() for each in range(int(flat.max()) + 1)]


def _mask(row: Sequence[bool]) -> int:
    return sum(1 << place for place, held in enumerate(row) if held)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _rectangles(masks: Sequence[int]) -> set[tuple[int, int]]:
    """Return the widest rectangles through each row, and through each two rows."""
    distinct = sorted(set(masks) - {0})
    columns = {first & second for first in distinct for second in distinct} - {0}
    return {
        (_mask([mask & chosen == chosen for mask in masks]), chosen) for chosen in sorted(columns)
    }


def _needed(chosen: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Leave out, the last first, rules that the others say as well."""
    places = [np.ix_(list(_bits(rows)), list(_bits(columns))) for rows, columns in chosen]
    times = np.zeros(shape, dtype=np.int64)
    for place in places:
        times[place] += 1
    for rectangle, place in reversed(list(zip(chosen, places, strict=True))):
        if (times[place] > 1).all():
            times[place] -= 1
        else:
            yield rectangle


@dataclass(frozen=True, kw_only=True, slots=True)
class Boundary:
    """One rule of a scenario, format and remedy, in words."""

    outcome: Outcome
    cells: int
    text: str
    newest: bool = False
    """Whether it begins with the newest release, as a writer or as a reader: not so before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GridBoundaries:
    """The rules of one grid: a scenario, format and remedy."""

    scenario: str
    format: str
    remedy: str
    rules: tuple[Boundary, ...]
    not_run: int
    """How many of its cells were not run; rules of these are among the rules."""

    def measured_rules(self) -> list[Boundary]:
        """Return the rules without those of cells that were not run."""
        return [each for each in self.rules if each.outcome is not Outcome.NOT_RUN]


def describe_boundaries(coded: Coded, rows: Codes) -> Iterator[GridBoundaries]:
    """Yield the boundaries of every scenario, format and remedy among the chosen cells."""
    sizes = (len(coded.formats), len(coded.remedies))
    keys = (coded.scenario[rows] * sizes[0] + coded.format[rows]) * sizes[1] + coded.remedy[rows]
    ordered = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[ordered], prepend=BLANK))
    for group in np.split(rows[ordered], starts[1:]) if len(rows) else []:
        first = int(group[0])
        matrix = outcome_matrix(coded, group)
        yield GridBoundaries(
            scenario=coded.scenarios[coded.scenario[first]],
            format=coded.formats[coded.format[first]],
            remedy=coded.remedies[coded.remedy[first]],
            rules=_describe_alike(matrix.tobytes(), coded.environments),
            not_run=int(np.count_nonzero(coded.outcome[group] == NOT_RUN)),
        )


@lru_cache(maxsize=16_384)
def _describe_alike(codes: bytes, ids: tuple[str, ...]) -> tuple[Boundary, ...]:
    """Describe a grid once: half of those of a run are like another, and pages show them again."""
    matrix = np.frombuffer(codes, dtype=np.int64).reshape(len(ids), len(ids))
    return tuple(describe_grid(matrix, Axis(ids=ids)))


def describe_grid(matrix: Codes, axis: Axis) -> list[Boundary]:
    """Return the rules of a grid of outcome codes in words, the widest first."""
    writers, readers = (np.flatnonzero(there).tolist() for there in _present(matrix))
    found = [
        Boundary(
            outcome=OUTCOMES[rule.code],
            cells=rule.cells,
            text=rule_words(rule, axis, rule.code),
            newest=any(
                axis.begins_newest(ranges, present)
                for ranges, present in ((rule.writers, writers), (rule.readers, readers))
            ),
        )
        for rule in cover_grid(matrix, axis)
    ]
    # Outcomes that say nothing about loading come last.
    return sorted(found, key=lambda each: _said_last(each.outcome))


def _present(matrix: Codes) -> tuple[Mask, Mask]:
    there = matrix != BLANK
    return np.any(there, axis=1), np.any(there, axis=0)


def _said_last(outcome: Outcome) -> bool:
    return not FACTS[outcome].measured and outcome is not Outcome.SAVE_ERROR


def rule_words(rule: Rule, axis: Axis, code: int) -> str:
    """Return the sentence of one rule of outcomes."""
    return f"{pair_words(rule, axis)}: {FACTS[OUTCOMES[code]].phrase}"


def pair_words(rule: Rule, axis: Axis) -> str:
    """Name the writers and readers of a rule."""
    return f"written by {axis.words(rule.writers)}, read by {axis.words(rule.readers)}"
