"""Claims: which cells decide, what they say, and what is still missing."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import jsonschema
import msgspec
import pandas as pd
import pytest
from report_fixtures import make_environment_record, make_run, put_together

from runner.analyse.claims.check import check_claims, check_verdicts
from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import judge_claims
from runner.analyse.claims.words import claim_conditions, pair_kinds, prediction_words
from runner.domain import (
    Aspect,
    Baseline,
    CellSet,
    Claim,
    ClaimSet,
    ClaimVerdict,
    Event,
    Family,
    Given,
    Outcome,
    Pair,
    Prediction,
    Share,
    Weight,
)
from runner.domain.pairs import is_pair, read_version
from runner.publish.files import format_record
from runner.publish.schemas import load_schema

OLD, NEW, THREE = "tf2.7", "tf2.8", "keras3.0"
RUN = msgspec.structs.replace(
    put_together(make_run()).run,
    environments=(
        make_environment_record(OLD, Family.TF_KERAS, date(2022, 2, 2)),
        make_environment_record(NEW, Family.TF_KERAS, date(2022, 5, 23)),
        make_environment_record(THREE, Family.KERAS3, date(2023, 11, 28)),
    ),
)
E, D, L, S, U, N, H = (
    Outcome.EQUIVALENT,
    Outcome.DIVERGED,
    Outcome.LOAD_ERROR,
    Outcome.SAVE_ERROR,
    Outcome.UNSUPPORTED,
    Outcome.NOT_RUN,
    Outcome.HARNESS_ERROR,
)
ANYWHERE: dict[str, Any] = {"pair": frozenset({Pair.ANY}), "baseline": Baseline.ANY}
ALL = CellSet(cells=("one/h5/*->*/none",), **ANYWHERE)


def cell(text: str, outcome: Outcome, **said: str) -> dict[str, Any]:
    """`scenario/format/writer->reader/remedy`, trailing parts as usual."""
    scenario, format_, pair, remedy = (*text.split("/"), "none")[:4]
    writer, reader = pair.split("->")
    row = {"aspects": "", "exception": "", "message": "", "cause": "", "artifact_sha256": "0f"}
    parts = {"scenario": scenario, "format": format_, "writer": writer, "reader": reader}
    return {**parts, "remedy": remedy, "outcome": str(outcome), **row, **said}


def claim(
    decided_by: CellSet = ALL,
    share: Share = Share.ALL,
    event: Event = Event.EQUIVALENT,
    *,
    than: CellSet | None = None,
    alike: tuple[str, ...] = ("scenario", "writer", "reader"),
    **predicts: Any,
) -> Claim:
    return Claim(
        id="c1",
        article="one.txt",
        statement="It loads.",
        decided_by=decided_by,
        predicts=Prediction(share=share, event=event, **predicts),
        than=than,
        alike=alike,
    )


def judge(
    asked: Claim,
    *rows: dict[str, Any],
    observations: pd.DataFrame | None = None,
    released: dict[str, date] | None = None,
    between: tuple[str, ...] = (),
) -> dict[str, Any]:
    table = Table(
        pd.DataFrame(list(rows)),
        pd.DataFrame() if observations is None else observations,
        RUN.environments,
        released or {},
        between,
    )
    record = judge_claims(ClaimSet(articles={"one.txt": "One"}, claims=(asked,)), table, run=RUN)
    assert check_verdicts([asked], record.claims, table) == []
    written = json.loads(format_record("claims.json", record))
    jsonschema.validate(written, load_schema("claims"))
    (found,) = written["claims"]
    return dict(found)


def counts(found: dict[str, Any]) -> tuple[str, int, int, int]:
    return found["verdict"], found["for"], found["against"], found["missing"]


@pytest.mark.parametrize(
    ("share", "outcomes", "verdict"),
    [
        (Share.ALL, (E, E, E), "confirmed"),
        (Share.ALL, (D, L, L), "refuted"),
        (Share.ALL, (E, L, L), "depends"),
        (Share.ALL, (E, L, N), "depends"),
        (Share.ALL, (E, E, N), "undecided"),
        (Share.ALL, (L, L, N), "undecided"),
        (Share.ALL, (N, N, N), "undecided"),
        (Share.ALL, (S, U, H), "undecided"),
        (Share.ALL, (E, S, H), "confirmed"),
        (Share.SOME, (E, L, N), "confirmed"),
        (Share.SOME, (L, L, L), "refuted"),
        (Share.SOME, (L, L, N), "undecided"),
        (Share.SOME, (S, S, S), "undecided"),
        (Share.MOST, (E, E, L), "depends"),
        (Share.MOST, (E, E, N), "confirmed"),
        (Share.MOST, (E, L, L), "refuted"),
        (Share.MOST, (L, L, N), "refuted"),
        (Share.MOST, (E, L, N), "undecided"),
        (Share.MOST, (E, L, S), "depends"),
        (Share.MOST, (L, L, S), "refuted"),
    ],
)
def test_a_verdict_is_given_only_if_nothing_missing_could_change_it(
    share: Share, outcomes: tuple[Outcome, ...], verdict: str
) -> None:
    rows = [
        cell(f"one/h5/{OLD}->{reader}", outcome)
        for reader, outcome in zip((OLD, NEW, THREE), outcomes, strict=True)
    ]

    found = judge(claim(share=share), *rows)

    assert found["verdict"] == verdict
    assert found["deciding"] == found["for"] + found["against"]
    assert found["missing"] == outcomes.count(N)
    assert sum(found["excluded"].values()) == sum(each in {S, U, H} for each in outcomes)


def test_what_did_not_load_counts_only_if_the_claim_says_so() -> None:
    rows = [cell(f"one/h5/{OLD}->{OLD}", S), cell(f"one/h5/{NEW}->{NEW}", U)]
    counted = CellSet(cells=ALL.cells, counts=frozenset({Outcome.SAVE_ERROR}), **ANYWHERE)

    assert counts(judge(claim(), *rows)) == ("undecided", 0, 0, 0)
    found = judge(claim(counted), *rows)
    assert counts(found) == ("refuted", 0, 1, 0)
    assert found["excluded"] == {"unsupported": 1}


@pytest.mark.parametrize(
    ("event", "supports"),
    [
        (Event.EQUIVALENT, {E}),
        (Event.FAILS, {D, L, Outcome.UNUSABLE, Outcome.CRASHED}),
        (Event.LOADS, {E, D, Outcome.UNUSABLE}),
        (Event.ERROR, {L, Outcome.CRASHED}),
        (Event.DIVERGED, {D}),
    ],
)
def test_events(event: Event, supports: set[Outcome]) -> None:
    for outcome in (E, D, L, Outcome.UNUSABLE, Outcome.CRASHED):
        found = judge(claim(event=event), cell(f"one/h5/{OLD}->{NEW}", outcome))
        assert found["verdict"] == ("confirmed" if outcome in supports else "refuted"), outcome


@pytest.mark.parametrize(
    ("conditions", "pairs"),
    [
        ({"pair": frozenset({Pair.SAME_ENVIRONMENT})}, 3),
        ({"pair": frozenset({Pair.OTHER_ENVIRONMENT})}, 6),
        ({"pair": frozenset({Pair.SAME_FAMILY})}, 5),
        ({"pair": frozenset({Pair.OTHER_FAMILY})}, 4),
        ({"pair": frozenset({Pair.READER_NEWER})}, 3),
        ({"pair": frozenset({Pair.READER_OLDER})}, 3),
        ({"pair": frozenset({Pair.READER_OLDER, Pair.OTHER_FAMILY})}, 2),
        ({"writers": ("tf*",)}, 6),
        ({"writers": (OLD, THREE), "readers": (NEW,)}, 2),
        ({"writer_families": frozenset({Family.KERAS3})}, 3),
        ({"reader_families": frozenset({Family.TF_KERAS})}, 6),
    ],
)
def test_conditions_choose_the_pairs(conditions: dict[str, Any], pairs: int) -> None:
    ids = (OLD, NEW, THREE)
    rows = [cell(f"one/h5/{writer}->{reader}", E) for writer in ids for reader in ids]
    rows += [cell(f"two/h5/{OLD}->{OLD}", L), cell(f"one/keras/{OLD}->{OLD}", L)]

    chosen = CellSet(cells=ALL.cells, **{**ANYWHERE, **conditions})

    assert counts(judge(claim(chosen), *rows)) == ("confirmed", pairs, 0, 0)
    assert pair_kinds(claim(chosen)) or claim_conditions(claim(chosen))


LOADS_AT_HOME = CellSet(cells=("one/h5/*->*/*",), pair=frozenset({Pair.ANY}))


@pytest.mark.parametrize(
    ("home", "expected"),
    [
        (E, ("depends", 1, 1, 0)),
        (L, ("undecided", 0, 0, 0)),
        (D, ("undecided", 0, 0, 0)),
        (N, ("undecided", 0, 0, 2)),
    ],
)
def test_what_fails_in_its_writer_is_no_matter_of_versions(
    home: Outcome, expected: tuple[str, int, int, int]
) -> None:
    rows = [cell(f"one/h5/{OLD}->{OLD}", home), cell(f"one/h5/{OLD}->{NEW}", L)]

    found = judge(claim(LOADS_AT_HOME, Share.SOME, Event.FAILS), *rows)

    assert counts(found) == expected


def test_a_remedy_that_was_not_needed_at_home_is_held_against_the_bare_load() -> None:
    rows = [
        cell(f"one/h5/{OLD}->{OLD}/none", E),
        cell(f"one/h5/{OLD}->{NEW}/custom_objects", L),
        cell(f"two/h5/{OLD}->{OLD}/none", L),
    ]
    chosen = CellSet(cells=("*/h5/*->*/custom_objects",), pair=frozenset({Pair.ANY}))

    assert counts(judge(claim(chosen, event=Event.FAILS), *rows)) == ("confirmed", 1, 0, 0)


def test_a_remedy_can_be_asked_only_where_the_bare_load_failed() -> None:
    chosen = CellSet(cells=("one/h5/*->*/json",), given=frozenset({Given.BARE_FAILS}), **ANYWHERE)
    rows = [
        cell(f"one/h5/{OLD}->{OLD}/none", E),
        cell(f"one/h5/{OLD}->{OLD}/json", L),
        cell(f"one/h5/{OLD}->{NEW}/none", D),
        cell(f"one/h5/{OLD}->{NEW}/json", E),
        cell(f"one/h5/{OLD}->{THREE}/json", E),
    ]

    assert counts(judge(claim(chosen), *rows)) == ("confirmed", 1, 0, 0)


def test_a_bare_load_that_was_not_measured_may_call_for_a_remedy() -> None:
    chosen = CellSet(cells=("one/h5/*->*/json",), **ANYWHERE)
    rows = [
        cell(f"one/h5/{OLD}->{OLD}/none", L),
        cell(f"one/h5/{OLD}->{OLD}/json", E),
        cell(f"one/h5/{OLD}->{NEW}/none", N),
        cell(f"one/keras/{OLD}->{NEW}/none", N),
        cell(f"one/h5/{OLD}->{THREE}/none", N),
        cell(f"one/h5/{OLD}->{THREE}/json", N),
    ]

    assert counts(judge(claim(chosen), *rows)) == ("undecided", 1, 0, 2)


def test_ways_of_loading_count_between_the_versions_in_which_all_are_tried() -> None:
    """What is tried elsewhere depends on what came of it, and bare loads count everywhere."""
    rows = [
        cell(f"one/h5/{OLD}->{OLD}/none", E),
        cell(f"one/h5/{OLD}->{OLD}/json", E),
        cell(f"one/h5/{OLD}->{NEW}/none", L),
        cell(f"one/h5/{OLD}->{NEW}/json", E),
        cell(f"one/h5/{OLD}->{THREE}/none", E),
        cell(f"one/h5/{OLD}->{THREE}/json", L),
    ]
    json_alone = claim(CellSet(cells=("one/h5/*->*/json",), pair=frozenset({Pair.ANY})))
    bare = claim(CellSet(cells=("one/h5/*->*/none",), pair=frozenset({Pair.ANY})))

    assert counts(judge(json_alone, *rows))[1:] == (2, 1, 0)
    found = judge(json_alone, *rows, between=(OLD, NEW))
    assert counts(found) == ("confirmed", 2, 0, 0)
    assert found["conditions"].endswith(f"between: {OLD}, {NEW}")
    assert counts(judge(bare, *rows, between=(OLD, NEW)))[1:] == (2, 1, 0)
    assert "between" not in judge(bare, *rows, between=(OLD, NEW))["conditions"]


def test_exception_message_and_aspects_all_have_to_be_there() -> None:
    rows = [
        cell(f"one/h5/{OLD}->{OLD}", L, exception="ValueError", message="Unknown layer: X"),
        cell(f"one/h5/{OLD}->{NEW}", L, exception="TypeError", message="unknown layer: X"),
        cell(f"one/h5/{OLD}->{THREE}", L, exception="ValueError", message="Something"),
        cell(f"one/h5/{NEW}->{OLD}", E),
        cell(f"one/h5/{NEW}->{NEW}", D, aspects="outputs;losses"),
    ]

    def found(**predicts: Any) -> tuple[int, int]:
        answer = judge(claim(event=Event.ANY, **predicts), *rows)
        return answer["for"], answer["against"]

    assert found(exceptions=("Value*",)) == (2, 3)
    assert found(messages=("unknown LAYER",)) == (2, 3)
    assert found(messages=("TypeError: unk", "some")) == (2, 3)
    assert found(exceptions=("ValueError",), messages=("unknown layer",)) == (1, 4)
    assert found(messages=("unknown layer",), among=Event.ERROR) == (2, 1)
    assert found(aspects=frozenset({Aspect.LOSSES})) == (1, 4)
    losses = frozenset({Aspect.LOSSES})
    assert found(aspects=losses, agrees=frozenset({Aspect.WEIGHTS})) == (1, 4)
    assert found(aspects=losses, agrees=frozenset({Aspect.OUTPUTS})) == (0, 5)
    assert found(aspects=frozenset({Aspect.WEIGHTS}), among=Event.DIVERGED) == (0, 1)


def test_the_whole_message_is_searched_not_its_published_beginning() -> None:
    row = cell(f"one/h5/{OLD}->{NEW}", L, exception="TypeError", message="It is a long…")
    seen = pd.DataFrame([{**row, "message": "It is a long way to: Unknown layer: X"}])
    asked = claim(event=Event.ANY, messages=("unknown layer",))

    assert judge(asked, row)["verdict"] == "refuted"
    assert judge(asked, row, observations=seen)["verdict"] == "confirmed"


KERAS = CellSet(cells=("one/keras/*->*/none",), **ANYWHERE)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (((E, L), (E, E)), ("confirmed", 1, 0, 0)),
        (((L, E), (L, L)), ("refuted", 0, 1, 0)),
        (((E, E), (L, D)), ("refuted", 0, 0, 0)),
        (((E, L), (L, E)), ("depends", 1, 1, 0)),
        (((E, L), (N, E)), ("undecided", 1, 0, 1)),
        (((E, S), (U, E)), ("undecided", 0, 0, 0)),
    ],
)
def test_comparisons_count_pairs_that_differ(
    pairs: tuple[tuple[Outcome, Outcome], ...], expected: tuple[str, int, int, int]
) -> None:
    rows = []
    for reader, (ours, theirs) in zip((OLD, NEW), pairs, strict=True):
        rows += [cell(f"one/keras/{OLD}->{reader}", ours)]
        rows += [cell(f"one/h5/{OLD}->{reader}", theirs)]

    found = judge(claim(KERAS, Share.BETTER, than=ALL), *rows)

    assert counts(found) == expected
    if found["for"]:
        (example,) = found["examples_for"]
        assert example["cell"] == f"one/keras/{OLD}->{OLD}/none"
        assert (example["than"], example["than_outcome"]) == (
            f"one/h5/{OLD}->{OLD}/none",
            "load_error",
        )


def test_scenarios_can_be_compared_by_what_they_have_alike() -> None:
    rows = [
        cell(f"one/h5/{OLD}->{NEW}", E),
        cell(f"two/h5/{OLD}->{NEW}", L),
        cell(f"two/h5/{THREE}->{NEW}", L),
    ]
    other = CellSet(cells=("two/h5/*->*/none",), **ANYWHERE)

    by_pair = judge(claim(share=Share.BETTER, than=other, alike=("writer", "reader")), *rows)
    by_reader = judge(claim(share=Share.BETTER, than=other, alike=("reader",)), *rows)

    assert (by_pair["for"], by_reader["for"]) == (1, 2)
    assert judge(claim(share=Share.BETTER, than=other), *rows)["verdict"] == "undecided"


def test_depends_says_where_in_ranges_and_by_model() -> None:
    ids = (OLD, NEW, THREE)
    rows = [
        cell(f"{scenario}/h5/{writer}->{reader}", L if THREE in (writer, reader) else E)
        for scenario in ("one", "one.b")
        for writer in ids
        for reader in ids
    ]
    rows.append(cell(f"one.c/h5/{OLD}->{OLD}", D, aspects="losses"))

    found = judge(claim(CellSet(cells=("one*/h5/*->*/none",), **ANYWHERE)), *rows)

    assert found["verdict"] == "depends"
    assert sorted(found["holds"]) == [
        "written by TF 2.7 to 2.8, read by TF 2.8",
        "written by TF 2.8, read by TF 2.7 to 2.8",
    ]
    assert found["mixed"] == ["written by TF 2.7, read by TF 2.7"]
    assert "written by every environment of this run, read by Keras 3.0" in found["fails"]
    assert [(each["scenario"], each["for"], each["against"]) for each in found["parts"]] == [
        ("one", 4, 5),
        ("one.b", 4, 5),
        ("one.c", 0, 1),
    ]


def test_one_version_for_both_is_said_shortly() -> None:
    rows = [cell(f"one/h5/{name}->{name}", E) for name in (OLD, NEW)]
    rows.append(cell(f"one/h5/{THREE}->{THREE}", L))

    found = judge(claim(), *rows)

    assert found["holds"] == ["saved and loaded by TF 2.7 to 2.8"]
    assert found["fails"] == ["saved and loaded by Keras 3.0"]
    assert found["mixed"] == []


def test_examples_are_three_and_spread() -> None:
    ids = (OLD, NEW, THREE)
    rows = [
        cell(f"one/h5/{writer}->{reader}", L, exception="ValueError", message="No")
        for writer in ids
        for reader in ids
    ]

    found = judge(claim(event=Event.FAILS), *rows)

    cells = [each["cell"] for each in found["examples_for"]]
    assert cells == [f"one/h5/{name}->{name}/none" for name in ids]
    assert found["examples_for"][0]["detail"] == "ValueError: No"
    assert found["examples_against"] == []


def test_a_prediction_is_said_in_words() -> None:
    asked = claim(
        share=Share.MOST, event=Event.ERROR, exceptions=("ValueError",), messages=("Unknown",)
    )
    assert prediction_words(asked) == (
        "more than half of these cells end without a model and raise ValueError and say “Unknown”, "
        "each writer and reader counted once"
    )
    assert "never the reverse" in prediction_words(claim(share=Share.BETTER, than=ALL))
    for event in Event:
        assert prediction_words(claim(event=event, among=event, exceptions=("X",)))


def test_a_cell_that_fails_for_another_reason_says_nothing() -> None:
    rows = [
        cell(f"one/h5/{OLD}->{OLD}", L, cause="unregistered_object"),
        cell(f"one/h5/{OLD}->{NEW}", L, cause="newer_argument"),
        cell(f"one/h5/{NEW}->{NEW}", E),
    ]

    found = judge(claim(event=Event.FAILS, reasons=("unregistered_*",)), *rows)

    assert counts(found) == ("depends", 1, 1, 0)
    assert found["other_reasons"] == 1
    assert "only these causes count: unregistered_*" in found["prediction"]
    every = judge(claim(event=Event.FAILS, reasons=("*",)), *rows)
    assert (every["for"], every["against"]) == (2, 1)


def test_a_comparison_asks_for_the_reason_of_the_side_that_fails() -> None:
    rows = [
        cell(f"one/keras/{OLD}->{OLD}", E),
        cell(f"one/h5/{OLD}->{OLD}", L, cause="newer_argument"),
        cell(f"one/keras/{NEW}->{NEW}", E),
        cell(f"one/h5/{NEW}->{NEW}", L, cause="device_missing"),
    ]
    asked = claim(KERAS, Share.BETTER, than=ALL, reasons=("device_missing",))

    found = judge(asked, *rows)

    assert (found["for"], found["other_reasons"]) == (1, 1)
    assert found["examples_for"][0]["than"] == f"one/h5/{NEW}->{NEW}/none"


def test_a_verdict_that_one_version_decides_depends_and_names_it() -> None:
    rows = [
        cell(f"one/h5/{writer}->{reader}", L if reader == THREE else E)
        for writer in (OLD, NEW, THREE)
        for reader in (OLD, NEW, THREE)
    ]

    may_fail = judge(claim(share=Share.SOME, event=Event.FAILS), *rows)
    loads = judge(claim(), *rows)

    assert (may_fail["verdict"], may_fail["for"]) == ("depends", 3)
    assert may_fail["hangs_on"] == [
        {"environment": THREE, "named": "Keras 3.0", "verdict": "refuted"}
    ]
    assert loads["hangs_on"] == [
        {"environment": THREE, "named": "Keras 3.0", "verdict": "confirmed"}
    ]


def test_a_claim_about_one_version_does_not_hang_on_it() -> None:
    chosen = CellSet(cells=ALL.cells, writers=(OLD,), readers=(NEW,))
    rows = [cell(f"one/h5/{OLD}->{OLD}", E), cell(f"one/h5/{OLD}->{NEW}", L)]

    found = judge(claim(chosen, Share.SOME, Event.FAILS), *rows)

    assert (found["verdict"], found.get("hangs_on", [])) == ("confirmed", [])


def test_newer_is_told_by_the_minor_version_and_not_by_its_last_patch() -> None:
    rows = [cell(f"one/h5/{each}->{each}", E) for each in (NEW, THREE)]
    rows += [cell(f"one/h5/{NEW}->{THREE}", L), cell(f"one/h5/{THREE}->{NEW}", L)]
    chosen = claim(CellSet(cells=ALL.cells), event=Event.FAILS)
    patched = {NEW: date(2024, 3, 8), THREE: date(2023, 11, 28)}
    minor = {**patched, NEW: date(2023, 11, 14)}

    def example(released: dict[str, date]) -> str:
        (found,) = judge(chosen, *rows, released=released)["examples_for"]
        return str(found["cell"])

    assert example(patched) == f"one/h5/{THREE}->{NEW}/none"
    assert example(minor) == f"one/h5/{NEW}->{THREE}/none"


def test_kinds_of_pairs() -> None:
    def is_one(kind: Pair, writer: str, reader: str) -> bool:
        sides = (
            read_version(name, Family.KERAS3 if name.startswith("keras") else Family.TF_KERAS, day)
            for name, day in ((writer, date(2020, 1, 1)), (reader, date(2021, 1, 1)))
        )
        return is_pair(kind, *sides)

    neighbours = {
        ("tf2.9", "tf2.10"): True,
        ("tf2.10", "tf2.9"): True,
        ("tf2.9", "tf2.11"): False,
        ("tf1.15", "tf2.0"): False,
        ("tf2.15", "tf-keras2.16"): False,
        ("keras3.14", "keras3.15"): True,
        ("keras3.14", "keras3.15-jax"): False,
        ("mine", "mine"): False,
    }
    assert {pair: is_one(Pair.NEIGHBOURING, *pair) for pair in neighbours} == neighbours
    backends = {
        ("keras3.15", "keras3.15-jax"): True,
        ("keras3.15-torch", "keras3.15-jax"): True,
        ("keras3.14", "keras3.15-jax"): False,
        ("keras3.15", "keras3.15"): False,
    }
    assert {pair: is_one(Pair.OTHER_BACKEND, *pair) for pair in backends} == backends
    assert is_one(Pair.READER_NOT_OLDER, "tf2.9", "tf2.9")
    assert not is_one(Pair.READER_OLDER, "tf2.9", "tf2.10")


def test_a_pair_or_a_generation_has_one_vote_in_a_majority() -> None:
    rows = [cell(f"one.{place}/h5/{OLD}->{OLD}", E) for place in range(9)]
    rows += [cell(f"one/h5/{each}->{each}", L) for each in (NEW, THREE)]
    chosen = CellSet(cells=("one*/h5/*->*/none",), **ANYWHERE)

    by_pair = judge(claim(chosen, Share.MOST), *rows)
    by_generation = judge(claim(chosen, Share.MOST, weight=Weight.GENERATION), *rows)

    assert by_pair["counted"] == (
        "most: 9 of 11 cells, 33 % with each writer and reader counted once"
    )
    assert by_pair["verdict"] == "refuted" or by_pair["hangs_on"]
    # TF 2 has one pair for it and one against it, Keras 3 has one against it.
    assert by_generation["counted"].endswith("25 % with each pair of generations counted once")


def test_what_was_never_written_is_no_failure_of_its_format() -> None:
    rows = [
        cell(f"one/keras/{OLD}->{OLD}", U, artifact_sha256=""),
        cell(f"one/keras/{NEW}->{OLD}", U),
    ]
    chosen = CellSet(cells=KERAS.cells, counts=frozenset({Outcome.UNSUPPORTED}), **ANYWHERE)

    assert counts(judge(claim(chosen), *rows)) == ("refuted", 0, 1, 0)


def test_a_selector_without_a_cell_leaves_a_claim_undecided() -> None:
    both = CellSet(cells=("one/h5/*->*/none", "two/h5/*->*/none"), **ANYWHERE)

    found = judge(claim(both), cell(f"one/h5/{OLD}->{OLD}", E))

    assert (found["verdict"], found["unmatched"]) == ("undecided", ["two/h5/*->*/none"])


def test_a_claim_without_cells_is_not_decidable() -> None:
    asked = Claim(id="c1", article="one.txt", statement="It shines.", not_decidable="No eyes.")

    found = judge(asked, cell(f"one/h5/{OLD}->{OLD}", E))

    assert counts(found) == ("not_decidable", 0, 0, 0)
    assert found["because"] == "No eyes."


def faults(asked: Claim, *rows: dict[str, Any], **changed: Any) -> list[str]:
    table = Table(pd.DataFrame(list(rows)), pd.DataFrame(), RUN.environments, {})
    declared = ClaimSet(articles={}, claims=(asked,))
    (judged,) = judge_claims(declared, table, run=RUN).claims
    said = msgspec.structs.replace(judged, **changed)
    return [each.text for each in check_claims(declared, [said], table)]


@pytest.mark.parametrize(
    ("share", "outcome", "changed", "text"),
    [
        (Share.ALL, E, {"verdict": "refuted"}, "refuted does not agree with `all`"),
        (Share.ALL, L, {"verdict": "confirmed"}, "confirmed does not agree with `all`"),
        (Share.SOME, L, {"verdict": "confirmed"}, "confirmed does not agree with `some`"),
        (Share.SOME, E, {"verdict": "depends"}, "depends does not agree with `some`"),
        (Share.MOST, E, {"verdict": "undecided"}, "undecided does not agree with `most`"),
        (Share.ALL, E, {"verdict": "not_decidable"}, "not_decidable does not agree"),
    ],
)
def test_a_verdict_that_its_counts_do_not_allow_is_a_fault(
    share: Share, outcome: Outcome, changed: dict[str, str], text: str
) -> None:
    rows = [cell(f"one/h5/{each}->{each}", outcome) for each in (OLD, NEW, THREE)]
    verdicts = {name: ClaimVerdict(value) for name, value in changed.items()}

    assert faults(claim(share=share), *rows) == []
    (found,) = faults(claim(share=share), *rows, **verdicts)
    assert text in found


def test_a_selector_without_a_cell_is_a_fault_where_the_run_has_its_scenario() -> None:
    missing = claim(CellSet(cells=("one/h5/*->*/json",), **ANYWHERE))
    elsewhere = claim(CellSet(cells=("two/h5/*->*/json",), **ANYWHERE))
    rows = [cell(f"one/h5/{OLD}->{OLD}", E)]

    (found,) = faults(missing, *rows)
    assert found == "no cell is one/h5/*->*/json under its conditions"
    assert faults(elsewhere, *rows) == []
