"""The verdict of a cell: its outcome held against expectation and baseline (stage 7). Pure.

An expectation is declared (scenarios/expectations.toml); the baseline is the outcome
of the same cell in an earlier run. Neither ever changes the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runner.domain import UNJUDGED, Cell, CellResult, Change, Expectation, Outcome, Verdict
from runner.domain.selector import CellPattern, compile_glob, matches_environment, parse_pattern
from runner.domain.verdicts import direction

VERDICT_OF = {
    Change.FIXED: Verdict.FIXED,
    Change.REGRESSED: Verdict.REGRESSION,
    Change.CHANGED: Verdict.CHANGED,
}


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
        self._by_scenario: dict[str, tuple[_Compiled, ...]] = {}

    def expectation(self, cell: Cell) -> Expectation | None:
        """Return the expectation declared for a cell, if any."""
        for each in self._candidates(cell.scenario):
            if (
                each.pattern.matches(cell)
                and matches_environment(cell.writer, each.expectation.writers)
                and matches_environment(cell.reader, each.expectation.readers)
            ):
                return each.expectation
        return None

    def _candidates(self, scenario: str) -> tuple[_Compiled, ...]:
        found = self._by_scenario.get(scenario)
        if found is None:
            found = tuple(
                each for each in self._expectations if compile_glob(each.pattern.scenario)(scenario)
            )
            self._by_scenario[scenario] = found
        return found

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
    return VERDICT_OF[direction(before, after)]
