from __future__ import annotations

import json

import jsonschema
import pytest
from inspect_samples import DATA

from runner.cli import main
from runner.declare.environments import REPOSITORY
from runner.inspect.description import schema

MODEL = str(DATA / "tf2.15_compiled.keras")
SCHEMA = REPOSITORY / "reports" / "schemas" / "inspect.schema.json"


def test_a_file_is_described_with_environments_and_scenarios(capsys):
    assert main(["inspect", MODEL]) == 0
    said = capsys.readouterr().out
    assert "environments   tf2.15 (inferred: keras_version 2.15.0)" in said
    assert "compile_state" in said.partition("scenarios")[2]


def test_json_is_of_its_schema(capsys):
    assert main(["inspect", "--json", MODEL, str(DATA / "tf2.15_saved_model")]) == 0
    answer = json.loads(capsys.readouterr().out)
    jsonschema.validate(answer, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [each["container"] for each in answer["files"]] == ["zip_v3", "saved_model"]
    assert answer["files"][0]["environments"] == ["tf2.15"]
    assert answer["files"][0]["items"][0]["class_name"] == "Sequential"


def test_the_committed_schema_is_that_of_the_types():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json.loads(json.dumps(schema()))


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [(b"", 0, "empty file"), (b"\x01\x02\x03", 8, "the bytes 01 02 03"), (None, 2, "no such file")],
)
def test_exit_codes(tmp_path, capsys, content, code, said):
    path = tmp_path / "model.h5"
    if content is not None:
        path.write_bytes(content)
    assert main(["inspect", str(path)]) == code
    output = capsys.readouterr()
    assert said in output.out + output.err
    assert ("error: " in output.err) is bool(code)


def test_one_bad_file_does_not_keep_the_others_from_being_described(tmp_path, capsys):
    assert main(["inspect", str(tmp_path / "none"), MODEL, str(tmp_path / "neither")]) == 2
    output = capsys.readouterr()
    assert "Keras v3 archive" in output.out
    assert output.err.count("error: no such file") == 2
