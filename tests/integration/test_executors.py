"""One selection through every way to run it: the cells are those of local processes.

Containers are held against the same run in `test_docker.py`.
"""

from __future__ import annotations

import re

import pytest
from dask_fakes import Processes
from matrix_harness import (
    EVERYWHERE,
    SCENARIOS,
    journal,
    make_store,
    probes_of,
    read_cells,
    require_same_cells,
    run,
    run_record,
    selection,
    start,
    wait_for,
)
from s3_server import s3_server


def _arguments(store) -> tuple[str, ...]:
    return ("run", *selection(store, profile="contained", scenarios=SCENARIOS), *EVERYWHERE)


@pytest.fixture
def empty(kept, tmp_path):
    """Make empty stores that share the built environments."""
    return lambda name: make_store(tmp_path / name, (kept / "environments").resolve())


@pytest.fixture
def cluster(tmp_path, tree):
    found = Processes(tmp_path, tree)
    found.scheduler()
    try:
        yield found
    finally:
        found.end()


def test_a_killed_coordinator_loses_nothing_and_the_cells_are_those_of_local_processes(
    tree, local, empty, cluster
):
    store, theirs = empty("dask"), empty("theirs")
    for name in ("one", "two"):
        cluster.worker(name, store=theirs)
    command = (*_arguments(store), "--executor", "dask", "--scheduler", cluster.address)
    first = start(tree, *command)
    loaded = lambda: [each for each in journal(store) if each["kind"] == "load"]  # noqa: E731
    wait_for(lambda: loaded() or first.poll() is not None, 300, "a load")
    first.kill()
    said = first.communicate(timeout=30)
    assert loaded(), said
    before = journal(store)
    wait_for(lambda: not probes_of(theirs), 60, "workers stop the work of nobody")

    finished = run(tree, *command)
    assert finished.code == 0, finished.text
    after = journal(store)
    assert len(before) < len(after) and after[: len(before)] == before
    keys = [(each["kind"], each["id"], each["inputs"]) for each in after]
    assert len(keys) == len(set(keys))
    require_same_cells(store / "report", local.store / "report")
    assert run_record(store)["executor"] == "dask"


def test_cells_of_shards_that_share_an_s3_server_are_those_of_one_machine(
    tree, local, empty, tmp_path
):
    with s3_server() as address:
        shared = ("--artifacts", address)
        stores = [empty("first"), empty("second")]
        saves = []
        for index, store in enumerate(stores, 1):
            part = run(tree, *_arguments(store), "--shard", f"{index}/2", *shared)
            assert part.code == 0, part.text
            saves.append(int(re.findall(r"saves: (\d+) to do", part.out)[0]))
        # The first saved the models, the second found them, but for those of its own controls.
        assert saves[1] < saves[0] / 2
        told = run(tree, "merge", "--progress", address)
        assert told.code == 0, told.text
        assert "2 of 2 shards are finished" in told.out
    joined = empty("joined")
    done = run(tree, "merge", "--store", str(joined), *map(str, stores))
    assert done.code == 0, done.text
    # What a shard cannot know: the chains through environments of another.
    rest = run(tree, *_arguments(joined))
    assert rest.code == 0, rest.text
    assert 0 < int(re.findall(r"\((\d+) jobs measured now\)", rest.out)[0]) < 20
    require_same_cells(joined / "report", local.store / "report")

    parts = [str(store / "report") for store in stores]
    whole = tmp_path / "whole"
    merged = run(tree, "merge", "--out", str(whole), *parts)
    assert merged.code == 0, merged.text
    found, wanted = read_cells(whole), read_cells(local.store / "report")
    assert list(found.index) == list(wanted.index[wanted["remedy"] != "hop"])
    assert found["outcome"].equals(wanted.loc[found.index, "outcome"])
