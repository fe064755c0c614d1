"""Every kind of file, described; real ones were written by the environments they name."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
from inspect_samples import DATA, SHARED, copied, counts, held, read, rezipped, sample

from runner.domain.errors import NotReadable, SelectionError
from runner.inspect import Basis, Container, describe_here
from runner.inspect.description import WRITTEN_ON


def test_a_whole_model_of_tensorflow_1_is_described():
    found = sample("tf1.15_compiled.h5")
    assert (found.container, found.layout, found.damage) == (Container.HDF5, "model", ())
    assert read(found, "keras_version") == "2.2.4-tf"
    assert (found.model, counts(found)) == ("Sequential", {"Dense": 2})
    assert [each.value for each in found.compiled] == [
        "Adam (learning rate 0.01)",
        "binary_crossentropy",
        "accuracy",
    ]
    assert found.inputs[0].shape == (None, 10)
    assert (found.outputs[0].shape, found.outputs[0].basis) == ((None, 4), Basis.INFERRED)
    assert sum(each.parameters for each in found.tensors) == 10 * 16 + 16 + 16 * 4 + 4
    assert held(found)["optimizer state"] == "yes"


def test_a_v3_archive_is_described():
    found = sample("tf2.15_compiled.keras")
    assert (found.container, found.layout, found.damage) == (Container.ZIP_V3, "model", ())
    assert read(found, "keras_version") == "2.15.0"
    assert read(found, "date_saved")
    assert [each.about for each in found.compiled] == ["optimizer", "loss", "metrics"]
    assert sum(each.parameters for each in found.tensors) == 244
    assert held(found)["optimizer state"] == "yes"


def test_a_registered_class_is_not_keras_own():
    found = sample("keras3.15_registered.keras")
    assert [(each.about, each.value) for each in found.custom] == [
        ("layer", "Custom>RegisteredLayer")
    ]
    assert held(found)["training configuration"] == "no"


def test_a_regularizer_function_is_not_keras_own():
    found = sample("keras2.3_custom_regularizer.h5")
    assert ("regularizer", "my_custom_regularizer") in [
        (each.about, each.value) for each in found.custom
    ]
    assert all(each.basis is Basis.INFERRED and each.source for each in found.custom)


def test_wrapped_layers_are_counted_where_they_stand():
    found = sample("tf2.3_bidirectional.h5")
    assert counts(found)["LSTM"] == 1
    lstm = next(item for item in found.items if item.class_name == "LSTM")
    assert (lstm.key, lstm.inside[-1]) == ("layer", "bidirectional")
    assert lstm.config["time_major"] is False


@pytest.mark.parametrize(
    ("name", "layout"),
    [("keras2.3.weights.h5", "legacy weights"), ("tf2.12.weights.h5", "weights")],
)
def test_weights_alone_show_no_architecture(name, layout):
    found = sample(name)
    assert (found.container, found.layout) == (Container.HDF5, layout)
    assert held(found)["architecture"] == "no"
    assert sum(each.parameters for each in found.tensors) == 10 * 32 + 32 + 32 * 4 + 4


def test_a_saved_model_with_metadata_is_described():
    found = sample("tf2.15_saved_model")
    assert (found.container, found.damage) == (Container.SAVED_MODEL, ())
    assert read(found, "tensorflow_version").startswith("2.15.")
    assert read(found, "keras_version") == "2.15.0"
    assert [each.value for each in found.custom] == ["CustomDense"]
    assert found.inputs[0].dtype == "float32"
    assert held(found)["weights"] == "yes"


def test_metadata_of_tensorflow_before_2_5_is_inside_the_graph():
    found = sample("tf2.3_saved_model")
    assert read(found, "tensorflow_version").startswith("2.3.")
    assert counts(found)["Dense"] == 2
    assert sum(each.parameters for each in found.tensors) == 484


def test_an_export_says_that_no_keras_object_is_in_it():
    found = sample("keras3.15_export")
    assert found.container is Container.SAVED_MODEL
    assert "not of Keras' own saving" in [each.about for each in found.notes]
    assert found.layers == ()


@pytest.mark.parametrize("name", ["", "weights", "weights.index"])
def test_a_checkpoint_is_found_by_folder_prefix_and_index(name):
    found = describe_here(DATA / "tf2.15_checkpoint" / name)
    assert (found.container, found.damage) == (Container.CHECKPOINT, ())
    assert sum(each.parameters for each in found.tensors) == 484


def test_an_architecture_is_described_also_inside_a_json_string(tmp_path):
    plain = sample("tf2.3_architecture.json")
    assert (plain.container, plain.layout) == (Container.JSON, "architecture")
    assert read(plain, "keras_version") == "2.4.0"
    assert held(plain)["weights"] == "no"
    wrapped = tmp_path / "wrapped.h5"
    text = (DATA / "tf2.3_architecture.json").read_text(encoding="utf-8")
    wrapped.write_text(json.dumps(text), encoding="utf-8")
    found = describe_here(wrapped)
    assert (found.container, counts(found)) == (Container.JSON, counts(plain))
    assert "wrapping" in [each.about for each in found.notes]


def test_a_tokenizer_is_no_architecture():
    found = sample("keras2.3_tokenizer.json")
    assert (found.container, found.layout, found.custom) == (Container.JSON, "other", ())
    assert "tokenizer" in found.title


def test_a_graph_without_variables_misses_no_file(tmp_path):
    found = sample("tf1.15_no_variables")
    assert (found.container, found.damage) == (Container.SAVED_MODEL, ())
    assert ("variables", "none") in [(each.about, each.value) for each in found.notes]
    cut = copied("tf2.3_saved_model", tmp_path)
    (cut / "variables" / "variables.index").unlink()
    assert describe_here(cut).damage == ("variables/variables.index is missing",)


def test_yaml_gives_its_classes(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(
        "backend: tensorflow\nclass_name: Sequential\nconfig:\n  layers:\n"
        "  - class_name: Dense\n    config:\n      kernel_initializer:\n"
        "        class_name: VarianceScaling\n  - class_name: Mine\nkeras_version: 2.2.4\n",
        encoding="utf-8",
    )
    found = describe_here(path)
    assert (found.container, found.model) == (Container.YAML, "Sequential")
    assert counts(found) == {"Dense": 1, "Mine": 1}
    assert read(found, "keras_version") == "2.2.4"


CONTENTS = {
    Container.EMPTY: b"",
    Container.HTML: b"\n<!DOCTYPE html>\n<html><body>404</body></html>",
    Container.LFS_POINTER: (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123456\n"
    ),
    Container.PICKLE: pickle.dumps({"weights": [1.0]}),
    Container.OTHER: b"\x93NUMPY\x01\x00",
    Container.UNKNOWN: b"\x01\x02\x03 nothing that is known",
}


@pytest.mark.parametrize("container", CONTENTS, ids=str)
def test_what_is_no_model_is_recognised_by_its_bytes(tmp_path, container):
    path = tmp_path / "model.h5"
    path.write_bytes(CONTENTS[container])
    found = describe_here(path)
    assert found.container is container
    assert found.items == ()
    assert found.known is (container is not Container.UNKNOWN)


def test_a_pickle_is_never_opened(tmp_path):
    class Acts:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "acted"),))

    path = tmp_path / "model.h5"
    path.write_bytes(pickle.dumps(Acts()))
    assert describe_here(path).container is Container.PICKLE
    assert not (tmp_path / "acted").exists()


def test_names_do_not_matter(tmp_path):
    for name, wrong in (("tf1.15_compiled.h5", "a.keras"), ("tf2.15_compiled.keras", "b.h5")):
        (tmp_path / wrong).write_bytes((DATA / name).read_bytes())
        assert describe_here(tmp_path / wrong).container is sample(name).container


def test_a_folder_above_the_files_and_backslashes_are_told(tmp_path):
    found = describe_here(rezipped(tmp_path, lambda name: f"model/{name}"))
    assert found.container is Container.ZIP_V3
    assert any("a folder `model` above" in each for each in found.damage)
    assert counts(found)["Dense"] == 2
    windows = describe_here(rezipped(tmp_path, lambda name: f"model\\{name}"))
    assert windows.container is Container.ZIP_V3
    assert any("backslash" in each for each in windows.damage)


def test_groups_with_backslashes_are_told(tmp_path):
    path = copied("tf2.12.weights.h5", tmp_path)
    content = path.read_bytes()
    path.write_bytes(
        content.replace(b"_layer_checkpoint_dependencies", b"_layer_checkpoint\\dependencies")
    )
    found = describe_here(path)
    assert any("backslash" in each for each in found.damage)
    assert [each.value for each in found.notes if each.about == WRITTEN_ON] == ["Windows"]


def test_a_compressed_archive_is_read(tmp_path):
    found = describe_here(rezipped(tmp_path, str, compress=zipfile.ZIP_DEFLATED))
    assert sum(each.parameters for each in found.tensors) == 244


def test_an_unpacked_archive_is_described(tmp_path):
    with zipfile.ZipFile(DATA / "tf2.15_compiled.keras") as archive:
        archive.extractall(tmp_path / "model")
    found = describe_here(tmp_path / "model")
    assert (found.container, counts(found)["Dense"]) == (Container.FOLDER_V3, 2)


def test_a_model_inside_a_zip_is_described(tmp_path):
    for name in ("tf1.15_compiled.h5", "tf2.15_compiled.keras"):
        path = tmp_path / "archive.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(DATA / name, f"folder/{name}")
        assert counts(describe_here(path))["Dense"] == 2


@pytest.mark.parametrize("name", ["tf1.15_compiled.h5", "tf2.15_compiled.keras"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_file_is_told(tmp_path, name, share):
    path = copied(name, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert any("cut" in each for each in describe_here(path).damage)


def test_missing_parts_of_folders_are_told(tmp_path):
    folder = copied("tf2.15_saved_model", tmp_path)
    (folder / "keras_metadata.pb").unlink()
    next((folder / "variables").glob("*.data-*")).unlink()
    found = describe_here(folder)
    assert any("data beside" in each for each in found.damage)
    assert "keras_metadata.pb" in [each.about for each in found.notes]
    (folder / "variables" / "variables.index").unlink()
    assert "variables/variables.index is missing" in describe_here(folder).damage


def test_cut_data_of_a_checkpoint_are_told(tmp_path):
    folder = copied("tf2.15_checkpoint", tmp_path)
    data = next(folder.glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:100])
    assert any(each.startswith("cut:") for each in describe_here(folder).damage)


def test_a_graph_as_text_gives_its_version(tmp_path):
    (tmp_path / "saved_model.pbtxt").write_text(
        "saved_model_schema_version: 1\nmeta_graphs {\n meta_info_def {\n"
        '  tensorflow_version: "1.13.1"\n }\n graph_def { node { op: "MatMul" } }\n}\n',
        encoding="utf-8",
    )
    found = describe_here(tmp_path)
    assert (found.container, read(found, "tensorflow_version")) == (
        Container.SAVED_MODEL,
        "1.13.1",
    )


def test_what_cannot_be_opened_is_one_error(tmp_path):
    with pytest.raises(SelectionError):
        describe_here(tmp_path / "none.h5")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path in (tmp_path / "pipe", tmp_path / "circle", Path("/dev/null"), tmp_path / ("n" * 300)):
        with pytest.raises(NotReadable):
            describe_here(path)


def test_a_pipe_inside_a_folder_is_not_opened(tmp_path):
    folder = copied("tf2.15_saved_model", tmp_path)
    (folder / "saved_model.pb").unlink()
    os.mkfifo(folder / "saved_model.pb")
    assert "saved_model.pb is no file" in describe_here(folder).damage


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
def test_public_files_are_described():
    versions = {path.name: read(describe_here(path), "keras_version") for path in SHARED.iterdir()}
    assert versions == {
        "SOURCES.md": "",
        "keras2.0.5_functional.h5": "2.0.5",
        "keras3.15_nested_container.keras": "3.15.0",
        "keras3_gru_classifier.keras": "3.3.3",
        "savedmodel_decision_forest": "2.10.0",
        "savedmodel_lstm_from_sequential": "2.12.0",
        "savedmodel_python_func_model": "2.11.0",
        "savedmodel_simple_model_from_auto_compile": "2.11.0",
    }
    forest = describe_here(SHARED / "savedmodel_decision_forest")
    assert "operations of another library" in [each.about for each in forest.notes]
