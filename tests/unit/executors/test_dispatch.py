"""The dispatcher: whole rounds in virtual time, and what it makes of lost and failing workers."""

from __future__ import annotations

import numpy as np
import pytest

from runner.executors.dispatch import Dispatcher, Policy, Work, simulate

ALL = Policy(longest_s=float("inf"))


def work(jobs, each_s=0.1, **settings):
    return Work(costs=np.full(jobs, each_s), **settings)


def drain(dispatcher, worker="w"):
    """Take and finish everything; return the jobs by environment."""
    found = {}
    while (batch := dispatcher.take(worker)) is not None:
        found.setdefault(batch.environment, []).extend(range(batch.start, batch.stop))
        assert dispatcher.done(batch)
    return {name: sorted(jobs) for name, jobs in found.items()}


def test_every_job_is_handed_out_once_the_longest_environment_first():
    dispatcher = Dispatcher({"a": work(50), "b": work(900), "c": work(0)}, ALL)
    first = dispatcher.take("w")
    assert (first.environment, first.start, first.stop) == ("b", 0, 900)
    assert dispatcher.done(first)
    assert drain(dispatcher) == {"a": list(range(50))}
    assert dispatcher.finished


def test_the_last_environment_is_split_so_that_no_worker_waits():
    works = {"a": work(1000), "b": work(1000), "c": work(3000)}
    found = simulate(works, {name: each.costs for name, each in works.items()}, 2, ALL)
    assert found.idle < 0.03 and found.cells == 5000
    assert found.batches <= 12


def test_short_work_is_not_split_because_each_part_imports_the_framework():
    dispatcher = Dispatcher({"a": work(100, import_s=8.0)}, ALL)
    dispatcher.announce("v")
    assert len(dispatcher.take("w")) == 100 and dispatcher.take("v") is None


def test_a_worker_stays_where_it_has_an_environment():
    works = {name: work(5000, build_s=30.0) for name in "abcd"}
    dispatcher = Dispatcher(works, Policy(longest_s=60.0))
    for worker in range(4):
        dispatcher.announce(worker)
    dispatcher.announce(2, ["d"])
    at = {}
    for _ in range(4):
        taken = [dispatcher.take(worker) for worker in range(4)]
        for worker, batch in enumerate(taken):
            assert at.setdefault(worker, batch.environment) == batch.environment
            dispatcher.done(batch)
    assert at[2] == "d"


def test_a_poisonous_batch_is_halved_until_its_job_is_found_and_only_that_is_lost():
    poison, jobs = 37, 100
    dispatcher = Dispatcher({"a": work(jobs)}, ALL)
    done, given_up, workers = [], [], 0
    while not dispatcher.finished:
        workers += 1
        batch = dispatcher.take(workers)
        if batch.start <= poison < batch.stop:
            lost = dispatcher.lost(batch)
            given_up += [] if lost is None else [lost]
        else:
            dispatcher.done(batch)
            done += range(batch.start, batch.stop)
    assert given_up == [poison]
    assert sorted(done) == [job for job in range(jobs) if job != poison]
    assert dispatcher.quarantined == {}


def test_a_result_of_a_batch_that_was_given_up_counts_for_nothing():
    dispatcher = Dispatcher({"a": work(1)}, ALL)
    first = dispatcher.take("frozen")
    assert dispatcher.lost(first) is None
    second = dispatcher.take("other")
    assert dispatcher.done(second)
    assert not dispatcher.done(first) and dispatcher.lost(first) is None
    assert dispatcher.finished


def test_a_worker_that_fails_twice_gets_no_more_and_nothing_is_lost():
    dispatcher = Dispatcher({"a": work(10), "b": work(10)}, ALL)
    assert not dispatcher.failed(dispatcher.take("bad"), "its disk is full")
    assert dispatcher.failed(dispatcher.take("bad"), "its disk is full")
    assert dispatcher.take("bad") is None
    assert dispatcher.quarantined == {"bad": "its disk is full"}
    assert {name: len(jobs) for name, jobs in drain(dispatcher, "good").items()} == {
        "a": 10,
        "b": 10,
    }


def test_a_worker_of_another_version_gets_no_second_batch():
    dispatcher = Dispatcher({"a": work(10)}, ALL)
    assert dispatcher.failed(dispatcher.take("old"), "another probe", for_good=True)
    assert dispatcher.take("old") is None and dispatcher.waiting == 10


def test_a_success_between_two_failures_forgives_the_first():
    dispatcher = Dispatcher({"a": work(1000)}, Policy(longest_s=10.0))
    for _ in range(3):
        assert not dispatcher.failed(dispatcher.take("w"), "now and then")
        assert dispatcher.done(dispatcher.take("w"))


@pytest.mark.parametrize("skew", [1.0, 1.3])
def test_a_thousand_workers_are_rarely_idle_and_build_little(skew):
    rng = np.random.default_rng(5)
    works, actual = {}, {}
    for number in range(43):
        costs = rng.choice([0.02, 0.05, 0.1, 0.3], 230_000)
        works[f"e{number}"] = Work(costs=costs, build_s=30.0, import_s=4.0 + number % 9)
        actual[f"e{number}"] = costs * rng.uniform(1.0, skew, len(costs))
    found = simulate(works, actual, 1000, Policy())
    assert found.cells == 43 * 230_000
    assert found.idle < 0.06
    assert found.builds <= 1500


def test_a_hundred_workers_build_half_as_much_again_as_their_fair_share_at_most():
    rng = np.random.default_rng(3)
    actual = {f"e{n}": rng.exponential(0.1, int(2000 * (1 + n % 20))) for n in range(43)}
    works = {name: Work(costs=each, build_s=30.0, import_s=8.0) for name, each in actual.items()}
    found = simulate(works, actual, 100, Policy())
    assert 100 <= found.builds <= 150
    assert found.idle < 0.05


def test_workers_in_the_place_of_lost_ones_build_what_these_had_built():
    dispatcher = Dispatcher({"a": work(50_000, build_s=30.0)}, Policy(longest_s=10.0))
    for generation in range(4):
        taken = []
        for worker in "vw":
            dispatcher.announce(f"{worker}{generation}")
            taken.append((f"{worker}{generation}", dispatcher.take(f"{worker}{generation}")))
        assert all(batch for _, batch in taken)
        for worker, batch in taken:
            dispatcher.leave(worker)
            assert dispatcher.lost(batch) is None
