"""Causes: every rule on real captures, no rule on the captures of another cause."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from runner.declare.causes import check_seen, load_causes
from runner.declare.environments import read_environments
from runner.domain import (
    UNCLASSIFIED,
    UNEXPLAINED,
    Aspect,
    Cause,
    CauseRule,
    Cell,
    CellResult,
    Format,
    Observation,
    Outcome,
)
from runner.domain.errors import ConfigurationError
from runner.judge.cause import CauseTable, Symptoms, explain, find_innermost

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "unit" / "data" / "causes"
FILE = ROOT / "scenarios" / "causes.toml"
CAUSES = load_causes(FILE)
TABLE = CauseTable(CAUSES)
BY_OUTCOME_ALONE = {"crashed", "too_slow", "too_big", "harness_error"}
"""Whatever the process said before it was lost, the outcome is the cause."""
NOT_SEEN_YET = {"weights_not_restored", "other_format_not_written"}
"""Have no capture: take a cause out of here as soon as a run shows it."""


def read_symptoms_of(capture: dict[str, Any]) -> Symptoms:
    _, format_, pair, remedy = capture["cell"].split("/")
    writer, reader = pair.split("->")
    return Symptoms(
        outcome=Outcome(capture["outcome"]),
        stage=capture["stage"],
        exception=capture["exception"],
        message=capture["message"],
        traceback=capture["traceback"],
        format=Format(format_),
        remedy=remedy,
        writer=writer,
        reader=reader,
        damaged=capture["damaged"],
        aspects=frozenset(map(Aspect, capture["aspects"])),
        details=capture["details"],
    )


def read_records() -> dict[str, dict[str, Any]]:
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.json"))
    }


RECORDS = read_records()
CAPTURES = [
    pytest.param(name, capture, id=f"{name}-{place}")
    for name, record in RECORDS.items()
    for place, capture in enumerate(record["captures"])
]
RULES = [
    pytest.param(cause, rule, id=f"{cause.id}-{place}")
    for cause in CAUSES
    for place, rule in enumerate(cause.rules)
    if cause.id not in BY_OUTCOME_ALONE | NOT_SEEN_YET
]


def alone(cause: Cause, rule: CauseRule) -> CauseTable:
    return CauseTable([structs.replace(cause, rules=(rule,))])


@pytest.mark.parametrize(("name", "capture"), CAPTURES)
def test_a_capture_has_its_cause_and_no_other(name: str, capture: dict[str, Any]) -> None:
    assert TABLE.matching(read_symptoms_of(capture)) == (name,)


@pytest.mark.parametrize(("cause", "rule"), RULES)
def test_every_rule_matches_a_capture_of_its_cause(cause: Cause, rule: CauseRule) -> None:
    table = alone(cause, rule)

    assert any(
        table.matching(read_symptoms_of(capture)) for capture in RECORDS[cause.id]["captures"]
    )


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_seen_is_backed_by_a_cell_of_each_environment(cause: Cause) -> None:
    backing = RECORDS[cause.id]["seen"]

    assert set(cause.seen) == set(backing)
    for environment, cell in backing.items():
        assert environment in cell.split("/")[2].split("->")


def test_seen_names_declared_environments() -> None:
    declared = read_environments(ROOT / "containers" / "environments.toml").environments
    check_seen(FILE, CAUSES, [each.id for each in declared])

    with pytest.raises(ConfigurationError, match="seen"):
        check_seen(FILE, CAUSES, ["tf2.15"])


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_what_was_not_seen_comes_from_a_public_report(cause: Cause) -> None:
    if cause.seen or cause.id in BY_OUTCOME_ALONE | NOT_SEEN_YET:
        return
    sources = [each.get("source", "") for each in RECORDS[cause.id]["captures"]]

    assert sources and all(source.startswith("https://") for source in sources)


def test_there_are_no_captures_of_a_cause_that_is_gone() -> None:
    assert set(RECORDS) == {cause.id for cause in CAUSES}


@pytest.mark.parametrize(("name", "capture"), CAPTURES)
def test_captures_are_free_of_the_machine(name: str, capture: dict[str, Any]) -> None:
    text = json.dumps(capture)

    assert not any(place in text for place in ("/root/", "/home/", "/work/", "/tmp/", "/usr/"))


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in UNEXPLAINED])
def test_a_failure_nobody_has_seen_stays_unclassified(
    outcome: Outcome, format_: Format, damaged: bool
) -> None:
    unknown = Symptoms(
        outcome=outcome,
        exception="ValueError",
        message="Dense: the frobnicator of layer 'dense' is not a frobnicator",
        traceback="ValueError: Dense: the frobnicator of layer 'dense' is not a frobnicator",
        format=format_,
        remedy="none",
        writer="keras3.15",
        reader="tf2.15",
        damaged=damaged,
        aspects=frozenset({Aspect.DTYPE}) if outcome is Outcome.DIVERGED else frozenset(),
        details="dtype: outputs float16 became float32",
    )
    lost = {
        Outcome.CRASHED: "crashed",
        Outcome.TIMED_OUT: "too_slow",
        Outcome.OUT_OF_MEMORY: "too_big",
        Outcome.HARNESS_ERROR: "harness_error",
    }

    assert TABLE.find(unknown) == lost.get(outcome, UNCLASSIFIED)


@pytest.mark.parametrize(("name", "capture"), CAPTURES)
def test_a_rule_needs_what_was_raised(name: str, capture: dict[str, Any]) -> None:
    """With another message of another type, a capture of an exception matches nothing."""
    if not capture["exception"] or name in BY_OUTCOME_ALONE:
        return
    other = {**capture, "exception": "IndexError", "message": "no", "traceback": "IndexError: no"}

    assert TABLE.find(read_symptoms_of(other)) == UNCLASSIFIED


def make_result(outcome: Outcome, **data: Any) -> CellResult:
    return CellResult(
        cell=Cell(scenario="plain_dense", format=Format.H5, writer="a", reader="b", remedy="none"),
        outcome=outcome,
        aspects=(Aspect.LOSSES,) if outcome is Outcome.DIVERGED else (),
        observation=Observation(data={"status": "done", **data}),
    )


@pytest.mark.parametrize("outcome", sorted(UNEXPLAINED))
def test_what_is_well_or_never_ran_has_no_cause(outcome: Outcome) -> None:
    assert explain(make_result(outcome), TABLE).cause == ""


def test_explaining_changes_nothing_but_the_cause() -> None:
    lost = {"losses": {"status": "differs", "detail": "1 regularization losses became 0; ..."}}
    before = make_result(Outcome.DIVERGED, aspects=lost)
    after = explain(before, TABLE)

    assert after.cause == "regularizer_lost"
    assert replace(after, cause="") == before


def test_a_configuration_quoted_on_the_way_does_not_count() -> None:
    message = (
        "<class 'Sequential'> could not be deserialized properly. config={'name': 'Unknown layer'}"
        ".\n\nException encountered: Error when deserializing class 'Dense' using config={}."
        "\n\nException encountered: what really happened"
    )

    assert find_innermost(message, "") == "what really happened"


def test_colours_of_a_terminal_do_not_hide_a_cause() -> None:
    message = "When calling Conv2DTranspose.call().\n\n\x1b[1mtuple index out of range\x1b[0m"

    assert find_innermost(message, "").endswith("call().\n\ntuple index out of range")


def test_a_message_the_probe_cut_is_read_from_the_traceback() -> None:
    whole = "wrapped " + "x" * 5000 + "\n\nException encountered: at the bottom"

    assert find_innermost(whole[:4000], "Traceback:\nTypeError: " + whole) == "at the bottom"


def test_the_first_cause_in_file_order_wins() -> None:
    rule = CauseRule(outcomes=frozenset({Outcome.LOAD_ERROR}))
    both = [
        Cause(id=name, title="t", explanation="e", links=(), rules=(rule,), seen=())
        for name in ("second", "first")
    ]

    assert explain(make_result(Outcome.LOAD_ERROR), CauseTable(both)).cause == "second"


CAUSE = """
[[cause]]
id = "one"
title = "t"
explanation = "e"
seen = []
[[cause.rule]]
outcomes = ["load_error"]
"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CAUSE.replace('"one"', '"unclassified"'), "unclassified"),
        (CAUSE + CAUSE, "declared twice"),
        (CAUSE.partition("[[cause.rule]]")[0], "`rule` is missing"),
        (CAUSE + "message = '('\n", "no regular expression"),
        (CAUSE + 'stages = ["boot"]\n', "boot"),
        (CAUSE + 'colour = "red"\n', "unknown key `colour`"),
        (CAUSE.replace("load_error", "equivalent"), "has no cause"),
        (CAUSE.replace("seen", 'links = ["javascript:x"]\nseen'), "https://"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "causes.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=complaint):
        load_causes(path)
