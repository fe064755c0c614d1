"""A run that is stopped goes on where it was: Ctrl-C, kill -9, a second run beside it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from matrix_harness import (
    SCENARIOS,
    Finished,
    cells,
    finish,
    journal,
    make_store,
    probes_of,
    run,
    selection,
    start,
    wait_for,
)

START_S = 180.0
REMEDIES = ("none", "custom_objects", "rewrite")
"""Loads as they are, loads with the user's code, and loads of a file made of another."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What was seen while one matrix was stopped twice and then finished."""

    store: Path
    second: Finished
    """A run in the same store while the first was at work."""
    first_pid: int
    stopped: Finished
    after_ctrl_c: list[dict]
    left_by_ctrl_c: list[str]
    after_kill: list[dict]
    left_by_kill: list[str]
    completed: Finished


@pytest.fixture(scope="module")
def interrupted(tree, environments, tmp_path_factory):
    store = make_store(tmp_path_factory.mktemp("interrupted") / "store", environments)
    chosen = selection(store, profile="integration", scenarios=SCENARIOS)
    arguments = ("run", *chosen, "--remedy", ",".join(REMEDIES))

    first = start(tree, *arguments)
    wait_for(lambda: len(journal(store)) >= 3 and probes_of(store), START_S, "first saves")
    second = run(tree, *arguments)
    first.send_signal(signal.SIGINT)
    stopped = finish(first, 60)
    left_by_ctrl_c = [" ".join(each.cmdline()) for each in probes_of(store)]
    after_ctrl_c = journal(store)

    again = start(tree, *arguments)
    enough = len(after_ctrl_c) + 45
    wait_for(lambda: len(journal(store)) >= enough and probes_of(store), START_S, "first loads")
    again.kill()
    again.communicate(timeout=30)
    after_kill = journal(store)
    try:
        wait_for(lambda: not probes_of(store), 10, "probes end with the run")
        left_by_kill = []
    except AssertionError:
        left_by_kill = [str(each) for each in probes_of(store)]

    return Interrupted(
        store=store,
        second=second,
        first_pid=first.pid,
        stopped=stopped,
        after_ctrl_c=after_ctrl_c,
        left_by_ctrl_c=left_by_ctrl_c,
        after_kill=after_kill,
        left_by_kill=left_by_kill,
        completed=run(tree, *arguments),
    )


def test_a_second_run_in_the_same_store_is_refused_with_the_pid(interrupted):
    assert interrupted.second.code == 7, interrupted.second.text
    assert str(interrupted.first_pid) in interrupted.second.err
    assert "Traceback" not in interrupted.second.err


def test_ctrl_c_ends_with_130_and_leaves_no_process(interrupted):
    assert interrupted.stopped.code == 130, interrupted.stopped.text
    assert "interrupted" in interrupted.stopped.err
    assert "Traceback" not in interrupted.stopped.err
    assert interrupted.left_by_ctrl_c == []


def test_kill_9_leaves_no_process(interrupted):
    assert interrupted.left_by_kill == []


def test_the_next_run_completes_it(interrupted):
    assert interrupted.completed.code == 0, interrupted.completed.text


def test_nothing_is_lost_and_nothing_runs_twice(interrupted):
    final = journal(interrupted.store)
    assert final[: len(interrupted.after_kill)] == interrupted.after_kill
    assert interrupted.after_kill[: len(interrupted.after_ctrl_c)] == interrupted.after_ctrl_c
    keys = [(each["kind"], each["id"], each["inputs"]) for each in final]
    assert len(keys) == len(set(keys))
    assert not [each for each in final if each["observation"]["status"] == "harness_error"]
    # The copies that the remedy `rewrite` loads are made by the tool itself: no job, but a record.
    later = final[len(interrupted.after_kill) :]
    copies = [each for each in later if each["kind"] == "make" and each["id"].endswith("/rewrite")]
    measured = len(later) - len(copies)
    assert f"({measured} jobs measured now)" in interrupted.completed.out


def test_the_result_is_that_of_an_uninterrupted_run(interrupted, matrix):
    columns = ["outcome", "aspects", "exception", "verdict"]
    found, whole = cells(interrupted.store), cells(matrix.store)
    expected = whole[whole["remedy"].isin(REMEDIES)]
    assert set(found["remedy"]) == set(expected["remedy"]) == set(REMEDIES)
    # A remedy that is named is measured where it is not needed, too.
    assert found.loc[expected.index, columns].equals(expected[columns])


def test_no_batch_folder_or_unfinished_artifact_stays_behind(interrupted):
    unfinished = list(interrupted.store.glob("artifacts/*/*/.tmp-*"))
    assert unfinished == []
