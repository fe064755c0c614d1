"""Whole runs on the fake Keras that are killed again and again, or whose store was damaged."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_tree import ROW, HeardReporter, make_tree

from runner import pipeline
from runner.domain import Outcome
from runner.domain.request import Request
from runner.executors import registry

PATTERNS = ("plain_dense", "truncated_file", "fake.diverge", "fake.raise")
KILLS = 10
RUN = """
import pathlib, sys
sys.path[:0] = sys.argv[3:]
from test_interrupted import run
run(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
"""


def run(root, store, **options):
    """Run the pipeline once; return outcome and aspects of each cell."""
    if ROW not in registry.EXECUTORS:
        registry.EXECUTORS = (*registry.EXECUTORS, ROW)
    request = Request(
        root=root,
        store=store,
        out=store / "report",
        patterns=PATTERNS,
        profile="smoke",
        executor="fake",
        **options,
    )
    done = pipeline.run_matrix(request, HeardReporter())
    return {
        each.cell.id: (each.outcome, each.aspects, each.cause, each.reason) for each in done.results
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, ROW))
        root = tmp_path_factory.mktemp("tree") / "tree"
        make_tree(root)
        yield root


@pytest.fixture(scope="module")
def whole(tree, tmp_path_factory):
    """A store whose run was left alone, and what came of it."""
    store = tmp_path_factory.mktemp("whole") / "store"
    begun = time.monotonic()
    found = run(tree, store)
    return store, found, time.monotonic() - begun


def test_a_run_killed_again_and_again_finds_what_one_left_alone_finds(tree, whole, tmp_path):
    _, expected, took_s = whole
    here = Path(__file__).parent
    command = [sys.executable, "-c", RUN, str(tree), str(tmp_path / "store"), str(here)]
    command += [str(here.parents[1]), str(here)]
    chance = random.Random(30)
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
            time.sleep(chance.uniform(0.3, took_s / 2))
            running.send_signal(signal.SIGKILL)
    assert run(tree, tmp_path / "store") == expected


@pytest.mark.parametrize("name", ["payload/model.h5", "oracle.json", "oracle.npz", "manifest.json"])
def test_a_damaged_artifact_is_saved_again_and_never_a_finding(tree, whole, tmp_path, name):
    untouched, expected, _ = whole
    store = tmp_path / "store"
    shutil.copytree(untouched, store)
    (folder,) = (store / "artifacts" / "old" / "plain_dense").iterdir()
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    reported = run(tree, store, recorded=True)
    # Which remedies are planned depends on what the bare loads came to.
    bare = {cell: found for cell, found in reported.items() if cell.endswith("/none")}
    changed = {cell: found for cell, found in bare.items() if found != expected[cell]}
    reads = [f"plain_dense/h5/old->{reader}/none" for reader in ("new", "old")]
    assert sorted(changed) == reads
    assert {found[0] for found in changed.values()} == {Outcome.HARNESS_ERROR}
    assert all("damaged" in found[3] for found in changed.values())
    assert run(tree, store) == expected
    assert run(tree, store, recorded=True) == expected
