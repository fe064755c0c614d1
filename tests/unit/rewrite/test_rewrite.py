"""The rewriting of configurations: on files that real versions wrote, read again by `inspect`."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile
from pathlib import Path

import pytest

from runner.declare.environments import read_environments
from runner.declare.rewrites import check_readers, load_rewrites
from runner.domain.errors import ConfigurationError, NotReadable, SelectionError
from runner.inspect import describe_here
from runner.rewrite import Order, rewrite, rewrite_all, rewrite_config, rules_for
from runner.rewrite.confined import RULES
from runner.rewrite.files import rewrite_file
from runner.rewrite.hdf5 import TextAttributes

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "unit" / "data" / "inspect"


def attributes(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return TextAttributes(file).texts()


def test_every_rule_names_declared_environments():
    rules = load_rewrites(RULES)
    declared = read_environments(ROOT / "containers" / "environments.toml")
    check_readers(RULES, rules, [each.id for each in declared.environments])
    assert len(rules) > 15


def test_a_file_of_tensorflow_2_3_loses_time_major_for_keras_3_alone(tmp_path):
    path = DATA / "tf2.3_bidirectional.h5"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    found = rewrite(path, tmp_path / "copy.h5", "keras3.8")
    assert found.wrote == "2.4.0"
    assert "time_major" in found.rules
    config = json.loads(attributes(tmp_path / "copy.h5")["model_config"])
    assert "time_major" not in json.dumps(config)
    assert describe_here(tmp_path / "copy.h5").held == describe_here(path).held
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    older = rewrite(path, tmp_path / "older.h5", "tf2.7")
    assert "time_major" not in older.rules


def test_an_archive_keeps_all_members_but_its_configuration(tmp_path):
    path = DATA / "keras3.15_registered.keras"
    found = rewrite(path, tmp_path / "copy.keras", "keras3.8")
    assert {each.what for each in found.changes} == {
        *("input_axes", "optional", "output_axes", "quantization_config", "ragged", "sparse")
    }
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "copy.keras") as new:
        assert old.namelist() == new.namelist()
        changed = [each for each in old.namelist() if old.read(each) != new.read(each)]
    assert changed == ["config.json"]


def test_what_compile_was_called_with_is_edited_as_well(tmp_path):
    path = DATA / "tf2.15_compiled.keras"
    found = rewrite(path, tmp_path / "copy.keras", "keras3.15")
    assert "one_step_at_a_time" in found.rules
    with zipfile.ZipFile(tmp_path / "copy.keras") as new:
        compiled = json.loads(new.read("config.json"))["compile_config"]
    assert "steps_per_execution" not in compiled
    assert compiled["loss"] == "binary_crossentropy"


@pytest.mark.parametrize("length", [10, 5_000, 200_000])
def test_a_text_of_any_length_is_put_into_an_hdf5_file(tmp_path, length):
    path = tmp_path / "copy.h5"
    path.write_bytes((DATA / "tf1.15_compiled.h5").read_bytes())
    others = attributes(path)
    text = json.dumps({"a": "ü" * length})
    for _ in range(2):
        with path.open("r+b") as file:
            TextAttributes(file).put("model_config", text)
        assert json.loads(attributes(path)["model_config"]) == {"a": "ü" * length}
    assert {**attributes(path), "model_config": ""} == {**others, "model_config": ""}
    assert not describe_here(path).damage


def test_a_graph_of_keras_3_becomes_lists():
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": ["a", 0, 0]}}
    node = {"args": [tensor, tensor], "kwargs": {"training": None}}
    layer = {"class_name": "MultiHeadAttention", "config": {}, "inbound_nodes": [node]}
    model = {
        "class_name": "Functional",
        "config": {"layers": [layer], "input_layers": ["a", 0, 0], "output_layers": ["b", 0, 0]},
    }
    rules = rules_for(load_rewrites(RULES), "tf2.15", "3.8.0")
    edited, changes = rewrite_config(model, rules)
    assert edited["config"]["layers"][0]["inbound_nodes"] == [[["a", 0, 0, {"value": ["a", 0, 0]}]]]
    assert edited["config"]["input_layers"] == [["a", 0, 0]]
    assert model["config"]["input_layers"] == ["a", 0, 0]
    assert {each.rule for each in changes} >= {"calls_of_keras2", "attention_shapes"}


def test_nothing_to_be_changed_makes_no_copy(tmp_path):
    found = rewrite(DATA / "keras2.3.weights.h5", tmp_path / "copy.h5", "keras3.8")
    assert found.changes == ()
    assert not (tmp_path / "copy.h5").exists()


def test_errors_say_what_is_wrong(tmp_path):
    with pytest.raises(SelectionError, match="no such file"):
        rewrite(tmp_path / "no.h5", tmp_path / "copy.h5", "keras3.8")
    with pytest.raises(NotReadable, match="no configuration"):
        rewrite(DATA / "tf2.15_checkpoint" / "checkpoint", tmp_path / "copy.h5", "keras3.8")
    (tmp_path / "copy.h5").write_bytes(b"")
    with pytest.raises(SelectionError, match="already"):
        rewrite(DATA / "latest.h5", tmp_path / "copy.h5", "keras3.8")


def test_one_file_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    (tmp_path / "bad.h5").write_bytes((DATA / "tf1.15_compiled.h5").read_bytes()[:900])
    good = DATA / "tf1.15_compiled.h5"
    orders = [
        Order(path=str(path), copy=str(tmp_path / f"{number}.h5"), reader="keras3.8")
        for number, path in enumerate((good, tmp_path / "bad.h5", good))
    ]
    found = rewrite_all(orders)
    assert [isinstance(each, NotReadable) for each in found] == [False, True, False]


def test_damaged_files_raise_one_error_and_leave_no_copy(tmp_path):
    chance = random.Random(1)
    rules = load_rewrites(RULES)
    for name in ("tf1.15_compiled.h5", "keras3.15_registered.keras", "tf2.3_architecture.json"):
        whole = (DATA / name).read_bytes()
        for number in range(60):
            content = bytearray(whole)
            for _ in range(chance.choice((1, 8, 64))):
                content[chance.randrange(len(content))] = chance.randrange(256)
            path, copy = tmp_path / f"{number}-{name}", tmp_path / f"copy-{number}-{name}"
            path.write_bytes(bytes(content))
            try:
                found = rewrite_file(path, copy, "keras3.8", rules)
            except NotReadable:
                assert not copy.exists()
            else:
                assert copy.exists() == bool(found.changes)


def test_a_rule_without_what_its_action_needs_is_refused(tmp_path):
    path = tmp_path / "rewrites.toml"
    path.write_text('[[rule]]\nid = "a"\nreason = "b"\naction = "drop"\nreaders = ["*"]\n')
    with pytest.raises(ConfigurationError, match="needs `arguments`"):
        load_rewrites(path)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (65 * 2**20))
    with pytest.raises(NotReadable, match=r"config\.json"):
        rewrite(path, tmp_path / "copy.keras", "keras3.8")
