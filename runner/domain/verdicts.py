"""Verdicts: an outcome held against the declared expectation and the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from runner.domain.declaration import Globs, Link, Text
from runner.domain.outcomes import FACTS, Outcome


class Verdict(StrEnum):
    """An outcome held against its expectation and the baseline."""

    EXPECTED = "expected"
    KNOWN_FAILURE = "known_failure"
    REGRESSION = "regression"
    FIXED = "fixed"
    CHANGED = "changed"
    NEW = "new"
    """There is a baseline, and the cell is not in it."""
    VANISHED = "vanished"
    """In the baseline, and asked for, but no cell of the run any more."""
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictStyle:
    """The heading and the JUnit element of one verdict in the texts of a gate."""

    verdict: Verdict
    heading: str = ""
    """Empty if its cells are only counted."""
    junit: str = ""
    """Empty for a test case that passed."""


VERDICT_STYLES: tuple[VerdictStyle, ...] = (
    VerdictStyle(verdict=Verdict.REGRESSION, heading="regressions", junit="failure"),
    VerdictStyle(verdict=Verdict.CHANGED, heading="changed, and no worse"),
    VerdictStyle(verdict=Verdict.FIXED, heading="fixed"),
    VerdictStyle(verdict=Verdict.NOT_JUDGED, heading="not judged", junit="error"),
    VerdictStyle(verdict=Verdict.VANISHED, heading="vanished", junit="error"),
    VerdictStyle(verdict=Verdict.NEW, heading="new"),
    VerdictStyle(verdict=Verdict.KNOWN_FAILURE, junit="skipped"),
    VerdictStyle(verdict=Verdict.EXPECTED),
)
"""Every verdict, in the order in which a gate tells them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """The parts of a result by which two runs are compared; never the text of a message."""

    outcome: Outcome
    cause: str = ""
    aspects: frozenset[str] = frozenset()
    """The aspects that differ."""


class Expectation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declared outcome for a pattern of cells, with a reason, as in expectations.toml."""

    cells: Text
    """Selector over cells, such as `corrupted_file*/h5/*->*/none`."""
    outcome: Outcome
    reason: Text
    link: Link
    writers: Globs = ("*",)
    """Globs over environment ids; one must match the writer."""
    readers: Globs = ("*",)
    """Globs over environment ids; one must match the reader."""


class Change(StrEnum):
    """The change of a cell from one run to the next."""

    REGRESSED = "regressed"
    FIXED = "fixed"
    CHANGED = "changed"
    INFRASTRUCTURE = "infrastructure"
    APPEARED = "appeared"
    VANISHED = "vanished"
    SAME = "same"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeStyle:
    """Symbol, words and CSS class of one kind of change."""

    change: Change
    symbol: str
    label: str
    explanation: str
    css: str


CHANGE_STYLES: tuple[ChangeStyle, ...] = (
    ChangeStyle(
        change=Change.REGRESSED,
        symbol="↓",
        label="regressed",
        explanation="Worse than before. A silent divergence is worse than any error.",
        css="l",
    ),
    ChangeStyle(
        change=Change.FIXED,
        symbol="↑",
        label="fixed",
        explanation="Equivalent now, and was not.",
        css="e",
    ),
    ChangeStyle(
        change=Change.CHANGED,
        symbol="↔",
        label="changed",
        explanation="Fails in another way, or for another cause, and no worse.",
        css="t",
    ),
    ChangeStyle(
        change=Change.INFRASTRUCTURE,
        symbol="?",
        label="infrastructure",
        explanation="One of the two runs could not measure it: this says nothing about Keras.",
        css="s",
    ),
    ChangeStyle(
        change=Change.APPEARED,
        symbol="+",
        label="appeared",
        explanation="In the second run alone.",
        css="r",
    ),
    ChangeStyle(
        change=Change.VANISHED,
        symbol="−",  # noqa: RUF001
        label="vanished",
        explanation="In the first run alone.",
        css="n",
    ),
    ChangeStyle(
        change=Change.SAME,
        symbol="=",
        label="same",
        explanation="The same outcome, cause and aspects in both.",
        css="n",
    ),
)
"""Every kind, in the order in which summaries name them."""


def change_of(before: Detail, after: Detail) -> Change:
    """Say what became of a cell that is in both runs.

    An aspect that agreed and differs now is a regression of a model that diverged before.
    """
    silent = [not FACTS[each.outcome].judged for each in (before, after)]
    if before == after or (silent[0] and before.outcome is after.outcome):
        return Change.SAME
    if any(silent):
        return Change.INFRASTRUCTURE
    if before.outcome is after.outcome:
        return Change.REGRESSED if after.aspects - before.aspects else Change.CHANGED
    return direction(before.outcome, after.outcome)


def direction(before: Outcome, after: Outcome) -> Change:
    """Say whether another outcome is better or worse; both of them say something."""
    if after is Outcome.EQUIVALENT:
        return Change.FIXED
    return (
        Change.REGRESSED if (FACTS[after].rank or 0) > (FACTS[before].rank or 0) else Change.CHANGED
    )
