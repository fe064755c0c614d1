"""Packs on the fake Keras: made, imported, read in a run, and refused where anything is wrong."""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fake_tree import AVAILABLE, FakePlace, HeardReporter, make_tree

from runner import pipeline
from runner.declare.environments import read_environments
from runner.domain import Outcome
from runner.domain.errors import CouldNotJudge, PackError, SelectionError
from runner.domain.request import Request
from runner.executors import registry
from runner.executors.locks import lock_path, lock_text, read_lock
from runner.gate import GateRequest, run_gate
from runner.packs import export_pack, import_pack
from runner.publish.reading import load_data
from runner.store.frozen import read_frozen

ROW = registry.ExecutorRow(
    name="locked", summary="the fake Keras with locks", contained=False, module=__name__
)
SCENARIO = ("plain_dense", "fake.raise", "fake.save")


class LockedPlace(FakePlace):
    """Environments whose digest is that of a lock in the tree."""

    def provision(self, environment):
        found = super().provision(environment)
        if environment.id not in AVAILABLE:
            return found
        lock = read_lock(lock_path(environment.id, self.root / "containers" / "locks"))
        return replace(found, lock_digest=lock.digest)


@contextmanager
def open_place(request, warn):
    yield LockedPlace(request.root)


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "tree"
        self.pack = folder / "pack.zip"
        make_tree(self.root)
        locks = self.root / "containers" / "locks"
        locks.mkdir()
        for each in read_environments(self.root / "containers" / "environments.toml").environments:
            lock_path(each.id, locks).write_text(
                lock_text(each, "keras==3.0.0\n"), encoding="utf-8"
            )

    def request(self, store, **options):
        fields = {"profile": "smoke", "executor": "locked", "workers": 2, **options}
        store = self.folder / store
        return Request(root=self.root, store=store, out=store / "out", **fields)

    def export(self, path=None, **options):
        filters = {"scenario": SCENARIO, "writer": ("old",), "format": ("h5",)}
        request = self.request("made", filters=filters)
        return export_pack(request, path or self.pack, HeardReporter(), **options)

    def bring_in(self, store, path=None, sha256=""):
        return import_pack(self.request(store), path or self.pack, HeardReporter(), sha256)

    def run(self, store, **options):
        request = self.request(store, frozen=True, filters={"reader": ("new",)}, **options)
        reporter = HeardReporter()
        found = pipeline.run_matrix(request, reporter)
        return found, load_data(request.out), reporter


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "EXECUTORS", (*registry.EXECUTORS, ROW))
        found = Bench(tmp_path_factory.mktemp("packs"))
        found.made = found.export()
        found.bring_in("store")
        found.first = found.run("store")
        yield found


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def test_the_same_artifacts_give_the_same_bytes(bench):
    again = bench.export(bench.folder / "again.zip")
    assert (bench.folder / "again.zip").read_bytes() == bench.pack.read_bytes()
    assert again.sha256 == bench.made.sha256


def test_a_pack_has_what_was_written_with_its_lock_and_what_was_not(bench):
    found = bench.made
    assert [(each.id, len(each.saves)) for each in found.writers] == [("old", 3)]
    assert (found.artifacts, found.unwritten) == (2, 1)
    names = members(bench.pack)
    assert names["locks/old.txt"] == (bench.root / "containers/locks/old.txt").read_bytes()
    assert "artifacts/old/plain_dense/h5/payload/model.h5" in names
    readback = {each.scenario: each.readback for each in found.writers[0].saves}
    assert readback == {
        "plain_dense": Outcome.EQUIVALENT,
        "fake.raise": Outcome.LOAD_ERROR,
        "fake.save": None,
    }


def test_a_run_reads_the_pack_and_builds_no_writer(bench):
    outcome, data, _ = bench.first
    found = {each.cell.id: each for each in outcome.results if each.cell.remedy == "none"}
    assert {name: each.outcome for name, each in found.items()} == {
        "plain_dense/h5/old->new/none": Outcome.EQUIVALENT,
        "plain_dense/h5/new->new/none": Outcome.EQUIVALENT,
        "fake.raise/h5/old->new/none": Outcome.LOAD_ERROR,
        "fake.raise/h5/new->new/none": Outcome.LOAD_ERROR,
        "fake.save/h5/old->new/none": Outcome.SAVE_ERROR,
        "fake.save/h5/new->new/none": Outcome.SAVE_ERROR,
    }
    assert not (bench.folder / "store" / "artifacts" / "old").exists()
    day = bench.made.writers[0].day
    frozen = dict(zip(data.cells["writer"].astype(str), data.cells["frozen"], strict=True))
    assert frozen == {"old": day, "new": ""}
    by_id = {each.id: each for each in data.run.environments}
    assert by_id["old"].frozen.pack == bench.made.sha256
    assert by_id["old"].fork is None
    assert by_id["new"].frozen is None


