"""Causes: every rule on real captures, and each capture has its cause."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
from runner.domain.causes import Sentence
from runner.domain.errors import ConfigurationError
from runner.judge.cause import CauseTable, Symptoms, explain, find_innermost
from runner.judge.cause import read_symptoms as judge_symptoms

ROOT = Path(__file__).resolve().parents[3]
SAID = Sentence(text="It is so.", message="so")
FOLDER = ROOT / "tests" / "unit" / "data" / "causes"
FILE = ROOT / "scenarios" / "causes.toml"
CAUSES = load_causes(FILE)
TABLE = CauseTable(CAUSES)
BY_OUTCOME_ALONE = {"crashed", "foreign_bytecode_crash", "too_slow", "too_big", "harness_error"}
"""Whatever the process said before it was lost, the outcome is the cause."""
NOT_SEEN_YET = {"other_format_not_written"}
"""Have no capture."""


def read_symptoms_of(capture: dict[str, Any]) -> Symptoms:
    scenario, format_, pair, remedy = capture["cell"].split("/")
    writer, reader = pair.split("->")
    return Symptoms(
        outcome=Outcome(capture["outcome"]),
        stage=capture["stage"],
        exception=capture["exception"],
        message=capture["message"],
        traceback=capture["traceback"],
        scenario=scenario,
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
    (f"{name} {place}", name, capture)
    for name, record in RECORDS.items()
    for place, capture in enumerate(record["captures"])
]
"""Of each capture: how a failure names it, its cause, itself."""


def alone(cause: Cause, rule: CauseRule) -> CauseTable:
    return CauseTable([structs.replace(cause, rules=(rule,))])


def test_a_capture_has_its_cause() -> None:
    found = {label: TABLE.find(read_symptoms_of(capture)) for label, _, capture in CAPTURES}

    assert len(found) > 200
    assert found == {label: name for label, name, _ in CAPTURES}


def test_every_rule_matches_a_capture_of_its_cause() -> None:
    unmatched = [
        f"{cause.id}: rule {place}"
        for cause in CAUSES
        for place, rule in enumerate(cause.rules, start=1)
        if not any(
            alone(cause, rule).matching(read_symptoms_of(capture))
            for capture in RECORDS[cause.id]["captures"]
        )
    ]

    # A crash or a time-out leaves no words to match.
    without = {label.partition(":")[0] for label in unmatched}
    assert without <= BY_OUTCOME_ALONE | NOT_SEEN_YET, unmatched


def find_unbacked(causes: Iterable[Cause], records: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return what is wrong with where causes are said to have been seen."""
    wrong = []
    for cause in causes:
        backing, captures = records[cause.id]["seen"], records[cause.id]["captures"]
        if set(cause.seen) != set(backing):
            wrong.append(f"{cause.id}: `seen` is not that of its captures")
        wrong += [
            f"{cause.id}: {cell} is no cell of {environment}"
            for environment, cell in backing.items()
            if environment not in cell.split("/")[2].split("->")
        ]
        reported = [each.get("source", "").startswith("https://") for each in captures]
        if not cause.seen and not (reported and all(reported)):
            wrong.append(f"{cause.id}: neither seen nor from a public report")
    return wrong


def test_what_was_seen_has_a_cell_of_each_environment_and_the_rest_a_public_report() -> None:
    looked_for = [cause for cause in CAUSES if cause.id not in BY_OUTCOME_ALONE | NOT_SEEN_YET]

    assert find_unbacked(looked_for, RECORDS) == []


@pytest.mark.parametrize(
    ("seen", "record", "complaint"),
    [
        (("tf2.7",), {"seen": {}, "captures": []}, "not that of its captures"),
        (("tf2.7",), {"seen": {"tf2.7": "s/h5/a->b/none"}, "captures": []}, "no cell of tf2.7"),
        ((), {"seen": {}, "captures": []}, "neither seen nor"),
        ((), {"seen": {}, "captures": [{}]}, "neither seen nor"),
    ],
)
def test_a_cause_without_backing_is_found(
    seen: tuple[str, ...], record: dict[str, Any], complaint: str
) -> None:
    cause = structs.replace(CAUSES[0], seen=seen)

    (found,) = find_unbacked([cause], {cause.id: record})
    assert complaint in found


def test_a_cause_that_was_seen_is_not_among_those_that_were_not() -> None:
    assert [cause.id for cause in CAUSES if cause.seen and cause.id in NOT_SEEN_YET] == []
    assert {cause.id for cause in CAUSES} >= NOT_SEEN_YET | BY_OUTCOME_ALONE


def test_seen_names_declared_environments() -> None:
    declared = read_environments(ROOT / "containers" / "environments.toml").environments
    check_seen(FILE, CAUSES, [each.id for each in declared])

    with pytest.raises(ConfigurationError, match="seen"):
        check_seen(FILE, CAUSES, ["tf2.15"])


def test_there_are_no_captures_of_a_cause_that_is_gone() -> None:
    assert set(RECORDS) == {cause.id for cause in CAUSES}


