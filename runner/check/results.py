"""The results of a check, one row each with all facts. Words of `Outcome` mean the same here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """The result of one reader, or of one way in it."""

    SAME = "same"
    """It loads, and computes what the reference computes, or what the user expects."""
    LOADS = "loads"
    """It loads and can be called; there is nothing to hold its outputs against."""
    DIFFERS = "differs"
    """It loads, but computes something else."""
    UNSTABLE = "unstable"
    """Loaded twice it computes two things: weights of the file were not restored."""
    NOT_CALLED = "not_called"
    """It loads; nobody knows a shape that it can be called with, so nothing was compared."""
    UNUSABLE = "unusable"
    LOAD_ERROR = "load_error"
    CODE_REFUSED = "code_refused"
    """The file holds Python bytecode, which was not executed."""
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    OVER_LIMIT = "over_limit"
    """It took too many processes, or too much disk space."""
    UNSUPPORTED = "unsupported"
    """By declaration that version has no such format; it was not tried."""
    ENVIRONMENT_UNAVAILABLE = "environment_unavailable"
    """It could not be built here: not tried."""
    HARNESS_ERROR = "harness_error"
    """Our own fault: it says nothing of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultFacts:
    """All that is known of one result."""

    symbol: str
    label: str
    """In a word or three."""
    css: str
    """Class name of the report's sheet."""
    loaded: bool = False
    """Whether loading raised nothing."""


RESULTS: Mapping[Result, ResultFacts] = {
    Result.SAME: ResultFacts(symbol="✓", label="the same", css="e", loaded=True),
    Result.LOADS: ResultFacts(symbol="✓", label="loads", css="e", loaded=True),
    Result.DIFFERS: ResultFacts(symbol="≠", label="computes otherwise", css="d", loaded=True),
    Result.UNSTABLE: ResultFacts(symbol="≠", label="unstable", css="d", loaded=True),
    Result.NOT_CALLED: ResultFacts(symbol="✓", label="loads, not called", css="e", loaded=True),
    Result.UNUSABLE: ResultFacts(symbol="⊘", label="loads, unusable", css="u", loaded=True),
    Result.LOAD_ERROR: ResultFacts(symbol="✗", label="does not load", css="l"),
    Result.CODE_REFUSED: ResultFacts(symbol="✗", label="needs --allow-code", css="l"),
    Result.CRASHED: ResultFacts(symbol="☠", label="crashes", css="c"),
    Result.TIMED_OUT: ResultFacts(symbol="∞", label="hangs", css="t"),
    Result.OUT_OF_MEMORY: ResultFacts(symbol="▲", label="out of memory", css="t"),
    Result.OVER_LIMIT: ResultFacts(symbol="▲", label="over a limit", css="t"),
    Result.UNSUPPORTED: ResultFacts(symbol="-", label="no such format", css="n"),
    Result.ENVIRONMENT_UNAVAILABLE: ResultFacts(symbol="?", label="not built, not tried", css="r"),
    Result.HARNESS_ERROR: ResultFacts(symbol="!", label="our fault, not tried", css="h"),
}
COMPUTES = frozenset({Result.SAME, Result.LOADS, Result.DIFFERS})
WORKS = frozenset({Result.SAME, Result.LOADS, Result.NOT_CALLED})
"""Results that a user can go on with."""
NOT_TRIED = frozenset({Result.UNSUPPORTED, Result.ENVIRONMENT_UNAVAILABLE, Result.HARNESS_ERROR})
"""Results that say nothing of the file."""
