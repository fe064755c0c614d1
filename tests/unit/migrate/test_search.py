"""The search with hands that answer from a table: no framework, no process."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from runner.migrate.chain import Plan, Way
from runner.migrate.manifest import Compared
from runner.migrate.search import (
    DIVERGED,
    NOT_SAVED,
    SAME,
    Result,
    Saved,
    explain_failure,
    search,
)

BARE = Way(id="none", of=("h5", "keras"), words="as it is")
SHIMS = Way(id="compat_shims", of=("h5",), words="by shims")
ORIGINAL = Saved(name="original", kind="h5")
PLAN = Plan(
    kind="h5",
    readers=("old", "middle", "new"),
    fitting=("old",),
    bridges=("middle", "late"),
    target="new",
)


@dataclass
class FakeHands:
    """Answers by (environment, environment that saved the file, way); all else fails to load."""

    answers: dict[tuple[str, str, str], str]
    saves: dict[str, tuple[str, ...]] = field(default_factory=dict)
    verified: str = SAME
    unstable: tuple[str, ...] = ()
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    reference: Result | None = None

    def ways(self, kind, environment):
        del environment
        return tuple(way for way in (BARE, SHIMS) if kind in way.of)

    def convert(self, file, environment, way, *, final):
        key = (environment, file.by, way.id)
        self.asked.append(key)
        outcome = self.answers.get(key, "load_error")
        if outcome == "environment_unavailable":
            way = None
        kinds = ("keras",) if final else self.saves.get(environment, ("h5",))
        saved = tuple(
            Saved(name=f"{file.name}-{environment}-{kind}", kind=kind, by=environment)
            for kind in kinds
            if outcome == SAME
        )
        return Result(
            environment=environment,
            way=way,
            reads=file,
            outcome=outcome,
            why="" if outcome == SAME else f"{environment} says no",
            saved=saved,
        )

    def set_reference(self, result):
        self.reference = result

    def confirm(self, result):
        return result.environment not in self.unstable

    def verify(self, file):
        compared = (Compared(aspect="outputs", status="agrees", largest_difference=0.0),)
        return Result(
            environment="new", way=BARE, reads=file, outcome=self.verified, compared=compared
        )


def test_the_target_reads_the_original_by_the_cheapest_way():
    hands = FakeHands({("old", "", "none"): SAME, ("new", "", "compat_shims"): SAME})
    found = search(PLAN, ORIGINAL, hands)
    assert hands.reference is found.reference
    assert hands.asked == [("old", "", "none"), ("new", "", "none"), ("new", "", "compat_shims")]
    assert [(each.environment, each.way.id) for each in found.chain()] == [("new", "compat_shims")]


def test_one_hop_is_taken_where_the_target_refuses_the_original():
    hands = FakeHands({("old", "", "none"): SAME, ("new", "old", "none"): SAME})
    found = search(PLAN, ORIGINAL, hands)
    assert [each.environment for each in found.chain()] == ["old", "new"]
    assert "middle" not in {environment for environment, _, _ in hands.asked}


def test_a_bridge_reads_the_original_before_a_second_hop_is_tried():
    answers = {("old", "", "none"): SAME, ("middle", "", "none"): SAME}
    hands = FakeHands({**answers, ("new", "middle", "none"): SAME})
    found = search(PLAN, ORIGINAL, hands)
    assert [each.environment for each in found.chain()] == ["middle", "new"]
    assert ("middle", "old", "none") not in hands.asked


def test_two_hops_are_taken_where_no_bridge_reads_the_original():
    hands = FakeHands(
        {
            ("old", "", "none"): SAME,
            ("late", "old", "compat_shims"): SAME,
            ("new", "late", "none"): SAME,
        }
    )
    found = search(PLAN, ORIGINAL, hands)
    assert [each.environment for each in found.chain()] == ["old", "late", "new"]


def test_a_reader_that_computes_something_else_is_no_step():
    hands = FakeHands({("old", "", "none"): SAME, ("new", "", "none"): DIVERGED})
    found = search(PLAN, ORIGINAL, hands)
    assert found.last is None
    assert "diverged: new says no" in explain_failure(PLAN, found)


def test_a_new_file_that_the_target_does_not_read_back_is_no_chain():
    hands = FakeHands({("old", "", "none"): SAME, ("new", "", "none"): SAME}, verified="load_error")
    assert search(PLAN, ORIGINAL, hands).chain() == ()


def test_the_reference_is_the_first_that_loads_and_may_be_the_target_itself():
    hands = FakeHands({("new", "", "none"): SAME})
    found = search(PLAN, ORIGINAL, hands)
    assert found.reference is not None
    assert found.reference.environment == "new"
    assert hands.asked.count(("new", "", "none")) == 1
    assert [each.environment for each in found.chain()] == ["new"]


def test_a_reader_that_draws_weights_by_chance_is_no_reference():
    answers = {("old", "", "none"): SAME, ("middle", "", "none"): SAME}
    hands = FakeHands({**answers, ("new", "middle", "none"): SAME}, unstable=("old",))
    found = search(PLAN, ORIGINAL, hands)
    assert found.reference is not None
    assert found.reference.environment == "middle"
    assert found.results[0].outcome == "unstable"
    assert ("new", "old", "none") not in hands.asked


def test_an_environment_that_is_not_there_is_left_after_one_attempt():
    hands = FakeHands(
        {("old", "", "none"): "environment_unavailable", ("middle", "", "none"): SAME}
    )
    found = search(PLAN, ORIGINAL, hands)
    assert ("old", "", "compat_shims") not in hands.asked
    assert found.reference is not None
    assert found.reference.environment == "middle"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "no environment that was tried loads it: old: `none`: load error: old says no"),
        ({("old", "", "none"): NOT_SAVED}, "old loads it and cannot save it again"),
        ({("old", "", "none"): SAME}, "new does not get the same model: `none`: load error"),
    ],
)
def test_a_failure_names_the_step_and_the_reason(answers, said):
    assert said in explain_failure(PLAN, search(PLAN, ORIGINAL, FakeHands(answers)))