def test_the_control_of_a_frozen_writer_is_its_own_reading(bench):
    controls = {each.id: each for each in bench.first[0].controls}
    found = controls["readback plain_dense/h5/old->old/none"]
    assert found.passed
    assert "when it was frozen" in found.detail


def test_a_second_run_measures_nothing(bench):
    assert bench.run("store")[0].measured == 0


def test_code_that_changed_since_is_refused(bench):
    bench.bring_in("changed")
    scenario = bench.root / "scenarios" / "plain_dense.py"
    text = scenario.read_text(encoding="utf-8")
    scenario.write_text(text.replace("Dense(2", "Dense(3"), encoding="utf-8")
    try:
        with pytest.raises(PackError, match=r"other code.*plain_dense/h5/old"):
            bench.run("changed")
        with pytest.raises(PackError, match="other code: plain_dense"):
            bench.bring_in("fresh")
    finally:
        scenario.write_text(text, encoding="utf-8")
    assert read_frozen(bench.folder / "fresh") == {}


def test_a_frozen_artifact_that_was_damaged_is_a_fault_of_ours(bench):
    bench.bring_in("damaged")
    for path in (bench.folder / "damaged" / "frozen").rglob("plain_dense/*/payload/model.h5"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    outcome, _, _ = bench.run("damaged")
    found = {each.cell.id: each for each in outcome.results}["plain_dense/h5/old->new/none"]
    assert found.outcome is Outcome.HARNESS_ERROR
    assert "the frozen artifact" in found.reason


def test_without_a_pack_or_without_a_reader_there_is_nothing_frozen(bench):
    with pytest.raises(SelectionError, match="no frozen artifacts"):
        bench.run("empty")
    request = bench.request("store", frozen=True)
    with pytest.raises(SelectionError, match="only writes"):
        pipeline.run_matrix(request, HeardReporter())


def test_a_pack_that_lacks_a_writer_says_so(bench):
    request = bench.request(
        "store", frozen=True, profile="full", filters={"reader": ("new",)}, recorded=True
    )
    with pipeline.opened(request, HeardReporter()) as run:
        assert run.declared.scope.unfrozen == ("gone",)


def test_a_writer_that_cannot_be_built_is_an_error_or_left_out(bench):
    filters = {"scenario": ("plain_dense",), "format": ("h5",)}
    request = bench.request("made", filters=filters, profile="full")
    path = bench.folder / "partial.zip"
    with pytest.raises(CouldNotJudge, match="gone"):
        export_pack(request, path, HeardReporter())
    assert not path.exists()
    found = export_pack(request, path, HeardReporter(), partial=True)
    assert list(found.left_out) == ["gone"]
    assert [each.id for each in found.writers] == ["new", "old"]


def test_a_pack_that_is_too_large_is_not_left(bench):
    path = bench.folder / "large.zip"
    with pytest.raises(SelectionError, match=r"0\.001 are allowed"):
        bench.export(path, limit_mb=0.001)
    assert not path.exists()


def test_another_file_than_the_pinned_one_is_refused(bench):
    with pytest.raises(PackError, match="its SHA-256 is"):
        bench.bring_in("pinned", sha256="0" * 64)
    bench.bring_in("pinned", sha256=bench.made.sha256.upper())


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_pack_that_was_cut_is_refused(bench, kept):
    data = bench.pack.read_bytes()
    path = bench.folder / "cut.zip"
    path.write_bytes(data[: kept if kept > 1 else int(len(data) * kept)])
    with pytest.raises(PackError):
        bench.bring_in("cut", path)
    assert read_frozen(bench.folder / "cut") == {}


MODEL = "artifacts/old/plain_dense/h5/payload/model.h5"


def _index(contents, **changes):
    found = json.loads(contents["pack.json"])
    found.update(changes)
    return {**contents, "pack.json": json.dumps(found).encode()}


def _save(contents, **changes):
    found = json.loads(contents["pack.json"])
    found["writers"][0]["saves"][0].update(changes)
    return {**contents, "pack.json": json.dumps(found).encode()}


def _writer(contents, **changes):
    found = json.loads(contents["pack.json"])
    found["writers"][0].update(changes)
    return {**contents, "pack.json": json.dumps(found).encode()}


def _named(contents, name):
    """Put a member of that name into the index and the archive."""
    found = json.loads(contents["pack.json"])
    found["files"][name] = found["files"][MODEL]
    return {**contents, "pack.json": json.dumps(found).encode(), name: contents[MODEL]}


HARMS = {
    "no index": (lambda it: {k: v for k, v in it.items() if k != "pack.json"}, "has no pack.json"),
    "another schema": (lambda it: _index(it, schema="pack/9"), "version pack/9, not pack/1"),
    "no JSON": (lambda it: {**it, "pack.json": b"{"}, "the pack is damaged"),
    "deep JSON": (lambda it: {**it, "pack.json": b"[" * 100_000}, "the pack is damaged"),
    "a field more": (lambda it: _index(it, more=1), "the pack is damaged"),
    "another byte": (lambda it: {**it, MODEL: it[MODEL][:-1] + b"x"}, "is not what was packed"),
    "a longer member": (lambda it: {**it, MODEL: it[MODEL] + b"x"}, "is not what was packed"),
    "a member less": (lambda it: {k: v for k, v in it.items() if k != MODEL}, "is missing"),
    "a member more": (lambda it: {**it, "artifacts/more": b""}, "is not of it"),
    "a path upwards": (lambda it: _named(it, "artifacts/../../x"), "a member is called"),
    "an absolute path": (lambda it: _named(it, "/artifacts/x"), "a member is called"),
    "another folder": (lambda it: _named(it, "store/x"), "a member is called"),
    "a surplus file": (
        lambda it: _named(it, "artifacts/old/plain_dense/h5/payload/more.h5"),
        "is missing, or not of it",
    ),
    "another writer": (lambda it: _writer(it, id="new"), "lock of new is missing"),
    "an unknown writer": (lambda it: _writer(it, id="newer"), "no environment is called newer"),
    "a writer upwards": (lambda it: _writer(it, id="../old"), "the pack is damaged"),
    "another Python": (lambda it: _writer(it, python_version="3.9.1"), "had Python 3.9.1"),
    "another lock": (lambda it: _writer(it, lock="1" * 64), "lock of old is not one"),
    "no saves": (lambda it: _writer(it, saves=[]), "has no saves"),
    "other inputs": (lambda it: _save(it, inputs="0" * 16), "made with other code"),
    "an unknown scenario": (lambda it: _save(it, scenario="nothing"), "is not declared here"),
    "another save": (lambda it: _save(it, scenario="truncated_file"), "made with other code"),
    "no observation": (lambda it: _save(it, observation={}), "makes no sense"),
    "a readback not made": (lambda it: _save(it, readback="not_run"), "was not measured"),
    "a bad moment": (lambda it: _save(it, at="today"), "the pack is damaged"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_or_hostile_pack_is_refused_as_a_whole(bench, harm, tmp_path):
    change, said = HARMS[harm]
    path = tmp_path / "harmed.zip"
    rewrite(path, change(members(bench.pack)))
    with pytest.raises(PackError, match=said) as caught:
        bench.bring_in("harmed", path)
    assert caught.value.next_step
    assert read_frozen(bench.folder / "harmed") == {}
    left = list((bench.folder / "harmed").rglob("*.h5"))
    assert left == []


def test_a_member_that_is_there_twice_is_refused(bench, tmp_path):
    path = tmp_path / "twice.zip"
    path.write_bytes(bench.pack.read_bytes())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(MODEL, b"")
    with pytest.raises(PackError, match="there twice"):
        bench.bring_in("twice", path)


def test_a_bomb_is_not_unpacked(bench, tmp_path):
    contents = members(bench.pack)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, b"\0" * 50_000_000 if name == MODEL else data)
    with pytest.raises(PackError, match="is not what was packed"):
        bench.bring_in("bomb", path)


def test_no_file_and_no_zip(bench, tmp_path):
    path = tmp_path / "note.zip"
    path.write_text("not a zip", encoding="utf-8")
    with pytest.raises(PackError, match="no pack of artifacts"):
        bench.bring_in("none", path)


def test_a_pack_replaces_what_an_earlier_one_brought(bench):
    bench.bring_in("twice_over")
    first = sorted(Path(bench.folder / "twice_over" / "frozen").rglob("*"))
    bench.bring_in("twice_over")
    assert sorted(Path(bench.folder / "twice_over" / "frozen").rglob("*")) == first


def test_a_gate_judges_every_cell_of_a_pack_and_names_what_no_pack_has(bench, tmp_path):
    asked = GateRequest(
        release_baseline=bench.folder / "store" / "out",
        baseline=None,
        accepted=tmp_path / "accepted.toml",
        release="3.2",
    )
    request = bench.request(
        "store", frozen=True, filters={"reader": ("new",)}, profile="full", recorded=True
    )
    found = run_gate(replace(request, out=tmp_path / "out"), asked, HeardReporter())
    decision = found.decision
    assert decision.judged == len(found.run.results)
    assert not decision.regressions
    assert not decision.not_judged
    assert [each for each in decision.incomplete if "pack" in each] == [
        "gone: no pack has it, and with --frozen nothing writes it"
    ]
    assert [each for each in decision.incomplete if "no control" in each] == []
