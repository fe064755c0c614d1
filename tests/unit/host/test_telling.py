"""The progress of shards, told to other machines and joined there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from fake_tree import HeardReporter

from runner.cli.merge import command
from runner.domain import Outcome
from runner.domain.errors import StoreError
from runner.domain.progress import ShardProgress, join_progress
from runner.domain.shards import Shard
from runner.host import telling
from runner.host.progress import EnvironmentState
from runner.host.telling import TellingReporter
from runner.store.exchange import open_exchange

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def told(index, **changes):
    fields = {
        "index": index,
        "of": 3,
        "plan": "ab" * 32,
        "host": f"host{index}",
        "at": NOW,
        "state": "running",
        "cells": 10 * index,
        "outcomes": {"equivalent": 9 * index, "load_error": index},
        "environments": {"tf2.15": "loading", "tf2.7": "finished"},
        "left_s": 60.0 * index,
    }
    return ShardProgress(**{**fields, **changes})


def test_shards_add_up_and_the_last_to_end_says_how_long():
    records = [told(1), told(2, host="host1"), told(3)]
    (found,) = join_progress(records, NOW)
    assert (found.cells, found.machines, found.finished, found.left_s) == (60, 2, 0, 180.0)
    assert found.outcomes == {"equivalent": 54, "load_error": 6}
    assert found.environments == {"loading": 3, "finished": 3}


def test_the_newest_record_of_a_shard_counts_and_a_finished_one_is_no_machine_at_work():
    later = NOW + timedelta(seconds=9)
    records = [told(3, state="finished", at=later), told(1), told(2), told(3)]
    (found,) = join_progress(records, later)
    assert (found.finished, found.machines, found.left_s) == (1, 2, 120.0)


def test_no_time_is_said_where_a_shard_was_not_heard_of_or_cannot_say():
    (found,) = join_progress([told(1), told(3)], NOW)
    assert list(found.unheard) == [2] and found.left_s is None
    (found,) = join_progress([told(1), told(2, left_s=None), told(3)], NOW)
    assert found.left_s is None


def test_a_shard_that_says_nothing_for_long_is_named_and_plans_are_not_mixed():
    records = [told(1), told(2, at=NOW - timedelta(minutes=6)), told(1, plan="cd" * 32, of=1)]
    first, second = sorted(join_progress(records, NOW), key=lambda each: -each.of)
    assert [each.index for each in first.silent] == [2]
    assert second.cells == 10 and not second.silent


def run(reporter):
    reporter.environment("tf2.15", EnvironmentState.LOADING)
    reporter.start(3, "bare loads")
    reporter.advance("tf2.15", 2, Outcome.EQUIVALENT)
    reporter.advance("tf2.15", 1, None)


def test_what_a_run_reports_arrives_at_the_other_machines(tmp_path, monkeypatch):
    monkeypatch.setattr(telling, "EVERY_S", 0.01)
    exchange = open_exchange(str(tmp_path))
    shown = HeardReporter()
    reporter = TellingReporter(shown, exchange.tell, Shard(2, 3), "ab" * 32, 100.0)
    (first,) = exchange.told()
    assert (first.state, first.cells, first.left_s) == ("running", 0, None)
    run(reporter)
    reporter.end("finished")
    reporter.close()
    (last,) = exchange.told()
    assert (last.index, last.state, last.phase, last.done) == (2, "finished", "bare loads", 3)
    assert (last.cells, last.outcomes) == (2, {"equivalent": 2})
    assert last.environments == {"tf2.15": "loading"}
    assert shown.phases == [("bare loads", 3)] and shown.closed


def test_a_run_that_ends_before_its_time_says_so_and_expects_what_was_measured_before():
    kept = []
    reporter = TellingReporter(HeardReporter(), kept.append, Shard(1, 1), "ab" * 32, 500.0)
    run(reporter)
    reporter.close()
    assert kept[-1].state == "stopped"
    assert 490 < kept[-1].left_s <= 500


def test_a_place_that_cannot_be_written_costs_nothing():
    def refuse(_):
        raise StoreError("no")

    reporter = TellingReporter(HeardReporter(), refuse, Shard(1, 1), "ab" * 32, 1.0)
    run(reporter)
    reporter.close()


def test_the_command_prints_all_of_it(tmp_path):
    exchange = open_exchange(str(tmp_path / "shared"))
    at = datetime.now(UTC)
    exchange.tell(told(1, at=at))
    exchange.tell(told(2, at=at - timedelta(minutes=7)))
    done = CliRunner().invoke(command, ["--progress", str(tmp_path / "shared")])
    assert done.exception is None, done.output
    assert done.output.splitlines()[:3] == [
        "0 of 3 shards are finished, 2 machines at work",
        "  environments: 2 finished, 2 loading",
        "  30 cells measured: 27 equivalent, 3 load_error",
    ]
    assert "shard 2/3 on host2 told nothing for 7 min 00 s" in done.output
    assert "not heard of: 1 shards, the first 3" in done.output


@pytest.mark.parametrize("arguments", [["--progress", "none"], [], ["--progress", "x", "part"]])
def test_what_cannot_be_is_said(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, arguments)
    assert type(done.exception).__name__ == "SelectionError"
    assert "nox -s" in done.exception.next_step
