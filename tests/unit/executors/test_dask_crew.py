"""The rounds of jobs on workers that work, die, fail, come late and never come."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fake_probe import PROVISIONED

from runner.contract import Job
from runner.domain import Observation
from runner.domain.errors import ClusterError
from runner.executors.dask.crew import UNFIT, DaskCrew, Packs
from runner.executors.dask.messages import Ended, Result, Run, Seen
from runner.executors.dask.team import Answered, Joined, Left, Member
from runner.executors.dispatch import FAILURES, LOST_ALONE, Policy
from runner.executors.interface import Settings
from runner.store.exchange import open_exchange

HEAD = {
    "queue": "q",
    "tool": "t",
    "executor": "e",
    "settings": {},
    "root": "/r",
    "here": False,
    "exchange": "/x",
}
DONE = json.dumps({"status": "done", "stage": "", "duration_s": 0.1})


def job(name: str) -> Job:
    return Job(id=name, kind="save", inputs="0", payload={"id": name})


def jobs(number: int) -> list[Job]:
    return [job(f"job{n}") for n in range(number)]


def results(names):
    return [Result(id=name, observation=DONE) for name in names]


@dataclass
class FakeTeam:
    """Workers whose behaviour is a function: worker and order -> events."""

    behave: object
    members: dict[str, Member] = field(default_factory=dict)
    start_timeout_s: float = 0.05
    at: dict[str, Run] = field(default_factory=dict)
    """Worker -> its order."""
    waiting: list = field(default_factory=list)
    given: Counter = field(default_factory=Counter)
    """Worker -> the number of its orders."""
    run: Counter = field(default_factory=Counter)
    """Job -> how often it was sent."""
    ended: bool = False
    number: int = 0

    def __post_init__(self):
        for name in "abcd":
            if name not in self.members:
                self.join(name)

    def join(self, name):
        self.members[name] = Member(name=name, place=name, locks=set())

    @property
    def idle(self):
        return [name for name in self.members if name not in self.at]

    def send(self, worker, make):
        assert worker in self.idle
        self.number += 1
        order = make(number=self.number, store="/s", **HEAD)
        self.given[worker] += 1
        self.run.update(each.id for each in order.jobs)
        self.at[worker] = order
        self.waiting += self.behave(self, worker, order)
        return self.number

    def events(self):
        events, self.waiting = self.waiting, []
        for event in events:
            if isinstance(event, Left):
                self.members.pop(event.worker, None)
                self.at.pop(event.worker, None)
            elif isinstance(event, Joined):
                self.join(event.worker)
            elif isinstance(event.answer, Ended):
                self.at.pop(event.worker, None)
            yield event

    def end(self):
        self.ended = True


def said(worker, order, names):
    return Answered(worker, Seen(number=order.number, process=worker, results=results(names)))


def over(worker, order, how="done", reason=""):
    return Answered(worker, Ended(number=order.number, process=worker, how=how, reason=reason))


def good(team, worker, order):
    return [said(worker, order, [each.id for each in order.jobs]), over(worker, order)]


@dataclass
class Notes:
    seen: dict[str, Observation] = field(default_factory=dict)

    def __call__(self, job, observation):
        assert job.id not in self.seen, "recorded twice"
        self.seen[job.id] = observation

    @property
    def lost(self):
        return {name for name, each in self.seen.items() if each.status != "done"}


def run(behave, given, tmp_path, **options):
    team, notes, warned, finished = FakeTeam(behave, **options), Notes(), [], []
    crew = DaskCrew(
        team=team,
        packs=Packs(open_exchange(str(tmp_path)), Path("/s")),
        settings=Settings(),
        warn=warned.append,
        policy=Policy(shortest_s=1.0, longest_s=10.0),
    )
    environments = {name: replace(PROVISIONED) for name in given}
    try:
        crew.run(given, environments, notes, finished.append)
    finally:
        team.notes, team.warned, team.finished = notes, warned, finished
    return team


def test_two_thousand_jobs_have_one_observation_each(tmp_path):
    team = run(good, {"one": jobs(1500), "two": [job(f"x{n}") for n in range(500)]}, tmp_path)
    assert len(team.notes.seen) == 2000
    assert set(team.run.values()) == {1}
    assert sorted(team.finished) == ["one", "two"]
    assert len(team.given) == 4


def test_a_job_that_ends_its_worker_is_found_and_it_alone_is_lost(tmp_path):
    deaths = []

    def behave(team, worker, order):
        names = [each.id for each in order.jobs]
        if "job77" not in names:
            return good(team, worker, order)
        deaths.append(len(names))
        before = names[: names.index("job77")]
        # Another comes in its place, as a nanny would start it.
        return [said(worker, order, before), Left(worker, order.number), Joined(f"{worker}'")]

    team = run(behave, {"one": jobs(400)}, tmp_path)
    assert team.notes.lost == {"job77"}
    assert f"{LOST_ALONE} workers were lost" in team.notes.seen["job77"].message
    assert deaths[-LOST_ALONE:] == [1] * LOST_ALONE
    assert len(deaths) <= 10
    # What was measured before a worker died is not measured again.
    assert team.run["job0"] == 1


def test_a_worker_that_fails_fast_gets_no_more_after_two_failures(tmp_path):
    def behave(team, worker, order):
        return (
            [over(worker, order, "failed", "disk")] if worker == "a" else good(team, worker, order)
        )

    team = run(behave, {"one": jobs(2000)}, tmp_path)
    assert not team.notes.lost
    assert team.given["a"] == FAILURES
    assert [each for each in team.warned if "worker a gets no more" in each and "disk" in each]


def test_a_worker_of_another_version_is_never_asked_again(tmp_path):
    def behave(team, worker, order):
        if worker != "a":
            return good(team, worker, order)
        return [over(worker, order, "refused", "another tool")]

    team = run(behave, {"one": jobs(2000)}, tmp_path)
    assert not team.notes.lost
    assert team.given["a"] == 1


def test_an_environment_that_no_worker_can_start_costs_only_itself(tmp_path):
    def behave(team, worker, order):
        if order.jobs[0].id.startswith("x"):
            return [over(worker, order, "unfit", "no such file")]
        return good(team, worker, order)

    given = {"one": jobs(200), "bad": [job(f"x{n}") for n in range(50)]}
    team = run(behave, given, tmp_path)
    assert team.notes.lost == {f"x{n}" for n in range(50)}
    assert team.notes.seen["x3"].message == "no such file"
    assert max(team.run[f"x{n}"] for n in range(50)) <= UNFIT


def test_an_environment_that_one_worker_cannot_start_is_measured_by_the_others(tmp_path):
    def behave(team, worker, order):
        return [over(worker, order, "unfit", "AVX")] if worker == "a" else good(team, worker, order)

    team = run(behave, {"one": jobs(300)}, tmp_path)
    assert not team.notes.lost
    assert team.given["a"] == 1


def test_late_answers_of_a_lost_worker_count_for_nothing(tmp_path):
    late = []

    def behave(team, worker, order):
        if worker == "a":
            late.append(good(team, worker, order))
            return [Left(worker, order.number)]
        events = good(team, worker, order)
        return events + (late.pop() if late else [])

    team = run(behave, {"one": jobs(300)}, tmp_path)
    assert len(team.notes.seen) == 300
    assert not team.notes.lost


def test_jobs_that_a_batch_left_out_are_run_again(tmp_path):
    def behave(team, worker, order):
        names = [each.id for each in order.jobs]
        return [said(worker, order, names[:-1] or names), over(worker, order)]

    team = run(behave, {"one": jobs(40)}, tmp_path)
    assert not team.notes.lost
    assert len(team.notes.seen) == 40


def test_where_every_worker_fails_one_message_says_so_and_nothing_is_recorded(tmp_path):
    def behave(team, worker, order):
        return [over(worker, order, "failed", "no space left")]

    with pytest.raises(ClusterError) as caught:
        run(behave, {"one": jobs(40)}, tmp_path)
    assert "every worker failed twice" in str(caught.value)
    assert "no space left" in str(caught.value)
    assert caught.value.exit_code == 26


def test_an_interrupt_takes_every_order_back(tmp_path):
    def behave(team, worker, order):
        raise KeyboardInterrupt

    teams = []

    def note(team, worker, order):
        teams.append(team)
        return behave(team, worker, order)

    with pytest.raises(KeyboardInterrupt):
        run(note, {"one": jobs(4)}, tmp_path)
    assert teams[0].ended


def test_a_worker_that_has_built_an_environment_gets_it_first(tmp_path):
    first = []

    def behave(team, worker, order):
        first.append((worker, order.jobs[0].id[0]))
        return good(team, worker, order)

    given = {name: [job(f"{name}{n}") for n in range(100)] for name in "wxyz"}
    team = FakeTeam(behave)
    for worker, name in zip("abcd", "zyxw", strict=True):
        team.members[worker].locks.add((name, PROVISIONED.lock_digest))
    run(behave, given, tmp_path, members=dict(team.members))
    assert dict(first[:4]) == {"a": "z", "b": "y", "c": "x", "d": "w"}
