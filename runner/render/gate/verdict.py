"""The decision of a gate in words: which of the ways of failing apply, in their order.

Input: a `Decision`. Output: a sentence for each, with the exit code that it stands for.
"""

from __future__ import annotations

import shlex

from runner.domain import Verdict
from runner.domain.errors import (
    CouldNotJudge,
    IncompleteMatrix,
    MatrixError,
    RegressionFound,
    StaleAcceptance,
)
from runner.domain.gate import Decision


def failures(decision: Decision, command: str) -> list[MatrixError]:
    """Return why the gate fails, the gravest first; empty if it passes.

    `command` repeats the gate.
    """
    found: list[MatrixError] = []
    worse = decision.regressions
    if worse:
        found.append(
            RegressionFound(
                f"{len(worse):,} cells regressed, the first: {worse[0].cell.id}",
                cause="a change of the framework; expired acceptances cover nothing"
                if decision.expired
                else "a change of the framework",
                next_step="repair it, or accept it with one of the commands printed above",
            )
        )
    if decision.not_judged or decision.judged < decision.at_least:
        found.append(_could_not_judge(decision, command))
    if decision.stale:
        first = decision.stale[0]
        found.append(
            StaleAcceptance(
                f"{len(decision.stale)} acceptances are stale, the first ({first.why}): "
                f"{first.acceptance.cells}",
                cause=first.detail,
                next_step=f"nox -s accept -- '{first.acceptance.cells}' --remove"
                f" --file {decision.accepted_file}",
            )
        )
    if decision.incomplete:
        found.append(
            IncompleteMatrix(
                f"{len(decision.incomplete)} things are missing, the first: "
                f"{decision.incomplete[0]}",
                cause="nothing declares why",
                next_step="declare it, or repair it, then run the same command again",
            )
        )
    return found


def _could_not_judge(decision: Decision, command: str) -> CouldNotJudge:
    lost = decision.not_judged
    vanished = sum(each.verdict is Verdict.VANISHED for each in lost)
    flaky = sum(each.flaky for each in lost)
    if decision.judged < decision.at_least:
        said = f"{decision.judged:,} cells were judged, and at least {decision.at_least:,} must be"
    else:
        said = (
            f"{len(lost):,} cells could not be judged ({vanished:,} vanished, {flaky:,} flaky), "
            f"the first: {lost[0].cell.id}"
        )
    if lost and flaky == len(lost):
        return CouldNotJudge(
            said,
            cause=f"{lost[0].reason}: what it does depends on chance, or on the load",
            next_step=f"see what it said: nox -s show -- {shlex.quote(lost[0].cell.id)}",
        )
    return CouldNotJudge(
        said,
        cause=(lost[0].reason if lost else "the selection and the baseline have little in common"),
        next_step=f"run it again where everything can be measured: {command}",
    )


def _regressed(decision: Decision) -> str:
    """Say against which baselines nothing regressed, and against which something did."""
    advised = {
        held.option: number
        for held in decision.held
        if not held.mandatory and (number := len(held.of(Verdict.REGRESSION)))
    }
    told = "".join(
        f" Against {option}, which only advises, {number:,} regressed."
        for option, number in advised.items()
    )
    if any(held.mandatory for held in decision.held) or not advised:
        return f"none regressed.{told}"
    return f"and nothing decides.{told}"


def headline(decision: Decision, found: list[MatrixError]) -> str:
    """Say in one line whether the gate passes."""
    if not found:
        return f"The gate passes: {decision.judged:,} cells judged, {_regressed(decision)}"
    kinds = {
        RegressionFound: "regressions",
        CouldNotJudge: "cells that could not be judged",
        StaleAcceptance: "stale acceptances",
        IncompleteMatrix: "missing artifacts, witnesses or controls",
    }
    return f"The gate fails: {', '.join(kinds[type(each)] for each in found)}."
