"""The cause of a classified result (stage 6). Pure; the outcome is never rewritten.

Input: a `CellResult`, and whether its file was damaged. Output: the id of the first cause
of causes.toml with a rule that matches, or `unclassified`, which stays visible.

Keras wraps what a layer raised into what its model raised, down to the layer that is at
fault: a rule's `message` is searched in the innermost one, so that a configuration quoted
on the way can never match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runner.domain import (
    UNCLASSIFIED,
    UNEXPLAINED,
    Aspect,
    Cause,
    CauseRule,
    CellResult,
    Format,
    Observation,
    Outcome,
)
from runner.domain.hops import Reading, last_reading
from runner.domain.selector import matches_any, matches_environment

WRAPPED = re.compile(r"\n\s*Exception encountered: ")
"""Before the message of the exception that was caught and raised anew."""
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
"""Colour codes of a terminal: Keras puts them around parts of a message."""
CUT_MESSAGE = 4000
"""Characters of a message the probe keeps; a longer one is whole in the traceback alone."""
SEARCHED = 6000
"""Characters of an innermost message that are looked at."""

_Search = Callable[[str], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Symptoms:
    """The parts of a result that rules may look at."""

    outcome: Outcome
    stage: str = ""
    exception: str = ""
    message: str = ""
    """As raised; the reason where nothing raised."""
    traceback: str = ""
    scenario: str = ""
    format: Format
    remedy: str
    writer: str
    reader: str
    damaged: bool = False
    aspects: frozenset[Aspect] = frozenset()
    details: str = ""
    """One line `aspect: detail` for each aspect that differs."""


class CauseTable:
    """The rules, compiled once; answers are remembered by the parts that decide them."""

    def __init__(self, causes: Iterable[Cause]) -> None:
        self._rules = [
            _Compiled(cause=cause.id, rule=rule) for cause in causes for rule in cause.rules
        ]
        self._candidates: dict[tuple[Outcome, str], tuple[tuple[int, _Compiled], ...]] = {}
        self._texts: dict[tuple[str, str, str, str, str], frozenset[int]] = {}
        self._answers: dict[tuple[object, ...], tuple[str, ...]] = {}

    def find(self, symptoms: Symptoms) -> str:
        """Return the id of the cause; `unclassified` if no rule matches."""
        return (*self.matching(symptoms), UNCLASSIFIED)[0]

    def matching(self, symptoms: Symptoms) -> tuple[str, ...]:
        """Return the ids of all causes with a rule that matches, in file order."""
        texts = self._matching_texts(symptoms)
        key = (
            texts,
            symptoms.outcome,
            symptoms.stage,
            symptoms.scenario,
            symptoms.format,
            symptoms.remedy,
            symptoms.writer,
            symptoms.reader,
            symptoms.damaged,
            symptoms.aspects,
        )
        found = self._answers.get(key)
        if found is None:
            matching = (self._rules[place] for place in sorted(texts))
            found = tuple(dict.fromkeys(each.cause for each in matching if each.fits(symptoms)))
            self._answers[key] = found
        return found

    def _matching_texts(self, symptoms: Symptoms) -> frozenset[int]:
        """Return the places of the rules whose exception and texts match."""
        key = (
            symptoms.outcome,
            symptoms.exception,
            symptoms.message,
            symptoms.traceback,
            symptoms.details,
        )
        found = self._texts.get(key)
        if found is None:
            innermost = find_innermost(symptoms.message, symptoms.traceback)
            found = frozenset(
                place
                for place, each in self._of_exception(symptoms.outcome, symptoms.exception)
                if each.reads(symptoms, innermost)
            )
            self._texts[key] = found
        return found

    def _of_exception(self, outcome: Outcome, exception: str) -> Sequence[tuple[int, _Compiled]]:
        """Return the rules, with their places, that an outcome and an exception leave."""
        found = self._candidates.get((outcome, exception))
        if found is None:
            found = tuple(
                (place, each)
                for place, each in enumerate(self._rules)
                if outcome in each.rule.outcomes and _any(each.rule.exceptions, exception)
            )
            self._candidates[outcome, exception] = found
        return found


class _Compiled:
    """One rule, ready to be asked."""

    def __init__(self, *, cause: str, rule: CauseRule) -> None:
        self.cause = cause
        self.rule = rule
        self._message = _searcher(rule.message)
        self._traceback = _searcher(rule.traceback)
        self._detail = _searcher(rule.detail)

    def reads(self, symptoms: Symptoms, innermost: str) -> bool:
        """Whether all texts match."""
        return (
            bool(self._message(innermost))
            and bool(self._detail(symptoms.details))
            and bool(self._traceback(symptoms.traceback))
        )

    def fits(self, symptoms: Symptoms) -> bool:
        """Whether everything but the texts matches."""
        rule = self.rule
        return (
            _in(symptoms.stage, rule.stages)
            and _in(symptoms.format, rule.formats)
            and _any(rule.scenarios, symptoms.scenario)
            and rule.damaged in (None, symptoms.damaged)
            and rule.aspects <= symptoms.aspects
            and (not rule.only or symptoms.aspects <= rule.only)
            and _any(rule.remedies, symptoms.remedy)
            and (not rule.writers or matches_environment(symptoms.writer, rule.writers))
            and (not rule.readers or matches_environment(symptoms.reader, rule.readers))
        )


def explain(result: CellResult, table: CauseTable, *, damaged: bool = False) -> CellResult:
    """Return the result with its cause, where its outcome asks for one.

    `damaged` is whether the file was damaged on purpose.
    """
    if result.outcome in UNEXPLAINED:
        return result
    return replace(result, cause=table.find(read_symptoms(result, damaged=damaged)))


def read_symptoms(result: CellResult, *, damaged: bool = False) -> Symptoms:
    """Return the parts of a result that the rules look at.

    Of a cell of hops they are those of the last file that was loaded, and by whom.
    """
    seen, cell = result.observation, result.cell
    # A save's observation says nothing of aspects, a load's nothing of the save.
    aspects = seen.aspects if seen is not None else {}
    read = last_reading(
        Reading(cell.writer, cell.format, cell.reader),
        result.steps if result.hops else (),
        saved=result.outcome is not Outcome.SAVE_ERROR,
    )
    return Symptoms(
        outcome=result.outcome,
        stage=seen.stage if seen is not None else "",
        exception=seen.exception if seen is not None else "",
        message=(seen.message if seen is not None else "") or result.reason,
        traceback=_plain(str(seen.data.get("traceback") or "")) if seen is not None else "",
        scenario=cell.scenario,
        format=read.format,
        remedy=cell.remedy,
        writer=read.writer,
        reader=read.reader,
        damaged=damaged,
        aspects=frozenset(result.aspects),
        details=detail_lines(aspects, result.aspects),
    )


def detail_lines(compared: Mapping[str, Mapping[str, Any]], differing: Iterable[str]) -> str:
    """Return a line `aspect: detail` for each aspect that differs.

    `compared` has for each aspect what the probe said of it, `detail` among it.
    """
    return "\n".join(f"{name}: {compared.get(name, {}).get('detail', '')}" for name in differing)


def _plain(text: str) -> str:
    return ESCAPE.sub("", text) if "\x1b" in text else text


def find_innermost(message: str, traceback: str) -> str:
    """Return the message of the exception at the bottom of those that wrap each other."""
    # The traceback ends with the whole message, of which the probe kept the beginning.
    whole = traceback if len(message) >= CUT_MESSAGE else message
    _, *wrapped = WRAPPED.split(whole)
    return _plain((wrapped[-1] if wrapped else message)[:SEARCHED]).strip()


def innermost_message(observation: Observation | None) -> str:
    """Return the text of the innermost exception of an observation; empty if there is none."""
    if observation is None or not observation.exception:
        return ""
    return find_innermost(observation.message, str(observation.data.get("traceback") or ""))


def _searcher(pattern: str) -> _Search:
    return re.compile(pattern, re.DOTALL).search if pattern else _always


def _always(_text: str) -> object:
    return True


def _in(value: str, allowed: Sequence[str]) -> bool:
    return not allowed or value in allowed


def _any(globs: Sequence[str], name: str) -> bool:
    return not globs or matches_any(name, globs)
