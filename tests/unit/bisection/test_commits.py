"""Bisecting commits: both ends first, one cause, and the exit codes that git wants."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_tree import HeardReporter

from runner.bisection import commits as module
from runner.bisection.commits import CommitsAsked, Judged, bisect_commits, judge_here, read_request
from runner.bisection.search import State
from runner.cli import bisect_work, main
from runner.declare.environments import read_environments
from runner.domain import Detail, Outcome
from runner.domain.change_points import Axis
from runner.domain.errors import CouldNotJudge, NothingChanges, SelectionError, StoreError
from runner.domain.request import Request
from runner.domain.selector import parse_pattern
from runner.executors.builds.commits import Commit

ROOT = Path(__file__).resolve().parents[3]
CELL = "plain_dense/h5/keras3.12->keras@commit/none"
RESULTS = {
    "g": (Detail(outcome=Outcome.EQUIVALENT), ""),
    "b": (Detail(outcome=Outcome.LOAD_ERROR, cause="newer_argument"), "TypeError"),
    "o": (Detail(outcome=Outcome.LOAD_ERROR, cause="module_moved"), "TypeError"),
    "t": (Detail(outcome=Outcome.LOAD_ERROR, cause="unclassified"), "TypeError"),
    "v": (Detail(outcome=Outcome.LOAD_ERROR, cause="unclassified"), "ValueError"),
    "h": (Detail(outcome=Outcome.HARNESS_ERROR), ""),
    "?": (None, ""),
}


def made(letters):
    return [
        Commit(sha=f"{n:010d}" + "0" * 30, tree=str(n), day="2026-01-01", subject=f"change {n}")
        for n, _ in enumerate(letters)
    ]


def asked_for(letters):
    return CommitsAsked(
        pattern=parse_pattern(CELL),
        axis=Axis.READER,
        repository=Path("/checkout"),
        base=read_environments().by_id("keras3.15"),
        commits=made(letters),
    )


@pytest.fixture
def bisect(monkeypatch, tmp_path):
    """Return the bisection of a row of results, and of runs that say otherwise the second time."""

    def run(letters, confirm=lambda judged: 1):
        tried = []

        def measure(request, asked, commit, reporter):
            detail, exception = RESULTS[letters[int(commit.tree)]]
            tried.append(int(commit.tree))
            reason = "" if detail else "it cannot be imported: SyntaxError"
            return Judged(
                commit=commit, cell=CELL, detail=detail, exception=exception, reason=reason
            )

        monkeypatch.setattr(module, "measure_commit", measure)
        monkeypatch.setattr(module, "_confirm", lambda *given: confirm(given[2]))
        request = Request(root=ROOT, store=tmp_path, out=tmp_path)
        run.tried = tried
        return bisect_commits(request, asked_for(letters), HeardReporter())

    return run


def test_the_first_bad_commit_is_found(bisect):
    confirmed = []
    found = bisect("gggbbbb", lambda judged: confirmed.append(judged) or 1)
    assert (found.found.last_good, found.found.first_bad) == (2, 3)
    assert bisect.tried[:2] == [0, 6]
    assert [each.commit.subject for each in confirmed] == ["change 2", "change 3"]


@pytest.mark.parametrize("other", ["o", "h", "?"])
def test_another_failure_is_unknown_and_not_bad(bisect, other):
    found = bisect(f"gg{other}bb")
    assert (found.found.last_good, found.found.first_bad) == (1, 3)
    assert found.found.states[2] is State.UNKNOWN


def test_failures_without_a_known_cause_are_told_apart_by_their_exception(bisect):
    found = bisect("gvvtt")
    assert (found.found.last_good, found.found.first_bad) == (0, 3)


def test_ends_that_are_alike_or_cannot_be_measured_end_it(bisect):
    with pytest.raises(NothingChanges, match="have the same result: load_error"):
        bisect("bggb")
    assert bisect.tried == [0, 3]
    for letters in ("?gb", "gb?", "hgb"):
        with pytest.raises(CouldNotJudge, match="an end, cannot be measured"):
            bisect(letters)


def test_a_repair_is_searched_for_in_the_same_way(bisect):
    found = bisect("bbbgg")
    assert (found.found.last_good, found.found.first_bad) == (2, 3)


@pytest.mark.parametrize(
    "cell",
    [
        "plain_dense/h5/keras3.12->keras3.15/none",
        "plain_dense/h5/keras@commit->keras@commit/none",
        "plain_*/h5/keras3.12->keras@commit/none",
        "plain_dense/h5/keras3.12,keras3.13->keras@commit/none",
        "plain_dense/h5",
    ],
)
def test_only_a_single_cell_with_one_place_for_the_commit_is_taken(cell, tmp_path):
    request = Request(root=ROOT, store=tmp_path, out=tmp_path)
    with pytest.raises(SelectionError, match="is not one cell with keras@commit") as raised:
        read_request(cell, request, tmp_path, "a", "b")
    assert "keras@commit" in raised.value.next_step


def test_a_base_that_is_not_python_alone_is_refused(tmp_path):
    request = Request(root=ROOT, store=tmp_path, out=tmp_path, base="tf2.15")
    with pytest.raises(SelectionError, match="commits cannot be measured on tf2"):
        read_request(CELL, request, tmp_path, "a", "b")


@pytest.mark.parametrize(("letter", "code"), [("g", 0), ("b", 1), ("o", 125), ("?", 125)])
def test_git_is_told_with_its_own_exit_codes(bisect, monkeypatch, capsys, tmp_path, letter, code):
    bisect("gb")
    monkeypatch.setattr(bisect_work, "read_request", lambda *_: asked_for("gb"))
    monkeypatch.setattr(bisect_work, "changed_files", lambda *_: False)
    honest = module.measure_commit
    here = Commit(sha="f" * 40, tree="here", day="2026-01-01", subject="here")

    def measure(request, asked, commit, reporter):
        if commit.tree != "here":
            return honest(request, asked, commit, reporter)
        detail, exception = RESULTS[letter]
        return Judged(commit=here, cell=CELL, detail=detail, exception=exception)

    monkeypatch.setattr(module, "measure_commit", measure)
    monkeypatch.setattr(module, "read_commit", lambda *_: here)
    options = ["--commits", ".", "--good", "a", "--bad", "b", "--here", "--store", str(tmp_path)]
    assert main(["bisect", CELL, *options]) == code
    assert "ffffffffff is " in capsys.readouterr().out


@pytest.mark.parametrize("error", [StoreError("no room"), KeyboardInterrupt()])
def test_an_error_never_looks_like_a_bad_commit(monkeypatch, capsys, tmp_path, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(bisect_work, "read_request", lambda *_: asked_for("gb"))
    monkeypatch.setattr(bisect_work, "changed_files", lambda *_: False)
    monkeypatch.setattr(bisect_work, "judge_here", fail)
    options = ["--commits", ".", "--good", "a", "--bad", "b", "--here", "--store", str(tmp_path)]
    assert main(["bisect", CELL, *options]) == 129
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--good", "a"], ["--here"], ["--commits", "."], ["--commits", ".", "--good", "a"]]
)
def test_options_that_need_each_other_say_so(capsys, options):
    assert main(["bisect", CELL, *options]) == 2
    assert "error: " in capsys.readouterr().err


def test_the_text_names_the_commit_both_sides_and_what_was_tried(bisect):
    found = bisect("gg?bb")
    ends = bisect_work.Ends(repository=Path("clone"), good="a", bad="b")
    titles = {"newer_argument": "An unknown argument"}
    said = "\n".join(bisect_work.lines(found, titles, ends))
    assert "5 commits change keras/; tried: 5" in said
    assert "0000000002  2026-01-01  unknown  it cannot be imported: SyntaxError" in said
    assert "one of these, or 0000000003 (2026-01-01) change 3" in said
    assert "could not be judged: 0000000002" in said
    assert "cause: An unknown argument [newer_argument]" in said
    assert "git -C clone show 0000000003" in said
    assert "both results came again" in said


def test_what_was_not_repeated_is_not_said_to_be(bisect):
    found = bisect("gb", lambda judged: 0)
    ends = bisect_work.Ends(repository=Path("clone"), good="a", bad="b")
    assert "came again" not in "\n".join(bisect_work.lines(found, {}, ends))


def test_judging_what_is_checked_out_measures_the_ends_first(bisect, monkeypatch, tmp_path):
    bisect("gb")
    bisect.tried.clear()
    monkeypatch.setattr(module, "read_commit", lambda *_: made("gb")[1])
    request = Request(root=ROOT, store=tmp_path, out=tmp_path)
    _, state = judge_here(request, asked_for("gb"), HeardReporter())
    assert state is State.BAD
    assert bisect.tried == [0, 1, 1]
