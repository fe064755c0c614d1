"""The search with hands that answer from a table: no framework, no process."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from runner.check.hands import Loaded
from runner.check.outputs import Outputs
from runner.check.results import Result
from runner.check.search import Search, computing
from runner.check.ways import Way
from runner.domain.errors import ProvisionError

BARE = Way(id="none", of=("h5",), words="as it is", code="")
SHIMS = Way(id="compat_shims", of=("h5",), words="by shims", code="")


@dataclass
class FakeHands:
    """Answers by (environment, way): a number that the model computes, or a result."""

    answers: dict[tuple[str, str], object]
    missing: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()
    """Environments whose models compute something else each time."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    built: list[str] = field(default_factory=list)
    """Environments in the order in which somebody asked for them to be built."""

    def prepare(self, environment):
        self.asked.append((environment, "prepare"))
        self.built.append(environment)

    def provision(self, environment):
        self.built.append(environment)
        return ProvisionError("no such package") if environment in self.missing else object()

    def load(self, environment, way):
        self.asked.append((environment, way.id))
        answer = self.answers.get((environment, way.id), Result.LOAD_ERROR)
        if isinstance(answer, Result):
            return Loaded(result=answer, why=f"{way.id} says why")
        number = answer + (len(self.asked) if environment in self.drawn else 0)
        return Loaded(result=Result.LOADS, outputs=Outputs(arrays=(np.array([number, 0.0]),)))


def run(readers, answers, *, fitting=(), expected=None, **hands):
    made = FakeHands(answers, **hands)
    search = Search(
        ways=dict.fromkeys(readers, (BARE, SHIMS)),
        fitting=fitting,
        hands=made,
        clock=lambda: 0.0,
        expected=expected,
    )
    told = [(each.environment, each.result, again) for each, again in search.run()]
    return search, told, made


def results(search):
    return {name: each.result for name, each in search.findings.items()}


def test_the_first_way_that_works_is_the_last_that_is_tried():
    search, _, hands = run(["new"], {("new", "none"): 1.0})
    assert search.findings["new"].way is BARE
    assert ("new", "compat_shims") not in hands.asked


def test_a_reader_before_the_reference_gets_a_second_look():
    answers = {("new", "none"): 2.0, ("new", "compat_shims"): 1.0, ("old", "none"): 1.0}
    search, told, _ = run(["new", "old"], answers, fitting=("old",))
    assert told == [
        ("new", Result.LOADS, False),
        ("old", Result.SAME, False),
        ("new", Result.SAME, True),
    ]
    assert search.findings["new"].way is SHIMS
    assert [result for _, _, result, _ in search.findings["new"].tried] == [
        Result.DIFFERS,
        Result.SAME,
    ]


def test_a_reader_that_computes_something_else_by_every_way_differs():
    answers = {("new", "none"): 2.0, ("new", "compat_shims"): 3.0, ("old", "none"): 1.0}
    search, _, _ = run(["old", "new"], answers, fitting=("old",))
    found = search.findings["new"]
    assert (found.result, found.way, found.largest_difference) == (Result.DIFFERS, BARE, 1.0)
    assert "differ by up to 1 from those of the reference" in found.why
    assert computing(list(search.findings.values())).keys() == {"old", "new"}


def test_the_reason_of_a_reader_that_fails_is_that_of_the_bare_load():
    search, _, _ = run(["new"], {})
    assert search.findings["new"].result is Result.LOAD_ERROR
    assert search.findings["new"].why == "none says why"


def test_weights_that_are_drawn_by_chance_are_no_reference():
    answers = {("old", "none"): 1.0, ("older", "none"): 1.0, ("new", "none"): 1.0}
    search, _, _ = run(["new", "old", "older"], answers, fitting=("old", "older"), drawn=("old",))
    assert results(search) == {
        "new": Result.SAME,
        "old": Result.UNSTABLE,
        "older": Result.SAME,
    }
    assert search.reference.environment == "older"


def test_who_stands_alone_is_loaded_twice():
    search, told, _ = run(["new"], {("new", "none"): 1.0}, drawn=("new",))
    assert told[-1] == ("new", Result.UNSTABLE, True)
    assert computing(list(search.findings.values())) == {}
    search, _, hands = run(["new"], {("new", "none"): 1.0})
    assert results(search) == {"new": Result.LOADS}
    assert hands.asked.count(("new", "none")) == 2


def test_the_users_own_numbers_are_the_reference():
    answers = {("new", "none"): 2.0, ("old", "none"): 1.0}
    expected = Outputs(arrays=(np.array([2.0, 0.0]),))
    search, _, _ = run(["new", "old"], answers, fitting=("old",), expected=expected)
    assert results(search) == {"new": Result.SAME, "old": Result.DIFFERS}
    assert search.reference is None
    assert "expected" in search.findings["old"].why


def test_an_environment_that_is_not_there_says_nothing_of_the_file():
    search, _, hands = run(["new", "old"], {("old", "none"): 1.0}, missing=("new",))
    assert search.findings["new"].result is Result.ENVIRONMENT_UNAVAILABLE
    assert ("new", "none") not in hands.asked


def test_the_first_answer_waits_for_one_environment_alone():
    _, _, hands = run(["new", "old", "older"], {("new", "none"): 1.0})
    assert hands.built[:2] == ["new", "old"]
    assert hands.asked.index(("old", "prepare")) < hands.asked.index(("new", "none"))


def test_an_environment_that_does_not_start_is_asked_once():
    answers = {("new", "none"): Result.ENVIRONMENT_UNAVAILABLE}
    search, _, hands = run(["new"], answers)
    assert search.findings["new"].result is Result.ENVIRONMENT_UNAVAILABLE
    assert hands.asked == [("new", "none")]


def test_a_format_that_a_version_lacks_by_declaration_is_not_tried():
    hands = FakeHands({})
    search = Search(ways={"old": ()}, fitting=(), hands=hands, clock=lambda: 0.0)
    assert [each.result for each, _ in search.run()] == [Result.UNSUPPORTED]
    assert hands.asked == []


def test_a_fault_of_ours_hides_no_way_that_works():
    answers = {("new", "none"): Result.HARNESS_ERROR, ("new", "compat_shims"): 1.0}
    search, _, _ = run(["new"], answers)
    assert search.findings["new"].result is Result.LOADS
    search, _, _ = run(["new"], {("new", "none"): Result.HARNESS_ERROR})
    assert search.findings["new"].result is Result.LOAD_ERROR


@pytest.mark.parametrize("result", [Result.UNUSABLE, Result.NOT_CALLED, Result.CODE_REFUSED])
def test_results_that_computed_nothing_stay_what_they_are(result):
    answers = {("new", "none"): result, ("new", "compat_shims"): result, ("old", "none"): 1.0}
    search, _, _ = run(["new", "old"], answers, fitting=("old",))
    assert search.findings["new"].result is result
