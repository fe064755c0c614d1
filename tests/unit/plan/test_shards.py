"""The cutting of a plan into shards: whole, even, few environments each, the same everywhere."""

from __future__ import annotations

import random

import numpy as np
import pytest
from plan_fixtures import field

from runner.domain import BARE, Cell, Format, Save
from runner.plan.cells import plan_bare
from runner.plan.shards import cut, split_plan, split_saves

READERS = [f"keras3.{number}" for number in range(40)]


def loads(per_reader):
    return [
        Cell(scenario=f"s{number}", format=Format.H5, writer="tf2.7", reader=reader, remedy=BARE)
        for reader in READERS
        for number in range(per_reader)
    ]


def split(of, per_reader=50, cost=lambda cell: 0.1, setup=lambda name: 40.0, about=""):
    return split_plan(loads(per_reader), READERS, of, cost_s=cost, setup_s=setup, about=about)


@pytest.mark.parametrize("of", [1, 2, 7, 12, 40, 64, 256])
def test_every_load_is_in_exactly_one_shard(of):
    found = split(of)
    cells = [cell for index in range(1, of + 1) for cell in found.cells(index)]
    assert cells == loads(50)
    assert len(found.shards) == of


@pytest.mark.parametrize("of", [2, 7, 12, 40, 64])
def test_only_readers_at_a_cut_are_built_twice(of):
    found = split(of)
    built = [len(found.readers(index)) for index in range(1, of + 1)]
    assert sum(built) <= len(READERS) + of - 1
    assert max(built) <= 1.5 * len(READERS) / of + 1


def test_the_longest_shard_is_hardly_longer_than_the_others():
    times = random.Random(3)
    costs = {cell: times.choice([0.02, 0.1, 0.4, 30.0]) for cell in loads(200)}
    found = split(12, 200, cost=costs.__getitem__, setup=lambda name: 5.0)
    whole = sum(costs.values()) + 5.0 * (len(READERS) + 11)
    assert max(found.estimated_s) <= whole / 12 + 30.0 + 5.0
    assert found.estimated_s[0] == pytest.approx(
        sum(costs[cell] for cell in found.cells(1)) + 5.0 * len(found.readers(1))
    )


def test_the_digest_is_that_of_the_plan_its_cuts_and_what_it_is_about():
    same = split(4).digest
    assert split(4).digest == same
    assert len({same, split(5).digest, split(4, 51).digest, split(4, about="other").digest}) == 4
    skewed = split(4, cost=lambda cell: 9.0 if cell.reader == READERS[0] else 0.1)
    assert skewed.digest != same


def test_more_shards_than_loads_leave_some_empty():
    found = split_plan(
        loads(1)[:2], READERS[:2], 5, cost_s=lambda cell: 1.0, setup_s=lambda name: 1.0
    )
    assert [len(found.cells(index)) for index in range(1, 6)] == [1, 1, 0, 0, 0]


def test_an_environment_that_nothing_reads_is_controlled_beside_others():
    scope = field(filters={"reader": ["keras3.15"]})
    names = [each.id for each in scope.environments]
    found = split_plan(
        plan_bare(scope), names, 9, cost_s=lambda cell: 1.0, setup_s=lambda name: 1.0
    )
    controlled = [found.readers(index) for index in range(1, 10)]
    assert {name for each in controlled for name in each} == set(names)
    assert all(found.cells(index) for index, each in enumerate(controlled, 1) if each)


def test_saves_are_split_by_writer():
    saves = [
        Save(scenario=f"s{number}", format=Format.H5, writer=writer)
        for writer in READERS[:6]
        for number in range(10)
    ]
    parts = split_saves(saves, READERS, 3, setup_s=lambda name: 10.0, save_s=0.5)
    assert [each for part in parts for each in part] == saves
    assert [len({save.writer for save in part}) for part in parts] == [2, 2, 2]


def test_a_million_loads_are_cut_at_once():
    costs = {name: np.full(25_000, 0.3) for name in READERS}
    parts = cut(costs, dict.fromkeys(READERS, 40.0), 256)
    assert sum(each.stop - each.start for part in parts for each in part) == 1_000_000
