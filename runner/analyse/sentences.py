"""Each sentence of a cause, held against every cell that the cause decides. Pure.

Input: the causes as declared and a published table. Output: a `Finding` for each sentence:
of how many cells it holds, and the first that contradict it. A sentence that says something
of cells and does not hold is a fault of the text, and fails the run that would publish it.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.domain import BARE, ID_COLUMNS, MEASURED, Aspect, Cause, Outcome
from runner.domain.causes import HELPED, Direction, Owner, Quantifier, Sentence
from runner.domain.selector import matches_any, matches_environment
from runner.judge.cause import detail_lines, find_innermost
from runner.publish.record import RunRecord, SaidRecord

Mask = npt.NDArray[np.bool_]
Condition = Callable[[pd.DataFrame], Mask]

SHOWN = 5
"""Contradicting cells that are named."""
MOST = 0.5
"""More than this share is `most`."""
PAIR = [name for name in ID_COLUMNS if name != "remedy"]
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|<[^<>]*>")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+(\.\d+)?(e[+-]?\d+)?")
_PATH = re.compile(r"(/[\w.~-]+){2,}/?")
_LONG = 160
"""Characters of a normalised message that name its family."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One sentence held against the cells."""

    cause: str
    place: int
    """Of the sentence in its cause, from 0."""
    text: str
    holds: int
    of: int
    """Cells, or pairs where a remedy was tried; 0 if nothing was measured that decides it."""
    contradicted: bool
    examples: tuple[str, ...]
    """Cells in which it does not hold, or for `none` those in which it does."""
    remedy: str = ""
    """The remedy it speaks of, if it speaks of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Symptom:
    """The table that sentences are held against: a row a cell that has a cause."""

    cells: pd.DataFrame
    """ID_COLUMNS, outcome, cause, stage, exception, message (the innermost), traceback, details."""
    tried: Mapping[str, pd.DataFrame]
    """Cause of a bare load -> ID_COLUMNS and outcome of every remedy that was measured in its
    place, and in `bare` the label of the bare load's row in `cells`."""
    order: Mapping[str, int]
    """Environment -> rank of its release, equal for those of one day."""
    names: Mapping[str, frozenset[str]]
    """Scenario -> names of the classes and functions its module defines: the user's own."""
    pythons: Mapping[str, str]
    """Environment -> minor version of its Python."""
    damaged: frozenset[str]
    """Scenarios whose file is damaged on purpose."""
    hops: frozenset[str]
    """Remedies whose cells load a file between, not the one that the writer wrote."""


def read_symptoms(
    cells: pd.DataFrame,
    observations: pd.DataFrame,
    *,
    order: Mapping[str, int],
    names: Mapping[str, frozenset[str]],
    pythons: Mapping[str, str],
    damaged: Iterable[str],
    hops: Iterable[str],
) -> Symptom:
    """Return the table of the cells that have a cause, with the texts that rules look at."""
    ids = list(ID_COLUMNS)
    chosen = _text(cells[[*ids, "outcome", "cause"]])
    caused = chosen[chosen["cause"] != ""]
    seen = observations[[*ids, "stage", "exception", "message", "traceback", "aspects", "reason"]]
    texts = caused.merge(_text(seen), on=ids, how="left").fillna("")
    whole = texts["message"].where(texts["message"] != "", texts["reason"])
    texts["message"] = _each_pair(find_innermost, whole, texts["traceback"])
    texts["details"] = _each(_read_details, texts.pop("aspects"))
    return Symptom(
        cells=texts,
        tried=_tried(chosen, texts),
        order=order,
        names=names,
        pythons=pythons,
        damaged=frozenset(damaged),
        hops=frozenset(hops),
    )


