from __future__ import annotations

from pathlib import Path

from runner.check.install import code_of, install_line, packages_of
from runner.check.ways import all_ways
from runner.declare.environments import read_environments
from runner.domain import ProvisionedEnvironment

DECLARED = read_environments()
BARE = all_ways()[0]


def built(name, **resolved):
    return ProvisionedEnvironment(
        environment=DECLARED.by_id(name),
        executable="/python",
        lock_digest="",
        python_version="3.12.1",
        resolved={key.replace("__", "."): value for key, value in resolved.items()},
        import_s=0.0,
        fork=True,
    )


def test_the_packages_that_decide_are_pinned_as_they_are_installed():
    one = built(
        "keras3.15-torch", Keras="3.15.0", torch="2.9.0+cpu", numpy="2.1", h5py="3.1", x="1"
    )
    assert set(packages_of(one)) == {"keras", "torch", "numpy", "h5py"}
    line = install_line(one, BARE)
    assert line.startswith(f"uv venv --python {one.environment.python}\nuv pip install ")
    assert "torch==2.9.0 " in line + " "
    assert "x==1" not in line


def test_tf_keras_is_installed_where_the_way_needs_it():
    way = next(each for each in all_ways() if each.id == "tfsm_layer_tf_keras")
    one = built("keras3.15", keras="3.15.1", tensorflow_cpu="2.21.0", tf_keras="2.21.0")
    assert "tf-keras==2.21.0" in install_line(one, way)
    assert "tf-keras" not in install_line(one, BARE)
    legacy = built("tf-keras2.21", keras="3.15.1", tensorflow_cpu="2.21.0", tf_keras="2.21.0")
    assert "tf-keras==2.21.0" in install_line(legacy, BARE)


def test_the_lines_import_what_they_use():
    lines = code_of(DECLARED.by_id("keras3.15-torch"), BARE, Path("m.h5"), "m.h5").splitlines()
    assert lines == [
        "import os; os.environ['KERAS_BACKEND'] = 'torch'",
        "import keras",
        "model = keras.models.load_model('m.h5')",
    ]
    lines = code_of(DECLARED.by_id("tf2.3"), BARE, Path("m.h5"), "m.h5").splitlines()
    assert lines[0] == "from tensorflow import keras"
    named = next(each for each in all_ways() if each.id == "right_name")
    lines = code_of(DECLARED.by_id("tf-keras2.21"), named, Path("m.h5"), "m.keras").splitlines()
    assert lines[:2] == ["import shutil", "import tf_keras as keras"]


def test_a_wrong_name_is_made_right_in_the_lines_that_were_tried_so():
    weights = next(each for each in all_ways() if each.id == "weights" and "weights" in each.of)
    lines = code_of(DECLARED.by_id("keras3.15"), weights, Path("a/m.h5"), "m.weights.h5")
    assert lines.splitlines() == [
        "import shutil",
        "shutil.copy('a/m.h5', 'm.weights.h5')",
        "model = build_model()",
        "model.load_weights('m.weights.h5')",
    ]
    assert "shutil" not in code_of(DECLARED.by_id("keras3.15"), BARE, Path("a/m.h5"), "m.keras")
