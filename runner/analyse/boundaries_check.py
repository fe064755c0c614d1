"""The check of the boundaries: sentences read back as a person would, against the cells. Pure.

Input: a run. Output: how many sentences it has, and where one says more, less or else than was
measured. `TF 2.12 to 2.15` is read as every minor release between: one of them that the run
does not have is a fault of the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from runner.analyse.boundaries import (
    EVERYTHING,
    GridBoundaries,
    describe_boundaries,
    follow_release,
)
from runner.analyse.grids import BLANK, OUTCOMES, Coded, Codes, code_cells
from runner.domain import FACTS
from runner.publish.reading import PublishedRun

_VERSION = r"\d+\.\d+(?:\.\d+(?:\.[a-z]\w*)?)?"
_RANGE = rf"{_VERSION}(?: to {_VERSION})?"
_LINE = re.compile(
    rf"(?P<family>TF|Keras|tf-keras) (?P<ranges>{_RANGE}(?:(?:, | and ){_RANGE})*)"
    r"(?: on (?P<backend>\w+))?"
)
_SENTENCE = re.compile(r"written by (?P<writers>.+), read by (?P<readers>[^:]+): (?P<phrase>.+)")
_CODES: Mapping[str, int] = {FACTS[each].phrase: code for code, each in enumerate(OUTCOMES)}
_FAMILIES = {"TF": "tf", "Keras": "keras", "tf-keras": "tf-keras"}
_LONGEST = 100
"""Releases of a range at most: what reads on for longer does not end."""


class Unreadable(ValueError):
    """A sentence names what the run does not have; the text says what."""


def check_boundaries(data: PublishedRun) -> tuple[int, list[str]]:
    """Return how many sentences a run's boundaries have, and what is wrong with them."""
    coded = code_cells(data)
    rows = np.arange(len(coded.outcome), dtype=np.int64)
    return check_described(coded, rows, describe_boundaries(coded, rows))


def check_described(
    coded: Coded, rows: Codes, described: Iterable[GridBoundaries]
) -> tuple[int, list[str]]:
    """Read the sentences of the chosen cells back; return how many, and what is wrong."""
    shape = (
        *(len(coded.scenarios), len(coded.formats), len(coded.remedies)),
        *(len(coded.environments), len(coded.environments)),
    )
    columns = (coded.scenario, coded.format, coded.remedy, coded.writer, coded.reader)
    measured = np.ravel_multi_index(tuple(each[rows] for each in columns), shape)
    order = np.argsort(measured)
    measured, outcome = measured[order], coded.outcome[rows][order]
    number, wrong, seen = 0, list[str](), 0
    for grid in described:
        place = (
            coded.scenarios.index(grid.scenario),
            coded.formats.index(grid.format),
            coded.remedies.index(grid.remedy),
        )
        first = int(np.ravel_multi_index((*place, 0, 0), shape))
        size = shape[-1] * shape[-1]
        start, end = np.searchsorted(measured, [first, first + size])
        found = np.full(size, BLANK, dtype=np.int64)
        found[measured[start:end] - first] = outcome[start:end]
        number += len(grid.rules)
        seen += int(end - start)
        problem = compare_sentences(
            (each.text for each in grid.rules), found.reshape(shape[-2:]), coded.environments
        )
        if problem:
            wrong.append(f"{grid.scenario}/{grid.format}/{grid.remedy}: {problem}")
    if seen != len(rows):
        wrong.append(f"{seen} of {len(rows)} cells have a sentence")
    return number, wrong


def compare_sentences(
    sentences: Iterable[str], measured: Codes, environments: tuple[str, ...]
) -> str:
    """Say where sentences do not give a grid back; empty if they do."""
    said = np.full_like(measured, BLANK)
    for text in sentences:
        match = _SENTENCE.fullmatch(text)
        if not match or match["phrase"] not in _CODES:
            return f"{text!r} is no sentence of a boundary"
        try:
            sides = [_read_side(match[name], environments) for name in ("writers", "readers")]
        except Unreadable as error:
            return f"{text!r} {error}"
        code = _CODES[match["phrase"]]
        block = np.ix_(*sides)
        if ((said[block] != BLANK) & (said[block] != code)).any():
            return f"{text!r} contradicts another sentence"
        said[block] = code
    differing = np.argwhere(said != measured)
    if not len(differing):
        return ""
    writer, reader = differing[0].tolist()
    return f"the sentences are wrong of {environments[writer]}->{environments[reader]}"


def _read_side(words: str, environments: tuple[str, ...]) -> list[int]:
    """Return the places of the environments that a sentence names.

    Raises:
        Unreadable: one is not there, or nothing is named.
    """
    if words == EVERYTHING:
        return list(range(len(environments)))
    place = {name: number for number, name in enumerate(environments)}
    found = []
    for name in _read_names(words):
        if name not in place:
            raise Unreadable(f"names {name}, which was not measured")
        found.append(place[name])
    return found


def _read_names(words: str) -> Iterator[str]:
    left = words
    while left:
        match = _LINE.match(left)
        if match is None:
            # An environment of a user's own keeps its name.
            name, _, left = left.partition(", ")
            yield name
            continue
        backend = f"-{match['backend']}" if match["backend"] else ""
        for part in re.split(r", | and ", match["ranges"]):
            first, _, last = part.partition(" to ")
            yield from _releases(_FAMILIES[match["family"]], first, last or first, backend)
        left = left[match.end() :].removeprefix(", ")


def _releases(family: str, first: str, last: str, backend: str) -> Iterator[str]:
    name, end = f"{family}{first}{backend}", f"{family}{last}{backend}"
    for _ in range(_LONGEST):
        yield name
        if name == end:
            return
        name = follow_release(name)
    raise Unreadable(f"names a range that does not end: {first} to {last}")
