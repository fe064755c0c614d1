"""Models inside zips, tars and compressed files, and the beginnings of foreign files."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib

import pytest
from inspect_samples import DATA, counts, read

from runner.inspect import Container, describe_here

SAVED = "tf2.15_saved_model"
H5 = "tf1.15_compiled.h5"


def zipped(path, names):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for source, name in names:
            archive.write(source, name)


def members(name):
    folder = DATA / name
    return [
        (each, f"export/{each.relative_to(folder)}")
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    ]


def test_a_saved_model_is_described_inside_zip_tar_and_gzip(tmp_path):
    plain = describe_here(DATA / SAVED)
    zipped(tmp_path / "model.zip", members(SAVED))
    for name, mode in (("model.tar", "w:"), ("model.tar.gz", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as archive:
            for source, inside in members(SAVED):
                archive.add(source, inside)
    for name, container in (
        ("model.zip", Container.ZIP_OTHER),
        ("model.tar", Container.OTHER),
        ("model.tar.gz", Container.OTHER),
    ):
        found = describe_here(tmp_path / name)
        assert (found.container, found.layout) == (container, "saved_model"), name
        assert "SavedModel folder" in found.title, name
        assert read(found, "tensorflow_version") == read(plain, "tensorflow_version"), name
        assert (counts(found), found.tensors) == (counts(plain), plain.tensors), name
        assert found.damage == (), name


def test_a_compressed_model_file_is_described(tmp_path):
    plain = describe_here(DATA / H5)
    (tmp_path / "model.h5.gz").write_bytes(gzip.compress((DATA / H5).read_bytes()))
    with tarfile.open(tmp_path / "model.tgz", "w:gz") as archive:
        archive.add(DATA / H5, "export/model.h5")
    for name in ("model.h5.gz", "model.tgz"):
        found = describe_here(tmp_path / name)
        assert (counts(found), found.writer) == (counts(plain), plain.writer), name


def test_weights_beside_their_architecture_are_described_together(tmp_path):
    zipped(
        tmp_path / "model.zip",
        [
            (DATA / "keras2.3.weights.h5", "weights.h5"),
            (DATA / "tf2.3_architecture.json", "model.json"),
            (DATA / "tf2.3_architecture.json", "__MACOSX/._weights.h5"),
        ],
    )
    found = describe_here(tmp_path / "model.zip")
    assert found.tensors
    assert found.layers


def test_what_would_leave_the_folder_and_what_expands_without_end_is_told(tmp_path):
    with tarfile.open(tmp_path / "model.tar", "w:") as archive:
        link = tarfile.TarInfo("model.h5")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("../../outside.h5"), io.BytesIO())
    dangers = " ".join(describe_here(tmp_path / "model.tar").dangers)
    assert "a link to /etc/passwd" in dangers
    assert "unpacked outside the folder" in dangers
    writer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(writer.compress(bytes(2**20)) for _ in range(300)) + writer.flush()
    (tmp_path / "bomb.gz").write_bytes(bomb)
    assert any(
        "expands to more than" in each for each in describe_here(tmp_path / "bomb.gz").unread
    )


def test_a_cut_tar_is_told(tmp_path):
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(DATA / H5, "model.h5")
    content = (tmp_path / "model.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(content[: len(content) // 2])
    found = describe_here(tmp_path / "cut.tar.gz")
    assert found.container is Container.OTHER
    assert found.damage or found.unread


HEADER = b'{"weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
FOREIGN = {
    "ONNX": b"\x08\x07\x12\x07pytorch\x1a\x051.9.0:\x10",
    "SafeTensors": struct.pack("<Q", len(HEADER)) + HEADER + bytes(8),
    "GraphDef": b"\n\x22\n\x07input_1\x12\x0bPlaceholder*\x0b\n\x05dtype\x12\x020\x01",
    "TensorFlow Lite": b"\x1c\0\0\0TFL3",
    "DVC": b"outs:\n- md5: a304afb96060aad90176268345e10355\n",
    "git-annex": b"../.git/annex/objects/x1/SHA256E-s12--ab.h5\n",
    "server": b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
    "base64": b"iUhERg0KGgoAAAAA",
    "zlib": zlib.compress(bytes(range(200)), 3),
}


@pytest.mark.parametrize("said", FOREIGN)
def test_foreign_files_are_named(tmp_path, said):
    (tmp_path / "model.h5").write_bytes(FOREIGN[said])
    found = describe_here(tmp_path / "model.h5")
    assert found.container is Container.OTHER
    assert said in found.title


def test_hdf5_that_was_transferred_as_text_is_told(tmp_path):
    content = (DATA / H5).read_bytes()
    for changed, said in (
        (content.replace(b"\n", b"\r\n"), "Windows"),
        (content.replace(b"\r\n", b"\n"), "Unix"),
        (content.decode("latin-1").encode(), "Latin-1"),
        (content.decode("utf-8", "replace").encode(), "UTF-8"),
    ):
        (tmp_path / "model.h5").write_bytes(changed)
        found = describe_here(tmp_path / "model.h5")
        assert found.container is Container.HDF5
        assert any(said in each for each in found.damage), said


def test_core_ml_is_no_saved_model(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"\x08\x01\x12\x04\n\x02\n\0\xa2\x1f\x02\n\0")
    assert describe_here(tmp_path / "model.h5").container is not Container.SAVED_MODEL


def test_a_layers_model_of_tensorflow_js_is_described(tmp_path):
    layers = [
        {
            "class_name": "Dense",
            "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]},
        },
        {"class_name": "Mine", "config": {"name": "m"}},
    ]
    model = {
        "format": "layers-model",
        "convertedBy": "TensorFlow.js Converter v3.6.0",
        "modelTopology": {
            "keras_version": "2.4.0",
            "backend": "tensorflow",
            "model_config": {"class_name": "Sequential", "config": {"layers": layers}},
        },
        "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": []}],
    }
    (tmp_path / "model.json").write_text(json.dumps(model), encoding="utf-8")
    found = describe_here(tmp_path / "model.json")
    assert (read(found, "keras_version"), counts(found)) == ("2.4.0", {"Dense": 1, "Mine": 1})
    assert [each.value for each in found.custom] == ["Mine"]
    graph = {"modelTopology": {"node": []}, "weightsManifest": []}
    (tmp_path / "model.json").write_text(json.dumps(graph), encoding="utf-8")
    assert "not a Keras file" in describe_here(tmp_path / "model.json").title


def test_json_of_something_else_is_no_damage(tmp_path):
    (tmp_path / "labels.json").write_text('{"cat": 0}', encoding="utf-8")
    found = describe_here(tmp_path / "labels.json")
    assert (found.title, found.damage) == ("JSON that is no Keras architecture", ())


def test_inner_names_of_tensorflow_1_are_keras_own():
    from runner.inspect.names import class_origin

    for name, custom in (
        ("BatchNormalizationV1", False),
        ("UnifiedLSTM", False),
        ("MyBlockV2", True),
        ("V1", True),
    ):
        assert class_origin(name, "", "")[0] is custom, name