def _tried(chosen: pd.DataFrame, caused: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the measured remedies of the bare loads that have a cause, by that cause."""
    measured = chosen["outcome"].isin([str(each) for each in MEASURED])
    remedied = chosen.loc[measured & (chosen["remedy"] != BARE), [*ID_COLUMNS, "outcome"]]
    bare = caused.loc[caused["remedy"] == BARE, [*PAIR, "cause"]].reset_index(names="bare")
    found = remedied.merge(bare, on=PAIR)
    return {str(cause): rows for cause, rows in found.groupby("cause", sort=False)}


def symptoms_of(run: RunRecord, cells: pd.DataFrame, observations: pd.DataFrame) -> Symptom:
    """Return the table of a run's cells that have a cause."""
    return read_symptoms(
        cells,
        observations,
        order={each.id: each.first_released.toordinal() for each in run.environments},
        names=user_names(run),
        pythons={each.id: each.python for each in run.environments},
        damaged=[each.id for each in run.scenarios if each.damage],
        hops=run.hop_remedies,
    )


def user_names(run: RunRecord) -> dict[str, frozenset[str]]:
    """Return for each scenario the names of the classes and functions that are the user's own.

    Those its module defines, or has from another scenario's module.
    """
    by_module = {name: _defined(source) for name, source in run.sources.items()}
    return {each.id: by_module.get(each.module, frozenset()) for each in run.scenarios}


def _defined(source: str) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and _is_scenario(node.module or ""):
            names.update(alias.name for alias in node.names)
    return frozenset(names)


def _is_scenario(module: str) -> bool:
    return module.startswith("scenarios.") and module != "scenarios.framework"


def describe_causes(
    causes: Iterable[Cause], findings: Iterable[Finding]
) -> dict[str, tuple[SaidRecord, ...]]:
    """Return the sentences of each cause with their counts in this run."""
    found: dict[tuple[str, int], list[Finding]] = {}
    for each in findings:
        found.setdefault((each.cause, each.place), []).append(each)
    return {
        cause.id: tuple(
            _describe(sentence, found.get((cause.id, place), []))
            for place, sentence in enumerate(cause.says)
        )
        for cause in causes
    }


def _describe(sentence: Sentence, findings: Sequence[Finding]) -> SaidRecord:
    if sentence.link is not None:
        return SaidRecord(text=sentence.text, basis="source", link=sentence.link)
    if sentence.untested:
        return SaidRecord(text=sentence.text, basis="untested")
    holds, of = sum(each.holds for each in findings), sum(each.of for each in findings)
    if not sentence.remedies:
        return SaidRecord(text=sentence.text, basis="cells", holds=holds, of=of)
    happened = "ended the process in" if sentence.crashes else "gave the same model in"
    told = f"{happened} {holds:,} of {of:,} pairs tried" if of else "not tried in this run"
    text = sentence.text.replace(HELPED, told)
    return SaidRecord(text=text, basis="remedy", holds=holds, of=of)


def check_causes(causes: Iterable[Cause], symptoms: Symptom) -> list[Finding]:
    """Hold each sentence against the cells; sentences that rest on a source are not listed.

    They speak of the writer's file, in its format: a cell that fails at a file between is none of
    theirs.
    """
    of_writers = symptoms.cells[~symptoms.cells["remedy"].isin(list(symptoms.hops))]
    by_cause = dict(list(of_writers.groupby("cause", sort=False)))
    found: list[Finding] = []
    for cause in causes:
        cells = by_cause.get(cause.id)
        if cells is None:
            continue
        for place, sentence in enumerate(cause.says):
            if sentence.remedies:
                found += _check_remedies(cause, place, sentence, cells, symptoms)
            elif sentence.is_checked:
                found.append(_check_cells(cause, place, sentence, cells, symptoms))
    return found


def count_families(symptoms: Symptom) -> dict[str, Counter[str]]:
    """Return for each cause how many cells have which message, names and numbers left out."""
    cells = symptoms.cells
    raised = cells["exception"] != ""
    said = _each(normalise, cells["message"].where(raised, cells["details"]))
    family = cells["exception"].where(raised, cells["outcome"]) + ": " + said
    families: dict[str, Counter[str]] = {}
    for cause, found in family.groupby(cells["cause"], sort=False):
        families[str(cause)] = Counter(found.tolist())
    return families


@lru_cache(maxsize=2**17)
def normalise(message: str) -> str:
    """Return a message without names, numbers and paths, so that texts of one kind are equal."""
    first = _QUOTED.sub("'…'", message)
    first = _NUMBER.sub("N", _PATH.sub("PATH", first))
    return " ".join(first.split())[:_LONG]


def _check_cells(
    cause: Cause, place: int, sentence: Sentence, cells: pd.DataFrame, symptoms: Symptom
) -> Finding:
    if sentence.bare:
        cells = cells[cells["remedy"] == BARE]
    holds = np.ones(len(cells), dtype=np.bool_)
    for condition in _conditions(sentence, symptoms):
        holds &= condition(cells)
    return _finding(cause, place, sentence, cells, holds)


def _check_remedies(
    cause: Cause, place: int, sentence: Sentence, cells: pd.DataFrame, symptoms: Symptom
) -> list[Finding]:
    """Hold a sentence on remedies against the pairs in which they were measured."""
    pairs = symptoms.tried.get(cause.id)
    if pairs is None:
        pairs = cells.head(0)
    conditions = list(_conditions(sentence, symptoms))
    if conditions and "bare" in pairs:
        bare = cells.loc[cells["remedy"] == BARE]
        mask = np.logical_and.reduce([condition(bare) for condition in conditions])
        pairs = pairs[pairs["bare"].isin(bare.index[mask])]
    found = []
    for remedy in sentence.remedies:
        tried = pairs[pairs["remedy"] == remedy]
        holds = np.asarray(tried["outcome"] == str(Outcome.EQUIVALENT))
        if sentence.crashes:
            holds = np.asarray(tried["outcome"] == str(Outcome.CRASHED))
        found.append(_finding(cause, place, sentence, tried, holds, remedy=remedy))
    return found


def _finding(
    cause: Cause,
    place: int,
    sentence: Sentence,
    cells: pd.DataFrame,
    holds: Mask,
    *,
    remedy: str = "",
) -> Finding:
    number, of = int(holds.sum()), len(cells)
    wrong = holds if sentence.share is Quantifier.NONE else ~holds
    contradicted = of > 0 and not agrees(sentence.share, number, of)
    shown = cells[wrong].head(SHOWN) if contradicted else cells.head(0)
    return Finding(
        cause=cause.id,
        place=place,
        text=sentence.text,
        holds=number,
        of=of,
        contradicted=contradicted,
        examples=tuple(_cell_id(row) for row in shown[list(ID_COLUMNS)].itertuples(index=False)),
        remedy=remedy,
    )


def agrees(share: Quantifier, holds: int, of: int) -> bool:
    """Whether so many of so many satisfy the quantifier."""
    if share is Quantifier.ALL:
        return holds == of
    if share is Quantifier.MOST:
        return holds > MOST * of
    if share is Quantifier.SOME:
        return holds > 0
    return holds == 0


def _conditions(sentence: Sentence, symptoms: Symptom) -> Iterator[Condition]:
    """Yield a function of a cell for each condition that the sentence names."""
    for column, globs in _globs(sentence):
        yield partial(_globbed, column=column, globs=globs)
    for column in ("message", "traceback", "details"):
        if getattr(sentence, column):
            yield partial(_searched, column=column, pattern=getattr(sentence, column))
    if sentence.direction is not None:
        yield partial(_directed, direction=sentence.direction, order=symptoms.order)
    if sentence.owner is not None:
        yield partial(_owned, sentence=sentence, names=symptoms.names)
    if sentence.damaged is not None:
        yield partial(_damaged, wanted=sentence.damaged, damaged=symptoms.damaged)
    if sentence.other_python:
        yield partial(_of_other_python, pythons=symptoms.pythons)
    if sentence.aspects:
        yield partial(_differing, aspects=frozenset(map(str, sentence.aspects)))


def _globs(sentence: Sentence) -> Iterator[tuple[str, Sequence[str]]]:
    for column in ("writer", "reader", "format", "scenario", "outcome", "stage", "exception"):
        globs: Sequence[str] = getattr(sentence, f"{column}s")
        if globs:
            yield column, globs


def _globbed(cells: pd.DataFrame, *, column: str, globs: Sequence[str]) -> Mask:
    matches = matches_environment if column in {"writer", "reader"} else matches_any
    return _bools(_each(lambda name: matches(name, globs), cells[column]))


def _searched(cells: pd.DataFrame, *, column: str, pattern: str) -> Mask:
    search = re.compile(pattern, re.DOTALL).search
    return _bools(_each(lambda text: search(text) is not None, cells[column]))


def _damaged(cells: pd.DataFrame, *, wanted: bool, damaged: frozenset[str]) -> Mask:
    return np.asarray(cells["scenario"].isin(damaged) == wanted)


def _of_other_python(cells: pd.DataFrame, *, pythons: Mapping[str, str]) -> Mask:
    return np.asarray(cells["writer"].map(pythons) != cells["reader"].map(pythons))


def _differing(cells: pd.DataFrame, *, aspects: frozenset[str]) -> Mask:
    return _bools(_each(lambda details: aspects <= _aspects(details), cells["details"]))


def _directed(cells: pd.DataFrame, *, direction: Direction, order: Mapping[str, int]) -> Mask:
    writer, reader = (np.asarray(cells[name].map(order)) for name in ("writer", "reader"))
    if direction is Direction.WRITER_NEWER:
        return np.asarray(writer > reader)
    if direction is Direction.READER_NEWER:
        return np.asarray(reader > writer)
    return np.asarray(cells["writer"] == cells["reader"])


def _owned(cells: pd.DataFrame, *, sentence: Sentence, names: Mapping[str, frozenset[str]]) -> Mask:
    """Whether the class that the message names is the user's own, or Keras'."""
    search = re.compile(sentence.name, re.DOTALL).search

    def is_user(scenario: str, message: str) -> bool:
        match = search(message)
        return match is not None and match[1].rpartition(">")[2] in names.get(scenario, frozenset())

    def is_named(_scenario: str, message: str) -> bool:
        return search(message) is not None

    user = _bools(_each_pair(is_user, cells["scenario"], cells["message"]))
    named = _bools(_each_pair(is_named, cells["scenario"], cells["message"]))
    return named & (user if sentence.owner is Owner.USER else ~user)


def _aspects(details: str) -> set[str]:
    return {line.partition(":")[0] for line in details.splitlines()}


def _read_details(text: str) -> str:
    """Return a line `aspect: detail` for each aspect that does not agree."""
    compared = json.loads(text) if text else {}
    differing = [
        name
        for name in map(str, Aspect)
        if name in compared and compared[name].get("status") != "agrees"
    ]
    return detail_lines(compared, differing)


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).fillna("").astype(str)


def _each(function: Callable[[str], object], column: pd.Series[Any]) -> pd.Series[Any]:
    """Map a column, each distinct value once."""
    codes, values = pd.factorize(column)
    answers = np.array([function(value) for value in values], dtype=object)
    return pd.Series(answers[codes] if len(values) else [], index=column.index, dtype=object)


def _each_pair(
    function: Callable[[str, str], object], first: pd.Series[Any], second: pd.Series[Any]
) -> pd.Series[Any]:
    """Map two columns, each distinct pair once."""
    known: dict[tuple[str, str], object] = {}
    pairs = list(zip(first, second, strict=True))
    for pair in pairs:
        if pair not in known:
            known[pair] = function(*pair)
    return pd.Series([known[pair] for pair in pairs], index=first.index, dtype=object)


def _bools(column: pd.Series[Any]) -> Mask:
    return np.asarray(column, dtype=np.bool_)


def _cell_id(row: tuple[str, ...]) -> str:
    scenario, format_, writer, reader, remedy = row
    return f"{scenario}/{format_}/{writer}->{reader}/{remedy}"
