"""Error texts: captures find their causes, whatever the user's names are; others are unknown."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.analyse.error_text import read_text
from runner.analyse.explain import Evidence, Given, explain_text, find_alike, match_rules
from runner.analyse.sentences import normalise
from runner.declare.causes import load_causes
from runner.judge.cause import CUT_MESSAGE
from runner.publish.texts import read_texts

ROOT = Path(__file__).resolve().parents[3]
CAUSES = load_causes(ROOT / "scenarios" / "causes.toml")
FOLDER = ROOT / "tests" / "unit" / "data" / "causes"
SAID = ("load_error", "save_error", "unusable", "unsupported")
SHARE = 0.95
MOST_S = 2.0
"""Seconds of computing for one text, the reading of the run apart."""


@pytest.fixture(scope="module")
def texts():
    return read_texts(ROOT / "reports" / "published")


def captures() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path.stem, capture)
        for path in sorted(FOLDER.glob("*.json"))
        for capture in json.loads(path.read_text(encoding="utf-8"))["captures"]
        if capture["exception"] and capture["outcome"] in SAID
    ]


CAPTURES = captures()


def rename(text: str, names: set[str]) -> str:
    """Give the user's own classes and functions other names."""
    pattern = r"\b(" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + r")\b"
    return re.sub(pattern, lambda match: f"{match[1]}Renamed", text)


def user_names(texts) -> set[str]:
    found = re.findall(
        r"^\s*(?:class|def) (\w+)", "\n".join(texts.run.sources.values()), re.MULTILINE
    )
    return {each for each in found if not each.startswith("__") and len(each) > 8} - {
        "build_model",
        "compile_model",
        "finish_model",
        "custom_objects",
        "get_config",
        "from_config",
        "output_shape",
        "compute_output_shape",
        "build_from_config",
    }


def last_line(capture: dict[str, Any]) -> str:
    """The last line; empty where it is the arguments of Keras' call or a hint of Theano's."""
    line = capture["traceback"].strip().rpartition("\n")[2]
    return "" if line.lstrip().startswith(("•", "HINT: ")) else line


def whole_message(capture: dict[str, Any]) -> str:
    return capture["message"] if len(capture["message"]) < CUT_MESSAGE else ""


def letters(text: str) -> int:
    return sum(each.isalpha() for each in normalise(text))


FORMS = {
    "message": whole_message,
    "last line": last_line,
    "traceback": lambda capture: capture["traceback"],
}


def causes_of(text: str, texts, evidence_of, given: Given) -> list[str]:
    """Return the causes as `explain_text` orders them, without describing each."""
    from runner.analyse.explain import _order

    for reading in read_text(text):
        evidence = evidence_of(given)
        counts = evidence.count(find_alike(reading, evidence))
        named = _order(match_rules(reading, CAUSES, evidence), counts)
        if named:
            return named
    return []


class Shared:
    """Evidence of one run whose messages are coded once, whatever is given."""

    def __init__(self, texts) -> None:
        self._first = Evidence(texts=texts)
        self._known = (self._first.kinds, self._first._coded)
        self._all: dict[Given, Evidence] = {}

    def __call__(self, given: Given) -> Evidence:
        if given not in self._all:
            evidence = Evidence(texts=self._first.texts, given=given)
            evidence.__dict__["kinds"], evidence.__dict__["_coded"] = self._known
            self._all[given] = evidence
        return self._all[given]


@pytest.fixture(scope="module")
def evidence_of(texts):
    return Shared(texts)


@pytest.mark.parametrize("form", FORMS)
def test_captures_find_their_cause(texts, evidence_of, form):
    """What the text cannot say is given: the versions, the format, the way of loading."""
    names = user_names(texts)
    remedies = {each.id for each in texts.run.remedies}
    scenarios = {each.id for each in texts.run.scenarios}
    tried, wrong, unlisted = 0, [], []
    for cause, capture in CAPTURES:
        text = FORMS[form](capture)
        if letters(text) < 25:
            continue
        scenario, format_, pair, remedy = capture["cell"].split("/")
        writer, _, reader = pair.partition("->")
        # Of the run that is asked, not of a later one.
        known = scenario in scenarios and remedy in remedies
        if not known or not {writer, reader} <= set(texts.run.environment_ids):
            continue
        given = Given(writers=(writer,), readers=(reader,), formats=(format_,), remedies=(remedy,))
        for each in (text, rename(text, names)):
            tried += 1
            found = causes_of(each, texts, evidence_of, given)
            if found[:1] != [cause]:
                wrong.append((cause, capture["cell"], found[:3], each[-150:]))
            if cause not in causes_of(each, texts, evidence_of, Given()):
                unlisted.append((cause, capture["cell"], found[:3], each[-150:]))

    assert tried > 300
    assert len(wrong) <= (1 - SHARE) * tried, wrong
    assert len(unlisted) <= (1 - SHARE) * tried, unlisted


