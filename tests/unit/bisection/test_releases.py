"""Bisecting over releases: real probes on six fakes, of which some are wrong on purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest
import release_tree
from fake_tree import HeardReporter
from release_tree import RELEASES, make_release_tree

from runner.bisection import releases as module
from runner.bisection.releases import bisect_releases, read_selector
from runner.domain import Outcome
from runner.domain.change_points import Axis, ChangeKind
from runner.domain.errors import (
    CouldNotJudge,
    NoEnvironmentError,
    ProvisionError,
    SelectionError,
)
from runner.domain.request import Request
from runner.executors import registry

READERS = "plain_dense/h5/keras3.0->keras3.0..keras3.5/none"
WRITERS = "plain_dense/h5/keras3.3..keras3.5->keras3.4/none"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, release_tree.ROW))
        folder = tmp_path_factory.mktemp("bisect")
        make_release_tree(folder / "tree")
        yield folder


@pytest.fixture(autouse=True)
def _all_can_be_built():
    yield
    release_tree.unavailable.clear()


@pytest.fixture
def bisect(tree):
    def run(text, **options):
        request = Request(
            root=tree / "tree", store=tree / "store", out=tree / "out", executor="releases"
        )
        request = replace(request, **options)
        reporter = HeardReporter()
        found = bisect_releases(request, read_selector(text, request), reporter)
        run.phases = reporter.phases
        return found

    return run


def told(bisection):
    return [(each.kind, each.before.environment, each.after.environment) for each in bisection]


def test_every_change_is_found_with_what_was_before_and_after(bisect):
    (found,) = bisect(READERS)

    assert found.axis is Axis.READER
    assert [each.environment for each in found.points] == list(RELEASES)
    assert told(found.changes) == [
        (ChangeKind.BREAKS, "keras3.1", "keras3.2"),
        (ChangeKind.REPAIRS, "keras3.3", "keras3.4"),
    ]
    broken, repaired = found.changes
    assert broken.after.exception == "TypeError"
    assert broken.after.message == "unknown key"
    assert broken.after.notes == "https://github.com/keras-team/keras/releases/tag/v3.2.0"
    assert broken.also_differ == {}
    assert repaired.also_differ == {"numpy": ("2.0", "2.1")}


def test_what_changed_ran_again_in_fresh_processes_and_nothing_else(bisect):
    (found,) = bisect(READERS)

    assert ("what changed, in fresh processes, 1 of 1", 4) in bisect.phases
    assert {each.environment: each.repeated for each in found.points} == {
        "keras3.0": 0,
        **dict.fromkeys(("keras3.1", "keras3.2", "keras3.3", "keras3.4"), 1),
        "keras3.5": 0,
    }


def test_what_is_recorded_is_not_measured_again(bisect):
    bisect(READERS)
    bisect(READERS)

    assert [label for label, _ in bisect.phases] == ["what changed, in fresh processes, 1 of 1"]


def test_the_writers_are_an_axis_as_well(bisect):
    (found,) = bisect(WRITERS)

    assert found.axis is Axis.WRITER
    assert told(found.changes) == [(ChangeKind.BREAKS, "keras3.4", "keras3.5")]
    assert found.changes[0].after.detail.outcome is Outcome.DIVERGED
    assert found.changes[0].after.detail.aspects == {"outputs", "weights"}


def test_a_release_that_cannot_be_built_is_neither_good_nor_bad(bisect):
    release_tree.unavailable.add("keras3.2")

    (found,) = bisect(READERS)

    first = found.changes[0]
    assert told([first]) == [(ChangeKind.BREAKS, "keras3.1", "keras3.3")]
    assert [each.environment for each in first.between] == ["keras3.2"]
    assert [each.environment for each in found.unmeasured] == ["keras3.2"]
    assert "no such package" in found.unmeasured[0].reason


@pytest.mark.parametrize("end", ["keras3.0", "keras3.5"])
def test_an_end_that_cannot_be_built_ends_it_before_anything_between_is_built(
    bisect, monkeypatch, end
):
    release_tree.unavailable.add(end)
    built = []
    honest = module.pipeline.opened

    def opened(request, reporter):
        built.append(request.patterns)
        return honest(request, reporter)

    monkeypatch.setattr(module.pipeline, "opened", opened)
    with pytest.raises(ProvisionError, match=f"{end} cannot be built") as raised:
        bisect("plain_dense/h5/keras3.1->keras3.0..keras3.5/none")
    assert raised.value.next_step == "`nox -s envs`"
    assert built == [("plain_dense/h5/keras3.1->keras3.0,keras3.5/none",)]


def test_without_any_environment_there_is_nothing_to_bisect(bisect):
    release_tree.unavailable.update(RELEASES)
    with pytest.raises(NoEnvironmentError):
        bisect(READERS)


def test_runs_that_do_not_agree_are_no_result(bisect, monkeypatch):
    honest = module.repeat_cells

    def repeat(run, cells):
        found = honest(run, cells)
        for cell, results in found.items():
            if cell.reader == "keras3.4":
                found[cell] = [replace(each, outcome=Outcome.CRASHED) for each in results]
        return found

    monkeypatch.setattr(module, "repeat_cells", repeat)
    (found,) = bisect(READERS)

    assert told(found.changes)[1] == (ChangeKind.REPAIRS, "keras3.3", "keras3.5")
    assert [each.environment for each in found.changes[1].between] == ["keras3.4"]
    assert found.changes[1].between[0].reason == "its runs do not agree: crashed, equivalent"


def test_several_cells_are_bisected_at_once(bisect):
    found = bisect("plain_dense,fake.raise/h5/keras3.0->keras3.4..keras3.5")

    assert [each.cell for each in found] == [
        "plain_dense/h5/keras3.0->keras3.4..keras3.5/none",
        "fake.raise/h5/keras3.0->keras3.4..keras3.5/none",
    ]
    assert [each.changes for each in found] == [[], []]


def test_a_remedy_is_bisected_if_it_is_named(bisect):
    (found,) = bisect("plain_dense/h5/keras3.0->keras3.1..keras3.2/custom_objects")

    assert told(found.changes) == [(ChangeKind.BREAKS, "keras3.1", "keras3.2")]


def test_with_recorded_nothing_is_measured(bisect):
    bisect(READERS)
    (found,) = bisect(READERS, recorded=True)

    assert bisect.phases == []
    assert len(found.changes) == 2
    with pytest.raises(CouldNotJudge, match="not_run"):
        bisect("truncated_file/h5/keras3.0->keras3.0..keras3.5/none", recorded=True)


@pytest.mark.parametrize(
    ("text", "said", "step"),
    [
        ("plain_dense/h5/keras3.0->keras3.5/none", "has no range", "keras3.0->keras3.4..keras3.5"),
        ("plain_dense/h5/keras3.0..keras3.1->keras3.4..keras3.5", "two ranges", "nox -s bisect"),
        ("plain_dense/h5/tf2.15->tf2.15..keras3.5", "no releases between", "choose both from"),
        ("plain_dense/h5/tf2.15->keras3.5..keras3.0", "is empty", "keras3.0..keras3.5"),
        ("plain_dense/h5/tf2.15->keras3.5..keras3.5", "is empty", "choose an earlier"),
        ("plain_dense/h5/tf2.15->..", "has no end", "keras3.12..keras3.15"),
        ("plain_dense/h5/tf2.15->keras3.9..", "no environment matches", "choose from"),
        ("plain_dens/h5/keras3.0->keras3.4..keras3.5", "plain_dens", "use a scenario"),
        ("plain_dense/keras/keras3.0->keras3.4..keras3.5", "matches no cell", "nox -s plan"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_message_with_a_way_on(bisect, text, said, step):
    with pytest.raises(SelectionError) as raised:
        bisect(text)
    assert said in raised.value.message
    assert step in raised.value.next_step


def test_an_end_that_is_left_out_is_that_of_the_line(bisect):
    (found,) = bisect("plain_dense/h5/keras3.0->..keras3.2/none")
    assert [each.environment for each in found.points] == ["keras3.0", "keras3.1", "keras3.2"]
    assert detail_of_first(found) is Outcome.EQUIVALENT


def detail_of_first(found):
    return found.points[0].detail.outcome
