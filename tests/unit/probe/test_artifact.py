"""The artifact's folder: the oracle comes back as it was, the manifest names every byte."""

from __future__ import annotations

import hashlib
import json
import math
import types

import numpy as np

from runner.domain import Format
from runner.probe.artifact import read_oracle, write_manifest, write_oracle
from runner.probe.keras_api import Given, as_given, in_order
from runner.probe.measure import Measurement
from runner.store.artifacts import Artifacts, Place


def measurement():
    found = Measurement()
    found.facts = {
        "outputs": [found.put("outputs", 0, np.array([[1.5, math.nan]], dtype="float16"))],
        "weights": [["a/b c", [found.put("weights", "0/0", np.arange(3, dtype="int64"))]]],
        "losses": {"count": 1, "sum": 0.1},
        "compile": {"hyperparameters": {"learning_rate": 1e-3}, "evaluation": [math.nan]},
    }
    found.put("weights", "text", np.array(["a", "ü"]))
    return found


def test_the_oracle_comes_back_as_it_was_written(tmp_path):
    written = measurement()
    inputs = [np.ones((8, 3), dtype="float32"), np.zeros((8, 1))]
    write_oracle(str(tmp_path), written, inputs, [])
    found, read_inputs, targets = read_oracle(str(tmp_path))
    assert set(found.facts) == set(written.facts)
    assert found.facts["outputs"] == written.facts["outputs"]
    assert math.isnan(found.facts["compile"]["evaluation"][0])
    for name, array in written.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)
    assert [each.dtype.name for each in read_inputs] == ["float32", "float64"]
    np.testing.assert_array_equal(read_inputs[0], inputs[0])
    assert targets == []


def test_inputs_and_targets_keep_their_order(tmp_path):
    many = [np.full((1,), index) for index in range(12)]
    write_oracle(str(tmp_path), Measurement(), many, many[::-1])
    _, inputs, targets = read_oracle(str(tmp_path))
    assert [int(each[0]) for each in inputs] == list(range(12))
    assert [int(each[0]) for each in targets] == list(range(11, -1, -1))


def test_inputs_and_targets_keep_their_structure(tmp_path):
    one, two = np.ones((8, 2)), np.zeros((8, 2))
    write_oracle(
        str(tmp_path), Measurement(), Given({"zulu": one, "alpha": two}), Given((two, one))
    )
    _, inputs, targets = read_oracle(str(tmp_path))
    named, pair = as_given(inputs), as_given(targets)
    assert sorted(named) == ["alpha", "zulu"]
    np.testing.assert_array_equal(named["zulu"], one)
    assert isinstance(pair, tuple)
    np.testing.assert_array_equal(pair[1], one)
    # In graph mode they go to the tensors of the model, in its order.
    model = types.SimpleNamespace(input_names=["zulu", "alpha"])
    np.testing.assert_array_equal(in_order(inputs, model)[0], one)


def test_an_oracle_that_knows_no_structure_gives_lists(tmp_path):
    write_oracle(str(tmp_path), Measurement(), Given([np.ones(2), np.zeros(2)]), [])
    record = json.loads((tmp_path / "oracle.json").read_text())
    del record["given"]
    (tmp_path / "oracle.json").write_text(json.dumps(record))
    _, inputs, _ = read_oracle(str(tmp_path))
    assert [type(as_given(inputs)), len(inputs)] == [list, 2]


def payload(folder):
    (folder / "payload" / "variables").mkdir(parents=True)
    (folder / "payload" / "model.h5").write_bytes(b"abc")
    (folder / "payload" / "variables" / "data").write_bytes(b"def")
    (folder / "oracle.json").write_text("not part of what a user has")
    (folder / "oracle.npz").write_bytes(b"ghi")


DESCRIPTION = {
    "writer": "tf2.15",
    "scenario": "plain_dense",
    "format": "h5",
    "written": "hdf5",
    "damage": "",
}


def test_the_manifest_names_every_file_of_the_payload(tmp_path):
    payload(tmp_path)
    manifest = write_manifest(str(tmp_path), DESCRIPTION)
    assert manifest["files"] == {
        "model.h5": hashlib.sha256(b"abc").hexdigest(),
        "variables/data": hashlib.sha256(b"def").hexdigest(),
    }
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest


def test_the_manifest_names_the_oracle_s_files(tmp_path):
    payload(tmp_path)
    assert write_manifest(str(tmp_path), DESCRIPTION)["oracle"] == {
        "oracle.json": hashlib.sha256(b"not part of what a user has").hexdigest(),
        "oracle.npz": hashlib.sha256(b"ghi").hexdigest(),
    }


def test_the_digest_follows_content_and_names_and_nothing_else(tmp_path):
    digests = []
    for number, change in enumerate(
        [
            lambda folder: None,
            lambda folder: (folder / "oracle.json").write_text("other"),
            lambda folder: (folder / "payload" / "model.h5").write_bytes(b"abd"),
            lambda folder: (folder / "payload" / "model.h5").rename(folder / "payload" / "m.h5"),
        ]
    ):
        folder = tmp_path / str(number)
        payload(folder)
        change(folder)
        digests.append(write_manifest(str(folder), DESCRIPTION)["sha256"])
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_the_host_reads_the_manifest_the_probe_writes(tmp_path):
    artifacts = Artifacts(tmp_path, writable=False, warn=print)
    place = Place(DESCRIPTION["writer"], DESCRIPTION["scenario"], Format.H5, "00ff")
    folder = artifacts.folder(place)
    folder.mkdir(parents=True)
    payload(folder)
    written = write_manifest(str(folder), DESCRIPTION)
    found = artifacts.find(place, {k: written[k] for k in ("sha256", "written", "damage")})
    assert found is not None
    assert (found.writer, found.format, found.written) == ("tf2.15", Format.H5, "hdf5")
    assert found.sha256 == written["sha256"]
    assert dict(found.files) == written["files"]


def test_objects_are_stored_as_text(tmp_path):
    found = Measurement()
    found.put("weights", "words", np.array(["a", b"\xc3\xbc", 3], dtype=object))
    write_oracle(str(tmp_path), found, [np.array([["x"], ["yz"]], dtype=object)], [])
    read, inputs, _ = read_oracle(str(tmp_path))
    assert read.arrays["weights/words"].tolist() == ["a", "ü", "3"]
    assert inputs[0].tolist() == [["x"], ["yz"]]
