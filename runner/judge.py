"""Stage 7: an outcome held against its expectation and the baseline. Pure.

An expectation is declared (scenarios/expectations.toml); the baseline is the outcome
of the same cell in an earlier run. Neither ever changes the outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.domain import Cell, CellResult, Expectation, Outcome, Verdict
from runner.selector import CellPattern, compile_glob, parse_pattern

UNJUDGED = frozenset({Outcome.ENVIRONMENT_UNAVAILABLE, Outcome.HARNESS_ERROR, Outcome.NOT_RUN})
"""Outcomes that say nothing about the model."""

RANK: Mapping[Outcome, int] = {
    Outcome.EQUIVALENT: 0,
    Outcome.UNSUPPORTED: 1,
    Outcome.SAVE_ERROR: 2,
    Outcome.LOAD_ERROR: 2,
    Outcome.UNUSABLE: 2,
    Outcome.TIMED_OUT: 3,
    Outcome.OUT_OF_MEMORY: 3,
    Outcome.CRASHED: 3,
    # Worse than any error, for nothing tells the user.
    Outcome.DIVERGED: 4,
}
"""From good to bad, to tell a regression from a repair."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compiled:
    expectation: Expectation
    pattern: CellPattern


class Judge:
    """Holds the expectations, in file order (the last that matches decides), and the baseline."""

    def __init__(
        self, expectations: Sequence[Expectation], baseline: Mapping[Cell, Outcome]
    ) -> None:
        self._expectations = [
            _Compiled(expectation=each, pattern=parse_pattern(each.cells))
            for each in reversed(expectations)
        ]
        self._baseline = baseline

    def expectation(self, cell: Cell) -> Expectation | None:
        """Return the expectation declared for a cell, if any."""
        for each in self._expectations:
            if (
                each.pattern.matches(cell)
                and _any(each.expectation.writers, cell.writer)
                and _any(each.expectation.readers, cell.reader)
            ):
                return each.expectation
        return None

    def judge(self, result: CellResult) -> CellResult:
        """Return the result with its verdict."""
        return replace(result, verdict=self._verdict(result.cell, result.outcome))

    def _verdict(self, cell: Cell, outcome: Outcome) -> Verdict:
        if outcome in UNJUDGED:
            return Verdict.NOT_JUDGED
        expected = self.expectation(cell)
        if expected is not None:
            return _against_expectation(expected.outcome, outcome)
        before = self._baseline.get(cell)
        if before is None or before in UNJUDGED:
            return Verdict.NOT_JUDGED
        if before is outcome:
            return Verdict.EXPECTED if outcome is Outcome.EQUIVALENT else Verdict.KNOWN_FAILURE
        return _direction(before, outcome)


def _against_expectation(expected: Outcome, outcome: Outcome) -> Verdict:
    if expected is outcome:
        return Verdict.EXPECTED if outcome is Outcome.EQUIVALENT else Verdict.KNOWN_FAILURE
    return _direction(expected, outcome)


def _direction(before: Outcome, after: Outcome) -> Verdict:
    if after is Outcome.EQUIVALENT:
        return Verdict.FIXED
    return Verdict.REGRESSION if RANK[after] > RANK[before] else Verdict.CHANGED


def _any(globs: Iterable[str], name: str) -> bool:
    return any(compile_glob(glob)(name) for glob in globs)
