"""What is on disk is recognised by its bytes: files that real environments wrote."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from runner.domain import FORMAT_FACTS
from runner.probe import formats

CAPTURES = Path(__file__).parents[2] / "data" / "captures"


def test_the_vocabulary_is_that_of_the_host():
    facts = {str(format_): facts for format_, facts in FORMAT_FACTS.items()}
    assert formats.EXPECTED == {name: each.written for name, each in facts.items()}
    assert formats.PAYLOAD == {name: each.payload for name, each in facts.items()}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("tf1.15.h5", "hdf5"),
        ("tf2.15.h5", "hdf5"),
        ("keras3.15.h5", "hdf5"),
        ("tf2.15.keras", "zip_v3"),
        ("keras3.15.keras", "zip_v3"),
        # The name lies.
        ("tf1.15.keras", "hdf5"),
        ("tf2.12.keras", "hdf5"),
    ],
)
def test_real_files(name, written):
    assert formats.recognise(str(CAPTURES / name)) == written


@pytest.mark.parametrize("environment", ["tf1.15", "tf2.12", "tf2.15", "keras3.15"])
def test_real_folders(environment, tmp_path):
    expected = {"saved_model": "saved_model", "export": "saved_model", "checkpoint": "checkpoint"}
    listings = json.loads((CAPTURES / f"{environment}.json").read_text())
    for what, names in listings.items():
        folder = tmp_path / what
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes(b"")
        assert formats.recognise(str(folder)) == expected[what]


@pytest.mark.parametrize(
    ("name", "keep", "written"),
    [
        ("keras3.15.keras", 5000, "zip"),
        ("keras3.15.keras", 4, "zip"),
        ("keras3.15.keras", 3, "other"),
        ("tf2.15.h5", 5000, "hdf5"),
        ("tf2.15.h5", 8, "hdf5"),
        ("tf2.15.h5", 7, "other"),
        ("tf2.15.h5", 0, "other"),
    ],
)
def test_files_that_were_cut(name, keep, written, tmp_path):
    path = tmp_path / name
    path.write_bytes((CAPTURES / name).read_bytes()[:keep])
    assert formats.recognise(str(path)) == written


def test_a_zip_that_is_no_model(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no configuration")
    assert formats.recognise(str(path)) == "zip"


def test_nothing_and_other_folders(tmp_path):
    assert formats.recognise(str(tmp_path / "none")) == "nothing"
    assert formats.recognise(str(tmp_path)) == "nothing"
    shutil.copy(CAPTURES / "tf2.15.h5", tmp_path)
    assert formats.recognise(str(tmp_path)) == "folder"


class Model:
    """Records what a user's call would be."""

    def __init__(self):
        self.calls = []

    def save(self, path, **options):
        self.calls.append(("save", path, options))

    def save_weights(self, path, **options):
        self.calls.append(("save_weights", path, options))

    def export(self, path):
        self.calls.append(("export", path, {}))

    def to_json(self):
        return '{"class_name": "Sequential"}'


@pytest.mark.parametrize(
    ("format_", "calls"),
    [
        ("h5", [("save", "model.h5", {})]),
        ("keras", [("save", "model.keras", {})]),
        ("saved_model", [("save", "model", {"save_format": "tf"})]),
        ("weights_h5", [("save_weights", "model.weights.h5", {})]),
        ("json_weights", [("save_weights", "model.weights.h5", {})]),
        ("tf_checkpoint", [("save_weights", "checkpoint/weights", {"save_format": "tf"})]),
        ("export", [("export", "model", {})]),
    ],
)
def test_each_format_is_saved_as_a_user_does(format_, calls, tmp_path):
    model = Model()
    formats.save_model(model, format_, str(tmp_path))
    assert model.calls == [(call, str(tmp_path / path), options) for call, path, options in calls]
    architecture = tmp_path / formats.ARCHITECTURE
    assert architecture.exists() == (format_ == "json_weights")
