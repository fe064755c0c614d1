"""A user's own file in real environments: check, hostile files, migrate."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from matrix_harness import REPOSITORY, Finished, make_store, run

from runner.migrate.manifest import schema as manifest_schema
from runner.publish.schemas import load_schema

SAMPLES = REPOSITORY / "tests" / "unit" / "data" / "inspect"
HOSTILE = Path(__file__).parent / "data" / "hostile_files.py"
KERAS2_GRAPH = Path(__file__).parent / "data" / "keras2_graph.py"
SECRET = "the key of this test"
REGISTERED = """
import keras


class RegisteredLayer(keras.layers.Layer):
    def __init__(self, units=4, **settings):
        super().__init__(**settings)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, x):
        return keras.ops.matmul(x, self.kernel)
"""
WINDOWS = r"""
import io, sys, zipfile
import h5py

with zipfile.ZipFile(sys.argv[1]) as archive:
    members = {name: archive.read(name) for name in archive.namelist()}
weights = io.BytesIO(members["model.weights.h5"])
with h5py.File(weights, "r+") as file:
    for name in list(file["layers"]):
        file.move("layers/" + name, "layers\\" + name)
    del file["layers"]
members["model.weights.h5"] = weights.getvalue()
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    for name, content in members.items():
        archive.writestr(name, content)