def test_captures_are_free_of_the_machine() -> None:
    places = ("/root/", "/home/", "/work/", "/tmp/", "/usr/")

    assert [
        label
        for label, _, capture in CAPTURES
        if any(place in json.dumps(capture) for place in places)
    ] == []


def test_a_failure_nobody_has_seen_stays_unclassified() -> None:
    lost = {
        Outcome.CRASHED: "crashed",
        Outcome.TIMED_OUT: "too_slow",
        Outcome.OUT_OF_MEMORY: "too_big",
        Outcome.HARNESS_ERROR: "harness_error",
    }
    unknown = [
        Symptoms(
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
        for outcome in Outcome
        if outcome not in UNEXPLAINED
        for format_ in Format
        for damaged in (False, True)
    ]

    explained = {TABLE.find(each): each for each in unknown if each.outcome not in lost}
    assert set(explained) == {UNCLASSIFIED}, explained
    assert {each.outcome: TABLE.find(each) for each in unknown if each.outcome in lost} == lost


def test_a_rule_needs_what_was_raised() -> None:
    """With another message of another type, a capture of an exception matches nothing."""
    raised = [
        (label, {**capture, "exception": "IndexError", "message": "no", "traceback": "no"})
        for label, name, capture in CAPTURES
        if capture["exception"] and name not in BY_OUTCOME_ALONE
    ]

    assert len(raised) > 200
    found = {label: TABLE.find(read_symptoms_of(other)) for label, other in raised}
    assert {label: name for label, name in found.items() if name != UNCLASSIFIED} == {}


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


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        # Of a decision forest, as TensorFlow 2.15 said it; and of an operation that is its own.
        ("SimpleMLLoadModelFromPathWithHandle", UNCLASSIFIED),
        ("Addons>Resampler", UNCLASSIFIED),
        ("DisableCopyOnRead", "newer_operation"),
    ],
)
def test_an_operation_of_another_library_is_none_of_a_newer_tensorflow(name, cause) -> None:
    message = (
        f"Op type not registered '{name}' in binary running on vm. Make sure the Op and Kernel are "
        "registered in the binary running in this process."
    )
    seen = Observation(
        data={"status": "raised", "stage": "load", "exception": "RuntimeError", "message": message}
    )
    cell = Cell(
        scenario="plain_dense", format=Format.SAVED_MODEL, writer="a", reader="b", remedy="none"
    )
    result = CellResult(cell=cell, outcome=Outcome.LOAD_ERROR, observation=seen)
    assert explain(result, TABLE).cause == cause


@pytest.mark.parametrize(
    ("outcome", "steps", "read"),
    [
        (Outcome.LOAD_ERROR, ("tf2.15/none/keras",), ("tf2.15", Format.KERAS, "b")),
        (Outcome.SAVE_ERROR, ("tf2.15/none/keras",), ("a", Format.H5, "tf2.15")),
        (
            Outcome.SAVE_ERROR,
            ("tf2.15/none/keras", "keras3.8/none/h5"),
            ("tf2.15", Format.KERAS, "keras3.8"),
        ),
        (
            Outcome.UNUSABLE,
            ("tf2.15/none/keras", "keras3.8/compat_shims/h5"),
            ("keras3.8", Format.H5, "b"),
        ),
    ],
)
def test_a_cell_of_hops_is_judged_by_the_last_file_that_was_loaded(outcome, steps, read) -> None:
    result = replace(make_result(outcome), steps=steps, hops=True)
    symptoms = judge_symptoms(result)
    assert (symptoms.writer, symptoms.format, symptoms.reader) == read
    # The names of a rewrite's rules are no hops, whatever they look like.
    other = judge_symptoms(replace(result, hops=False))
    assert (other.writer, other.format, other.reader) == ("a", Format.H5, "b")


def test_explaining_changes_nothing_but_the_cause() -> None:
    lost = {"losses": {"status": "differs", "detail": "sum of losses 0.5 became 0.25"}}
    before = make_result(Outcome.DIVERGED, aspects=lost)
    after = explain(before, TABLE)

    assert after.cause == "regularizer_changed"
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
        Cause(id=name, title="t", says=(SAID,), rules=(rule,), seen=())
        for name in ("second", "first")
    ]

    assert explain(make_result(Outcome.LOAD_ERROR), CauseTable(both)).cause == "second"


CAUSE = """
[[cause]]
id = "one"
title = "t"
seen = []
[[cause.says]]
text = "It is so."
message = "so"
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
        (CAUSE.replace('message = "so"', ""), "rests on cells"),
        (CAUSE.replace('message = "so"', 'message = "so"\nuntested = true'), "rests on cells"),
        (CAUSE.replace('message = "so"', 'message = "("'), "no regular expression"),
        (CAUSE.replace('message = "so"', 'owner = "user"'), "go together"),
        (CAUSE.replace('message = "so"', 'owner = "user"\nname = "so"'), "no group"),
        (CAUSE.replace("It is so.", "It {helped}."), "without `remedies`"),
        (CAUSE.replace('message = "so"', 'share = "many"\nmessage = "so"'), "many"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "causes.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=complaint):
        load_causes(path)
