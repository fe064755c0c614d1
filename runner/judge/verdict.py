"""The verdict of a cell: its outcome held against expectation and baseline (stage 7). Pure.

An expectation is declared (scenarios/expectations.toml); the baseline is the outcome, the cause
and the differing aspects of the same cell in an earlier run. Neither ever changes the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runner.domain import (
    UNJUDGED,
    Cell,
    CellResult,
    Change,
    Detail,
    Expectation,
    Outcome,
    Verdict,
    change_of,
)
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
        self, expectations: Sequence[Expectation], baseline: Mapping[Cell, Detail] | None
    ) -> None:
        """Take the baseline's cells; None where there is no baseline."""
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
        return replace(result, verdict=self._verdict(result))

    def _verdict(self, result: CellResult) -> Verdict:
        if result.outcome in UNJUDGED:
            return Verdict.NOT_JUDGED
        expected = self.expectation(result.cell)
        if expected is not None:
            return _against_expectation(expected.outcome, result.outcome)
        if self._baseline is None:
            return Verdict.NOT_JUDGED
        before = self._baseline.get(result.cell)
        return Verdict.NEW if before is None else judge_change(before, detail_of(result))


def detail_of(result: CellResult) -> Detail:
    """Return the parts of a result by which it is held against another."""
    return Detail(
        outcome=result.outcome, cause=result.cause, aspects=frozenset(map(str, result.aspects))
    )


def judge_change(before: Detail, after: Detail) -> Verdict:
    """Return the verdict of a cell that the baseline has."""
    change = change_of(before, after)
    if change is Change.SAME and after.outcome not in UNJUDGED:
        return _same(after.outcome)
    return VERDICT_OF.get(change, Verdict.NOT_JUDGED)


def _against_expectation(expected: Outcome, outcome: Outcome) -> Verdict:
    return _same(outcome) if expected is outcome else VERDICT_OF[direction(expected, outcome)]


def _same(outcome: Outcome) -> Verdict:
    return Verdict.EXPECTED if outcome is Outcome.EQUIVALENT else Verdict.KNOWN_FAILURE
