"""The error texts of a run by family: messages that differ in names, numbers and paths alone. Pure.

Input: the messages of a published run. Output: a `Family` each, which holds all that is needed to
find the run's causes of an error text again, as `explain` does, without the run: a message whose
kinds are equal to a family's is one of its messages.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from runner.analyse.explain import Evidence, line_kinds
from runner.analyse.grids import Coded, Codes
from runner.analyse.sentences import normalise
from runner.domain import ID_COLUMNS
from runner.publish.reading import PublishedRun
from runner.publish.texts import CellTexts, Column

LONGEST_TEXT = 700
"""Characters of a message that stand for its family."""
MOST_NAMES = 40
_CLASS = re.compile(r"\b[A-Z][A-Za-z0-9]{2,40}\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """The messages of one exception that are equal without names, numbers and paths."""

    id: str
    """Of its kinds alone, so that it is the same in every run."""
    exception: str
    whole: str
    """The kind of the whole message, cut."""
    lines: tuple[str, ...]
    """The kinds of its first and last line, where they say something."""
    text: str
    """The message that most of its cells have, cut."""
    names: tuple[str, ...]
    """Classes that its messages name, the commonest first."""
    cells: int
    causes: dict[str, int]
    """Cause -> cells, the commonest first."""
    example: str
    """Id of a cell, of a bare load if there is one."""


def texts_of(data: PublishedRun, coded: Coded) -> CellTexts:
    """Return the texts of a run that was read, as `explain` wants them."""
    of_cells = {name: _number(data.cells[name]) for name in (*ID_COLUMNS, "outcome", "cause")}
    found = coded.observation
    seen = {
        name: _follow(_number(data.observations[name]), found)
        for name in ("exception", "message", "reason", "traceback")
    }
    return CellTexts(run=data.run, columns=of_cells | seen)


def _follow(column: Column, found: Codes) -> Column:
    none = np.full(len(found), -1, dtype=np.int64)
    codes = np.where(found < 0, none, column.codes[found]) if len(column.codes) else none
    return replace(column, codes=codes)


def _number(column: pd.Series[str]) -> Column:
    codes, values = pd.factorize(column.astype(object).fillna(""))
    return Column(codes=codes.astype(np.int64), values=(*map(str, values), ""))


def find_families(evidence: Evidence) -> tuple[Family, ...]:
    """Return the families of a run's messages, the commonest first."""
    members: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for code, (exception, message) in enumerate(evidence.messages):
        if exception and evidence.count((code,)):
            key = (exception, normalise(message), tuple(sorted(line_kinds(message))))
            members.setdefault(key, []).append(code)
    examples = evidence.examples()
    found = (
        _describe_family(evidence, exception, whole, lines, codes, examples)
        for (exception, whole, lines), codes in members.items()
    )
    return tuple(sorted(found, key=lambda each: (-each.cells, each.id)))


def _describe_family(
    evidence: Evidence,
    exception: str,
    whole: str,
    lines: tuple[str, ...],
    codes: list[int],
    examples: dict[int, str],
) -> Family:
    numbers = {code: evidence.count((code,)).total() for code in codes}
    commonest = max(codes, key=lambda code: (numbers[code], -code))
    causes = evidence.count(codes)
    return Family(
        id=hashlib.sha256("\0".join((exception, whole, *lines)).encode()).hexdigest()[:10],
        exception=exception,
        whole=whole,
        lines=lines,
        text=evidence.messages[commonest][1][:LONGEST_TEXT],
        names=_find_names(evidence.messages[code][1] for code in codes),
        cells=causes.total(),
        causes=dict(sorted(causes.items(), key=lambda each: (-each[1], each[0]))),
        example=examples[commonest],
    )


def _find_names(messages: Iterable[str]) -> tuple[str, ...]:
    counted: Counter[str] = Counter()
    for message in messages:
        counted.update(set(_CLASS.findall(message)))
    ordered = sorted(counted.items(), key=lambda each: (-each[1], each[0]))
    return tuple(name for name, _ in ordered[:MOST_NAMES])
