"""Shards of the fake matrix, measured apart and joined, against one run of all of it."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pandas as pd
import pytest
from fake_tree import AVAILABLE, ROW, HeardReporter, make_tree

from runner import merging, pipeline
from runner.domain import Cell, Format, MadeBy, Outcome
from runner.domain.errors import PartsDisagree, SelectionError
from runner.domain.request import Request
from runner.domain.shards import Shard
from runner.executors import registry
from runner.publish import durations, tables
from runner.publish.files import publish_data
from runner.publish.reading import load_data
from runner.store import open_store
from runner.store.joining import join_stores

DATA = ("cells.csv", "cells.parquet", "observations.parquet", "advice.parquet")
OWN = ("started", "finished", "durations", "host", "merged", "shard")
"""Fields of run.json that are of the machine and the day."""
TIMES = ("duration_s", "measured_at", "max_rss_mb", "position", "start_method")
QUICK = ("plain_dense", "fake.diverge", "fake.raise", "fake.save", "truncated_file")


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, ROW))
        # A machine for a reader is worth it here: both have a handful of loads.
        patch.setattr(durations, "BUILD_S", 0.2)
        patch.setattr(durations, "IMPORT_S", 0.1)
        folder = tmp_path_factory.mktemp("shards")
        make_tree(folder / "tree")
        found = Matrix(folder)
        pipeline.run_matrix(found.request("whole"), HeardReporter())
        yield found


class Matrix:
    """A tree, and runs over it, each in a store of its own."""

    def __init__(self, folder):
        self.folder = folder

    def request(self, name, **options):
        fields = {
            "store": self.folder / name,
            "out": self.folder / name / "report",
            "profile": "smoke",
            "filters": {"scenario": QUICK},
            **options,
        }
        return Request(root=self.folder / "tree", executor="fake", workers=2, **fields)

    def report(self, name):
        return self.folder / name / "report"

    def run(self, name, **options):
        return pipeline.run_matrix(self.request(name, **options), HeardReporter())

    def again(self, name, of):
        """Report each shard of what the whole run has measured; return their folders."""
        for index in range(1, of + 1):
            shutil.copytree(self.folder / "whole", self.folder / f"{name}{index}")
            shutil.rmtree(self.report(f"{name}{index}"))
            self.run(f"{name}{index}", shard=Shard(index, of))
        return [self.report(f"{name}{index}") for index in range(1, of + 1)]

    def merge(self, name, folders):
        request = self.request(name, filters={})
        return merging.merge_runs(request, folders)


@pytest.fixture(scope="module")
def parts(matrix):
    return matrix.again("part", 3)


def run_json(folder):
    found = json.loads((folder / "run.json").read_text())
    for name in OWN:
        found.pop(name, None)
    return found


def test_all_shards_joined_are_byte_for_byte_the_data_of_one_run(matrix, parts):
    joined = matrix.merge("joined", [parts[2], parts[0], parts[1]])

    assert joined.missing == [] and list(joined.absent) == []
    for name in DATA:
        whole = (matrix.report("whole") / name).read_bytes()
        assert (matrix.report("joined") / name).read_bytes() == whole, name
    assert run_json(matrix.report("joined")) == run_json(matrix.report("whole"))
    merged = load_data(matrix.report("joined")).run.merged
    assert [each.shard.index for each in merged] == [1, 2, 3]


def test_every_bare_load_is_in_exactly_one_shard(matrix, parts):
    tables_ = [load_data(each).cells for each in parts]
    rows = pd.concat(tables_)
    bare = rows[rows["remedy"] == "none"].astype(str)
    whole = load_data(matrix.report("whole")).cells
    assert all(len(each) for each in tables_)
    assert not bare.duplicated(["scenario", "format", "writer", "reader"]).any()
    assert len(bare) == (whole["remedy"] == "none").sum()


def test_a_missing_shard_is_named_with_its_cells_and_added_later(matrix, parts):
    joined = matrix.merge("two", parts[:2])
    lost = set(load_data(parts[2]).cells.query("remedy == 'none'").index)

    assert list(joined.absent) == [3] and joined.of == 3
    assert len(joined.missing) == len(lost) > 0
    cells = load_data(matrix.report("two")).cells
    waiting = cells[cells["outcome"] == Outcome.NOT_RUN]
    assert len(waiting) == len(joined.missing)
    assert load_data(matrix.report("two")).run.not_run == {merging.ABSENT: len(waiting)}

    whole = matrix.merge("three", [matrix.report("two"), parts[2]])
    assert whole.missing == []
    for name in DATA:
        expected = (matrix.report("whole") / name).read_bytes()
        assert (matrix.report("three") / name).read_bytes() == expected, name


def test_a_cell_that_two_parts_have_alike_is_there_once(matrix, parts):
    joined = matrix.merge("twice", [*parts, parts[0], matrix.report("part1")])
    assert joined.cells == len(load_data(matrix.report("whole")).cells)


def test_parts_that_disagree_on_a_cell_are_refused_and_nothing_is_written(matrix, parts):
    data = load_data(parts[0])
    row = data.cells.index[data.cells["outcome"] == "equivalent"][0]
    changed = data.cells.astype({"outcome": object})
    changed.loc[row, "outcome"] = "crashed"
    order = tables.Order(
        scenarios=tuple(data.cells["scenario"].astype(str).unique()),
        formats=tuple(data.cells["format"].astype(str).unique()),
        environments=data.run.environment_ids,
        remedies=tuple(each.id for each in data.run.remedies),
    )
    cells = tables.join_cells([changed], order)
    totals = tables.count_totals(cells)
    run = data.run
    from msgspec import structs

    run = structs.replace(
        run, totals=structs.replace(run.totals, by_outcome=dict(totals.by_outcome))
    )
    other = matrix.folder / "other"
    publish_data(other, type(data)(run=run, cells=cells, observations=data.observations))

    with pytest.raises(PartsDisagree, match=r"its outcome is 'equivalent' in .* and 'crashed'"):
        matrix.merge("refused", [parts[0], other])
    assert not matrix.report("refused").exists()


def test_shards_of_two_plans_are_refused(matrix, parts):
    [whole] = matrix.again("single", 1)
    with pytest.raises(PartsDisagree, match="different plans"):
        matrix.merge("mixed", [parts[0], whole])


@pytest.fixture(scope="module")
def real(matrix):
    """Two shards, measured apart; a first machine saved their models."""
    shared = str(matrix.folder / "shared")
    saves, written = pipeline.save_all(
        matrix.request("saves", saves_only=True, artifacts=shared), HeardReporter()
    )
    assert saves > written > 0
    for index in (1, 2):
        matrix.run(f"real{index}", shard=Shard(index, 2), artifacts=shared)
    return [matrix.folder / "real1", matrix.folder / "real2"]


def test_shards_that_share_their_artifacts_measure_what_one_run_measures(matrix, real):
    joined = matrix.merge("real", [each / "report" for each in real])

    assert joined.missing == []
    found, whole = (load_data(matrix.report(name)).cells for name in ("real", "whole"))
    kept = [name for name in whole.columns if name not in {*TIMES, "artifact_sha256"}]
    pd.testing.assert_frame_equal(found[kept], whole[kept])
    # Each model was saved once, by whichever machine.
    saved = found.astype(str).groupby(["scenario", "format", "writer"])["artifact_sha256"].nunique()
    assert (saved == 1).all()


def test_a_writer_whose_models_are_shared_is_not_built(matrix, real):
    built = {}
    for artifacts in (str(matrix.folder / "shared"), ""):
        request = matrix.request("frugal", shard=Shard(1, 2), artifacts=artifacts)
        with pipeline.opened(request, HeardReporter()) as run:
            built[bool(artifacts)] = {
                name for name, each in run.built.available.items() if each.executable
            }
            share = run.share
    assert set(share.writers) == set(AVAILABLE) - set(share.readers) != set()
    assert built == {True: set(share.readers), False: set(AVAILABLE)}


def test_models_that_each_machine_saved_itself_are_refused_with_the_way_to_share_them(
    matrix, parts, monkeypatch
):
    data = load_data(parts[2])
    cells = data.cells.assign(artifact_sha256="0" * 12)
    other = matrix.folder / "own_artifacts"
    publish_data(other, type(data)(run=data.run, cells=cells, observations=data.observations))
    with pytest.raises(PartsDisagree) as refused:
        matrix.merge("own", [parts[0], parts[1], other])
    assert "--artifacts" in str(refused.value)


def test_joined_stores_have_all_results_and_a_run_with_them_measures_nothing(matrix, real):
    request = matrix.request("stores")
    joined = join_stores(request.store, real, command="test", warn=lambda _: None)
    assert joined.records > 0 and joined.artifacts > 0 and joined.known > 0

    outcome = pipeline.run_matrix(request, HeardReporter())

    assert outcome.measured == 0
    cells = load_data(matrix.report("stores")).cells
    whole = load_data(matrix.report("whole")).cells
    assert cells["outcome"].tolist() == whole["outcome"].tolist()
    again = join_stores(request.store, real[:1], command="test", warn=lambda _: None)
    assert again.records == 0


def test_stores_that_disagree_are_refused(matrix):
    source = matrix.folder / "disagree"
    shutil.copytree(matrix.folder / "whole", source)
    with open_store(source, command="test", warn=lambda _: None) as store:
        key = min(store.journal.keys("load"))
        [(_, record)] = store.journal.find("load", [key])
        seen = {**record.observation, "status": "crashed", "message": "signal 11"}
        store.journal.append({"kind": "load", "id": key[0], "inputs": key[1], "observation": seen})
    target = matrix.folder / "target"
    with pytest.raises(PartsDisagree, match="other results"):
        join_stores(target, [matrix.folder / "whole", source], command="test", warn=lambda _: None)


def test_a_shard_does_not_take_cells_of_another_run_over(matrix):
    with pytest.raises(SelectionError, match="--keep"):
        matrix.run("keeps", shard=Shard(1, 2), keep=matrix.report("whole"))


def test_a_control_that_failed_in_one_part_failed_in_the_whole(matrix, parts):
    from msgspec import structs

    data = load_data(parts[0])
    bad = structs.replace(data.run.controls[0], passed=False, detail="it did not")
    run = structs.replace(data.run, controls=(bad, *data.run.controls[1:]))
    other = matrix.folder / "bad_control"
    publish_data(other, type(data)(run=run, cells=data.cells, observations=data.observations))
    joined = matrix.merge("failed", [other, *parts[1:]])
    assert joined.failed_controls == [bad.id]


def test_what_a_shard_measured_of_hops_is_kept():
    made_by = {"none": MadeBy.NOBODY, "custom_objects": MadeBy.NOBODY, "hop": MadeBy.HOP}
    bare = Cell(scenario="s", format=Format.H5, writer="a", reader="b", remedy="none")
    helped, hop = (dataclasses.replace(bare, remedy=name) for name in ("custom_objects", "hop"))
    waits = dataclasses.replace(hop, writer="c")
    found = {
        bare: (0, Outcome.LOAD_ERROR),
        helped: (1, Outcome.LOAD_ERROR),
        hop: (2, Outcome.EQUIVALENT),
        waits: (3, Outcome.NOT_RUN),
    }

    assert merging.find_left_out(found, {bare}, made_by) == [1, 3]