REPORTED = {
    "ValueError: Unknown layer: Functional": {"built_in_class_unknown"},
    "Unknown layer: KerasLayer": {"unregistered_object"},
    "File format not supported: filepath=model. Keras 3 only supports V3 `.keras` files and "
    "legacy H5 format files (`.h5` extension)": {"format_unknown_to_reader"},
    "Could not interpret regularizer identifier: my_own": {"unregistered_object"},
    "'charmap' codec can't decode byte 0x8d in position 12": {"vocabulary_encoding"},
}
"""Texts of public threads -> causes of which one must be first."""
NOT_NAMED = (
    "Dimension 0 in both shapes must be equal, but are 400 and 800",
    "CuDNNGRU is not compatible with `GRU(reset_after=False)`",
    "can't pickle _thread.RLock objects",
    "epsilon must be at least 1e-5, got 9.99999974738e-06",
    "The two structures don't have the same nested structure",
    "weights file of 6 KB: 0 layers",
    "'LossScaleOptimizerV3' object has no attribute '_variables'",
    "the disc is full, my dear friend",
)
"""Texts of public threads, and one of no thread, whose cause no cell of the run has."""


def test_reported_texts_are_named_or_unknown(texts, evidence_of):
    wrong = [
        (text, found)
        for text, wanted in REPORTED.items()
        if (found := causes_of(text, texts, evidence_of, Given()))[:1] == []
        or found[0] not in wanted
    ]
    guessed = [
        (text, found)
        for text in NOT_NAMED
        if (found := causes_of(text, texts, evidence_of, Given()))
    ]

    assert wrong == []
    assert guessed == []


def test_an_unknown_text_has_the_nearest_known_ones_with_their_distance(texts):
    text = "Unknown sort of layer: 'Scale'. Please ensure this object is passed to the argument"
    told = explain_text(read_text(text), CAUSES, texts)

    assert not told.known
    assert told.causes == ()
    assert told.nearest
    distances = [each.distance for each in told.nearest]
    assert distances == sorted(distances)
    assert all(0 < each <= 0.5 for each in distances)
    assert all(each.causes and each.example.count("/") == 3 for each in told.nearest)


def test_a_known_text_is_told_in_full(texts):
    text = "Unrecognized keyword arguments passed to LSTM: {'time_major': False}"
    told = explain_text(read_text(text), CAUSES, texts)
    first = told.causes[0]

    assert told.known
    assert first.id == "argument_of_keras2"
    assert first.match is not None
    assert "Unrecognized keyword" in first.match.conditions["message"]
    assert "outcomes" in first.match.unknown
    assert first.says
    assert "Keras 3" in first.readers
    assert first.example.count("/") == 3
    rates = [each.helped / each.tried for each in first.helped]
    assert rates == sorted(rates, reverse=True)
    assert not {each.remedy for each in first.helped} & set(first.untried)


def test_counts_of_a_cause_are_those_of_the_table(texts):
    evidence = Evidence(texts=texts)
    cause, outcome = texts.columns["cause"], texts.columns["outcome"]
    remedy = texts.columns["remedy"]
    name = "format_unknown_to_reader"
    rows = evidence.having(name)
    pairs = [texts.columns[part] for part in ("scenario", "format", "writer", "reader")]

    def key(row: int) -> tuple[int, ...]:
        return tuple(int(each.codes[row]) for each in pairs)

    bare = {key(row) for row in rows.tolist() if remedy.values[remedy.codes[row]] == "none"}
    tried: dict[str, list[str]] = {}
    for row in np.flatnonzero(remedy.codes != remedy.values.index("none")).tolist():
        if key(row) in bare:
            tried.setdefault(remedy.values[remedy.codes[row]], []).append(
                outcome.values[outcome.codes[row]]
            )
    measured = {"equivalent", "diverged", "unusable", "load_error", "crashed", "timed_out"}

    assert len(rows) == sum(cause.values[code] == name for code in cause.codes.tolist())
    assert {each.remedy: each.helped for each in evidence.helped(rows)} == {
        each: found.count("equivalent") for each, found in tried.items() if measured & set(found)
    }


HOSTILE = (
    "Exception encountered: " * 200_000,
    "'" * 3_000_001,
    "<" * 500_000 + "`" * 500_000,
    "\x1b[" * 500_000,
    "\x00\x01\x02\x7f\ud800" * 100_000,
    "Traceback (most recent call last)\n" * 60_000,
    "ValueError: " * 300_000,
    "a.b" * 500_000 + "Error: x",
    "Error\n" * 300_000,
    "Unknown layer: " + "A" * 2_000_000,
    "Unrecognized keyword arguments passed to " + "LSTM: {'" * 100_000,
    "(" * 1_000_000,
    "/a/b" * 500_000,
)


def test_hostile_texts_end_soon(evidence_of):
    evidence = evidence_of(Given())
    slow = []
    for text in HOSTILE:
        started = time.process_time()
        for reading in read_text(text):
            find_alike(reading, evidence)
            match_rules(reading, CAUSES, evidence)
        took = time.process_time() - started
        if took > MOST_S:
            slow.append((text[:40], took))

    assert slow == []