"""
"""Names the groups of weights as Keras 2.14 and 2.15 named them on Windows."""
ROUTES = Path("runner/migrate/routes.toml")


@pytest.fixture(scope="module")
def shared(environments, tmp_path_factory) -> Path:
    """A store with the built environments, for tests that leave nothing in it."""
    return make_store(tmp_path_factory.mktemp("files") / "store", environments)


@pytest.fixture(scope="module")
def hostile(environments, tmp_path_factory):
    """Hostile files, and what they reach for: a secret at home, a place outside, a listener."""
    folder = tmp_path_factory.mktemp("hostile")
    home = folder / "home"
    home.mkdir()
    (home / "secret").write_text(SECRET)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    (python,) = environments.glob("tf2.15-*/bin/python")
    words = [folder, home / "secret", folder / "outside", listener.getsockname()[1]]
    made = subprocess.run(
        [python, HOSTILE, *map(str, words)], capture_output=True, text=True, timeout=300
    )
    assert made.returncode == 0, made.stderr
    yield folder, listener
    listener.close()


def check(tree: Path, store: Path, *words: str) -> tuple[Finished, dict[str, Any]]:
    finished = run(tree, "check", *words, "--json", "--store", str(store))
    assert "Traceback" not in finished.err, finished.text
    answer = json.loads(finished.out)
    jsonschema.validate(answer, load_schema("check"))
    return finished, answer


def readers(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["environment"]: each for each in answer["readers"]}


def reached(folder: Path, listener: socket.socket) -> list[str]:
    """Return what a hostile file reached outside of its sandbox."""
    found = ["outside"] if (folder / "outside").exists() else []
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return found
    return [*found, "network"]


def test_a_real_file_is_loaded_and_its_readers_are_compared(tree, shared, tmp_path):
    file, page = SAMPLES / "tf1.15_compiled.h5", tmp_path / "page.html"
    before = file.read_bytes()
    words = ("--readers", "tf1.15,tf2.15,keras3.15", "--html", str(page))
    finished, answer = check(tree, shared, str(file), *words)

    assert finished.code == 0, finished.text
    assert answer["reference"] == "tf1.15"
    found = readers(answer)
    assert list(found) == ["keras3.15", "tf2.15", "tf1.15"]
    assert {name: each["result"] for name, each in found.items()} == dict.fromkeys(found, "same")
    assert (found["tf1.15"]["way"], found["tf2.15"]["way"]) == ("none", "none")
    # TensorFlow 1.15 wrote `dtype` into the initializers' configuration.
    bare = found["keras3.15"]["tried"][0]
    assert (bare["way"], bare["result"]) == ("none", "load_error")
    assert "unexpected keyword argument 'dtype'" in bare["why"]
    assert bare["cause"] not in {"", "unclassified"}
    assert found["keras3.15"]["way"].startswith("compat_shims")
    assert [each["readers"] for each in answer["groups"]] == [["keras3.15", "tf1.15", "tf2.15"]]
    assert "keras==3.15" in found["keras3.15"]["install"]
    assert answer["best"] == "keras3.15"
    assert "computes something else" not in page.read_text(encoding="utf-8")
    assert file.read_bytes() == before
    # The table is told as it goes, on standard error beside JSON.
    assert re.search(r"^tf1.15 +✓ the same", finished.err, re.MULTILINE)


def test_the_line_of_code_that_is_advised_works(tree, shared, environments, tmp_path):
    file = tmp_path / "wrong name.h5"
    shutil.copy(SAMPLES / "tf2.15_compiled.keras", file)
    _, answer = check(tree, shared, str(file), "--readers", "tf2.15")
    found = readers(answer)["tf2.15"]
    assert (found["way"], found["result"]) == ("right_name", "same")
    (python,) = environments.glob("tf2.15-*/bin/python")
    ended = subprocess.run(
        [python, "-c", found["code"]], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr


def test_a_file_of_windows_gets_the_names_of_its_groups_back(tree, shared, environments, tmp_path):
    file = tmp_path / "model.keras"
    shutil.copy(SAMPLES / "tf2.15_compiled.keras", file)
    (python,) = environments.glob("tf2.15-*/bin/python")
    made = subprocess.run([python, "-c", WINDOWS, str(file)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    _, answer = check(tree, shared, str(file), "--readers", "tf2.15")
    found = readers(answer)["tf2.15"]
    assert (found["result"], found["way"]) == ("same", "unix_names")
    bare = found["tried"][0]
    assert (bare["result"], bare["cause"]) == ("load_error", "weights_group_renamed")


def test_ones_own_classes_are_passed_on(tree, shared, tmp_path):
    file = SAMPLES / "keras3.15_registered.keras"
    finished, answer = check(tree, shared, str(file), "--readers", "keras3.15")
    assert (finished.code, answer["best"]) == (15, "")
    assert "--custom-objects MODULE.py" in finished.err
    assert any("RegisteredLayer" in each["text"] for each in answer["sentences"])
    module = tmp_path / "mine.py"
    module.write_text(REGISTERED)
    words = ("--readers", "keras3.15", "--custom-objects", str(module))
    finished, answer = check(tree, shared, str(file), *words)
    found = readers(answer)["keras3.15"]
    assert (finished.code, found["result"]) == (0, "same"), finished.text
    assert found["way"] in {"custom_objects", "registered"}


def test_ones_own_numbers_decide(tree, shared, tmp_path):
    file = SAMPLES / "tf2.15_compiled.keras"
    data = tmp_path / "data.npz"
    shape = tuple(size or 4 for size in _input_shape(tree, file))
    np.savez(data, x=np.ones(shape, "float32"), y=np.full((4, 1), 12345.0, "float32"))
    words = ("--readers", "tf2.15", "--expect", str(data))
    finished, answer = check(tree, shared, str(file), *words)
    assert finished.code == 15
    assert "none of the 1 environments that tried gives the outputs" in finished.err
    assert readers(answer)["tf2.15"]["result"] == "differs"
    assert answer["best"] == ""


def _input_shape(tree: Path, file: Path) -> list[int | None]:
    described = json.loads(run(tree, "inspect", "--json", str(file)).out)
    shape: list[int | None] = described["files"][0]["inputs"][0]["shape"]
    return shape


def test_bytecode_does_not_run_unless_it_is_allowed(tree, shared, hostile):
    folder, listener = hostile
    finished, answer = check(tree, shared, str(folder / "reach.h5"), "--readers", "tf2.15")
    found = readers(answer)["tf2.15"]
    assert (finished.code, found["result"]) == (15, "code_refused")
    assert "REACHED" not in finished.out
    assert any("--allow-code" in each["text"] for each in answer["sentences"])
    assert reached(folder, listener) == []


def test_code_of_a_file_reaches_nothing(tree, shared, hostile, monkeypatch):
    folder, listener = hostile
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("KERAS_MATRIX_SECRET", SECRET)
    words = (str(folder / "reach.h5"), "--readers", "tf2.15", "--allow-code")
    finished, answer = check(tree, shared, *words)
    said = readers(answer)["tf2.15"]["tried"][0]["why"]
    assert "REACHED" in said, finished.text
    assert SECRET not in finished.out
    told = dict(re.findall(r"\('(\w+)', '([^']*)'\)", said))
    assert set(told) == {
        *("secret", "home", "write", "code", "local", "far", "processes", "environment"),
    }
    # The probe, its children and the sandbox's own: none of this machine's.
    assert int(told.pop("processes").removeprefix("done: ")) < 12
    assert told.pop("environment") == "done: None"
    assert not [name for name, how in told.items() if how.startswith("done")], told
    assert reached(folder, listener) == []
    assert not (folder / "outside").exists()


def test_a_file_that_forks_without_end_is_ended(tree, shared, hostile):
    folder, _ = hostile
    words = (str(folder / "fork.h5"), "--readers", "tf2.15", "--allow-code")
    finished, answer = check(tree, shared, *words)
    assert readers(answer)["tf2.15"]["tried"][0]["result"] == "over_limit", finished.text
    assert finished.code == 15


def test_operations_of_a_graph_reach_nothing_either(tree, shared, hostile):
    """They need no bytecode, and run without being allowed."""
    folder, listener = hostile
    _, answer = check(tree, shared, str(folder / "graph"), "--readers", "tf2.15")
    found = readers(answer)["tf2.15"]
    function = next(each for each in found["tried"] if each["way"] == "function")
    assert function["result"] == "unusable"
    assert "No such file" in function["why"]
    assert reached(folder, listener) == []


def test_a_file_is_migrated_and_the_new_one_is_the_same_model(own_tree, shared, tmp_path):
    # Only environments that the other tests build, too.
    _go_through(own_tree, "tf2.15")
    _declare_only(own_tree, "tf1.15")
    file, out = SAMPLES / "tf1.15_compiled.h5", tmp_path / "new.keras"
    before = file.read_bytes()
    words = ("--to", "keras3.15", "--out", str(out), "--store", str(shared))

    finished = run(own_tree, "migrate", str(file), *words)

    assert finished.code == 0, finished.text
    manifest = json.loads((tmp_path / "new.keras.migration.json").read_text(encoding="utf-8"))
    jsonschema.validate(manifest, json.loads(msgspec.json.encode(manifest_schema())))
    assert manifest["migrated"] is True
    assert manifest["reference"]["environment"] == "tf1.15"
    assert "tf2.15" in manifest["reference"]["agree"]
    outputs = next(each for each in manifest["verified"] if each["aspect"] == "outputs")
    assert outputs["status"] == "agrees"
    assert file.read_bytes() == before
    _, answer = check(own_tree, shared, str(out), "--readers", "keras3.15")
    found = readers(answer)["keras3.15"]
    assert (found["way"], found["result"]) == ("none", "same")
    again = run(own_tree, "migrate", str(file), *words)
    assert again.code == 2
    assert "exists" in again.err


@pytest.mark.parametrize(
    ("name", "ways", "failed"),
    [
        ("graph.h5", ["none", "rebuild"], "compat_shims_compile_false"),
        # The graph of a layer whose code is missing.
        ("code", ["none", "rebuild_operations"], "compile_false"),
        # Nobody says a shape that it could be called with.
        ("code-any", ["function", "rebuild_operations"], "none"),
    ],
)
def test_a_graph_of_keras_2_is_rebuilt_where_keras_3_reads_none_of_its_files(
    own_tree, shared, environments, tmp_path, name, ways, failed
):
    _go_through(own_tree, "tf2.15")
    file, out = tmp_path / name, tmp_path / "new.keras"
    (python,) = environments.glob("tf2.15-*/bin/python")
    made = subprocess.run([python, KERAS2_GRAPH, file], capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    words = ("--to", "keras3.15", "--out", str(out), "--store", str(shared))

    finished = run(own_tree, "migrate", str(file), *words)

    assert finished.code == 0, finished.text
    manifest = json.loads((tmp_path / "new.keras.migration.json").read_text(encoding="utf-8"))
    assert [each["way"] for each in manifest["steps"]] == ways
    guessed = ["input x: any number of sizes became 1"] if name.endswith("-any") else []
    assert [each for each in manifest["lost"] if "any number" in each] == guessed
    tried = {(each["way"], each["outcome"]) for each in manifest["attempts"]}
    assert (failed, "load_error") in tried
    outputs = next(each for each in manifest["verified"] if each["aspect"] == "outputs")
    assert outputs["status"] == "agrees"


def _go_through(tree: Path, name: str) -> None:
    """Leave one environment to go through."""
    routes = (tree / ROUTES).read_text(encoding="utf-8")
    few = re.sub(r"through = \[.*\]", f'through = ["{name}"]', routes)
    assert few != routes
    (tree / ROUTES).write_text(few, encoding="utf-8")


def _declare_only(tree: Path, name: str) -> None:
    """Leave one environment of its writer: those that others build."""
    path = tree / "runner" / "inspect" / "versions.toml"
    text = path.read_text(encoding="utf-8")
    rows = re.sub(
        rf'environments = "[^"]*{re.escape(name)}[^"]*"', f'environments = "{name}"', text
    )
    assert rows != text
    path.write_text(rows, encoding="utf-8")


def test_nothing_is_loaded_without_a_sandbox(tree, shared, tmp_path, monkeypatch):
    """Without bubblewrap another confinement is taken, or the command says how to get one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    file = SAMPLES / "tf2.15_compiled.keras"
    finished = run(tree, "check", str(file), "--readers", "tf2.15", "--store", str(shared))
    assert finished.code in {0, 5, 13}, finished.text
    if finished.code:
        assert "apt install bubblewrap" in finished.text
