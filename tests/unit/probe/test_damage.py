"""Damage of real files: the same every time, where it was asked for, and nowhere else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from runner.probe.damage import damage_file, save_interrupted

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
FILES = ("tf1.15.h5", "tf2.15.h5", "keras3.15.h5", "tf2.15.keras", "keras3.15.keras")
ZIPS = ("tf2.15.keras", "keras3.15.keras")


def weights_of(name):
    with np.load(CAPTURES / (name.rpartition(".")[0] + ".npz")) as stored:
        return [stored[key] for key in stored.files]


@pytest.fixture
def damaged(tmp_path):
    def damage(name, specification):
        path = tmp_path / name
        shutil.copy(CAPTURES / name, path)
        before = path.read_bytes()
        said = damage_file(str(path), specification, weights_of(name))
        return before, path.read_bytes(), said

    return damage


def changed(before, after):
    """Return the first and the last place at which two contents of one length differ."""
    assert len(before) == len(after)
    places = [
        place for place, pair in enumerate(zip(before, after, strict=True)) if len({*pair}) > 1
    ]
    assert places
    return places[0], places[-1]


@pytest.mark.parametrize("name", FILES)
def test_truncation_keeps_the_beginning(damaged, name):
    before, after, said = damaged(name, "truncate:keep=0.5")
    assert after == before[: len(before) // 2]
    assert said == f"cut to {len(after)} of {len(before)} bytes"


@pytest.mark.parametrize(("keep", "left"), [(512, 512), (0, 0), (10**9, None)])
def test_truncation_by_bytes(damaged, keep, left):
    before, after, _ = damaged("tf2.15.h5", f"truncate:keep_bytes={keep}")
    assert after == before[:left]


def test_emptying(damaged):
    before, after, said = damaged("tf2.15.h5", "empty")
    assert after == b""
    assert str(len(before)) in said


@pytest.mark.parametrize("name", FILES)
def test_random_bytes_at_an_offset(damaged, name):
    before, after, said = damaged(name, "random_bytes:offset=1000,count=100,seed=1")
    first, last = changed(before, after)
    assert 1000 <= first <= last < 1100
    assert after[1000:1100] == np.random.RandomState(1).bytes(100)
    assert said == f"100 random bytes at offset 1000 of {len(before)}"


def test_the_seed_decides_the_bytes(damaged):
    one = damaged("tf2.15.h5", "random_bytes:offset=1000,seed=1")[1]
    assert damaged("tf2.15.h5", "random_bytes:offset=1000,seed=1")[1] == one
    assert damaged("tf2.15.h5", "random_bytes:offset=1000,seed=2")[1] != one


def test_random_bytes_do_not_make_the_file_longer(damaged):
    before, after, said = damaged("tf2.15.h5", "random_bytes:offset=15100,count=100")
    assert len(after) == len(before)
    assert said.startswith("44 random bytes")
    before, after, said = damaged("tf2.15.h5", "random_bytes:offset=99999,count=100")
    assert after == before
    assert said.startswith("0 random bytes")


@pytest.mark.parametrize("name", FILES)
def test_the_header_is_the_first_bytes(damaged, name):
    before, after, _ = damaged(name, "random_bytes:where=header,count=64")
    assert changed(before, after)[0] == 0
    assert after[64:] == before[64:]


@pytest.mark.parametrize("name", ["tf1.15.h5", "tf2.15.h5", "keras3.15.h5"])
def test_the_configuration_of_hdf5(damaged, name):
    before, after, _ = damaged(name, "random_bytes:where=config,count=40")
    first, last = changed(before, after)
    at = before.find(b'"class_name"')
    assert at <= first <= last < at + 40


@pytest.mark.parametrize("name", FILES)
def test_a_weight_is_hit_inside_its_own_bytes(damaged, name):
    before, after, _ = damaged(name, "random_bytes:where=weight,count=5000")
    largest = max(weights_of(name), key=lambda array: array.size)
    raw = largest.tobytes()
    at = before.find(raw)
    assert at > 0
    first, last = changed(before, after)
    assert at <= first <= last < at + len(raw)
    # All of it, and not one byte more: the neighbours are whole.
    assert after[:at] + after[at + len(raw) :] == before[:at] + before[at + len(raw) :]
    assert raw not in after


@pytest.mark.parametrize("name", ZIPS)
def test_the_configuration_in_an_archive(damaged, name, tmp_path):
    before, after, _ = damaged(name, "random_bytes:where=config,count=40")
    changed(before, after)
    with zipfile.ZipFile(tmp_path / name) as archive:
        with pytest.raises(zipfile.BadZipFile, match=r"Bad CRC-32 for file 'config\.json'"):
            archive.read("config.json")
        # Only this member is hurt.
        for other in archive.namelist():
            if other != "config.json":
                archive.read(other)


@pytest.mark.parametrize("name", ZIPS)
def test_a_weight_in_an_archive_hurts_only_the_weights(damaged, name, tmp_path):
    damaged(name, "random_bytes:where=weight,count=16")
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert archive.testzip() == "model.weights.h5"
        archive.read("config.json")


def test_a_weight_in_a_compressed_archive_hits_its_member(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", '{"class_name": "Sequential"}')
        archive.writestr("model.weights.h5", os.urandom(2000))
    damage_file(str(path), "random_bytes:where=weight,count=100", [np.ones(100)])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() == "model.weights.h5"


@pytest.mark.parametrize(
    ("specification", "weights", "said"),
    [
        ("scratch:where=header", [], "unknown damage"),
        ("random_bytes:where=config", [], "no configuration"),
        ("random_bytes:where=weight", [np.ones(7)], "no weight found"),
        ("flip:where=index", [], "no index found"),
        ("flip:where=directory", [], "no directory found"),
    ],
)
def test_damage_that_cannot_be_done_is_our_fault(tmp_path, specification, weights, said):
    path = tmp_path / "model.h5"
    path.write_bytes(b"nothing of interest")
    with pytest.raises(ValueError, match=said):
        damage_file(str(path), specification, weights)
    assert path.read_bytes() == b"nothing of interest"


class Group:
    """Stands for h5py.Group: what the interruption counts are its datasets."""

    def __init__(self, path):
        self.file = self
        self.path = path

    def flush(self):
        pass

    def create_dataset(self, name):
        with Path(self.path).open("a") as out:
            out.write(name)


@pytest.fixture
def h5py(monkeypatch):
    module = types.ModuleType("h5py")
    module.Group = Group
    monkeypatch.setitem(sys.modules, "h5py", module)


def test_an_interrupted_save_stops_before_its_third_array(h5py, tmp_path):
    path = tmp_path / "model.h5"

    def save():
        group = Group(path)
        for name in "abcde":
            group.create_dataset(name)

    save_interrupted(save)
    assert path.read_text() == "ab"
    # This process goes on, with its own h5py as it was.
    Group(tmp_path / "other").create_dataset("f")


def test_a_save_that_hangs_is_ended(h5py):
    begun = time.monotonic()
    save_interrupted(signal.pause, seconds=0.2)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_of_a_weight(damaged, name):
    before, after, said = damaged(name, "flip:where=weight")
    first, last = changed(before, after)
    assert first == last
    assert (before[first] ^ after[first]).bit_count() == 1
    assert said == f"one bit flipped at offset {first} of {len(before)}"


@pytest.mark.parametrize("name", ["tf1.15.h5", "tf2.15.h5", "keras3.15.h5"])
def test_one_flipped_bit_of_a_weight_is_no_rounding_error(damaged, name):
    before, after, _ = damaged(name, "flip:where=weight")
    start = changed(before, after)[0] - 3
    numbers = np.frombuffer(before[start : start + 4] + after[start : start + 4], "<f4")
    assert abs(numbers[1] - numbers[0]) > 1


@pytest.mark.parametrize("name", ["tf1.15.h5", "tf2.15.h5", "keras3.15.h5"])
def test_one_flipped_bit_of_an_index(damaged, name):
    before, after, _ = damaged(name, "flip:where=index")
    first, last = changed(before, after)
    assert first == last == before.find(b"TREE")


@pytest.mark.parametrize("name", ZIPS)
def test_one_flipped_bit_of_the_directory_makes_a_member_unreadable(damaged, name, tmp_path):
    damaged(name, "flip:where=directory")
    with zipfile.ZipFile(tmp_path / name) as archive, pytest.raises(zipfile.BadZipFile):
        archive.read(archive.infolist()[-1].filename)


@pytest.mark.parametrize("name", FILES)
def test_a_block_of_zeros(damaged, name):
    before, after, _ = damaged(name, "zeros:offset=2048,count=512")
    assert after == before[:2048] + bytes(512) + before[2560:]


@pytest.mark.parametrize(
    ("of", "start"), [("html", b"<!DOCTYPE html>"), ("lfs_pointer", b"version")]
)
def test_something_else_under_the_name(damaged, of, start):
    _, after, said = damaged("keras3.15.keras", f"content:of={of}")
    assert after.startswith(start)
    assert said == f"replaced by an {of.replace('_', ' ')}"


@pytest.mark.parametrize("name", ZIPS)
def test_a_folder_above_the_archive_s_files(damaged, name, tmp_path):
    with zipfile.ZipFile(CAPTURES / name) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    _, first, _ = damaged(name, "nest")
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert {each: archive.read("model/" + each) for each in members} == members
    _, second, _ = damaged(name, "nest")
    assert first == second


def test_an_unpacked_archive_is_a_folder(tmp_path):
    path = tmp_path / "model.keras"
    shutil.copy(CAPTURES / "keras3.15.keras", path)
    assert damage_file(str(path), "unpack", []).startswith("unpacked")
    assert (path / "config.json").is_file()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.keras"]


def configuration_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


@pytest.fixture
def archive(tmp_path):
    """Return a function that writes an archive with one layer of the configuration given."""

    def write(class_name, config):
        folder = tmp_path / "payload"
        folder.mkdir()
        layers = [
            {"class_name": "Dense", "config": {"activation": "relu"}},
            {"class_name": class_name, "config": config},
        ]
        with zipfile.ZipFile(folder / "model.keras", "w") as out:
            out.writestr("config.json", json.dumps({"config": {"layers": layers}}))
            out.writestr("model.weights.h5", b"weights")
        return folder / "model.keras"

    return write


@pytest.mark.parametrize("beside", [{}, {"function_type": "lambda", "module": "__main__"}])
def test_a_function_of_the_file_s_choosing(archive, beside):
    path = archive("Lambda", {"function": "scale", **beside})
    said = damage_file(str(path), "function:module=operator,name=neg", [])
    first, second = configuration_of(path)["config"]["layers"]
    assert first["config"] == {"activation": "relu"}
    assert second["config"]["function"]["module"] == "operator"
    assert second["config"]["function"]["config"] == "neg"
    kept = {key: second["config"][key] for key in beside}
    assert kept == ({"function_type": "function", "module": "operator"} if beside else {})
    assert said == "the Lambda layer names operator.neg"


def test_a_vocabulary_outside_the_file(archive):
    path = archive("IntegerLookup", {"vocabulary": [2, 3, 5]})
    damage_file(str(path), "vocabulary", [])
    layer = configuration_of(path)["config"]["layers"][1]
    assert layer["config"]["vocabulary"] == "payload/outside.txt"
    assert (path.parent / "outside.txt").read_text() == "5\n3\n2\n"


@pytest.mark.parametrize("specification", ["function:module=operator,name=neg", "vocabulary"])
def test_an_archive_without_such_a_layer_is_our_fault(archive, specification):
    path = archive("Dense", {"activation": "relu"})
    with pytest.raises(ValueError, match="no layer"):
        damage_file(str(path), specification, [])
