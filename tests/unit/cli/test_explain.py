from __future__ import annotations

import io
import json

import jsonschema
import pytest

from runner.analyse.explain import schema
from runner.cli import main
from runner.declare.environments import REPOSITORY

SCHEMA = REPOSITORY / "reports" / "schemas" / "explain.schema.json"
TEXT = "ValueError: Unknown layer: Scale. Please ensure this object is passed to `custom_objects`"


def answer(capsys) -> dict:
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return told


def test_the_committed_schema_is_that_of_the_types():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json.loads(json.dumps(schema()))


def test_a_known_text_is_one_answer_from_an_argument_a_file_and_a_log(
    tmp_path, capsys, monkeypatch
):
    log = tmp_path / "training.log"
    log.write_text(f"Epoch 1/2\nTraceback (most recent call last):\n{TEXT}\n", encoding="utf-8")
    assert main(["explain", "--json", TEXT]) == 0
    told = answer(capsys)
    assert main(["explain", "--json", "--file", str(log)]) == 0
    assert answer(capsys) == told
    piped = io.TextIOWrapper(io.BytesIO(log.read_bytes()))
    monkeypatch.setattr("sys.stdin", piped)
    assert main(["explain", "--json"]) == 0
    assert answer(capsys) == told
    first = told["causes"][0]
    assert told["known"] is True
    assert first["id"]
    assert first["cells"] <= first["of"]
    assert all(each["helped"] <= each["tried"] for each in first["helped"])


def test_an_unknown_text_says_so_with_the_nearest(capsys):
    assert main(["explain", "--json", "the layer of the sky is unknown to us today"]) == 9
    told = answer(capsys)
    assert (told["known"], told["causes"]) == (False, [])
    assert all(0 < each["distance"] <= 1 for each in told["nearest"])


def test_the_text_names_rule_counts_and_a_way_to_see_an_example(capsys):
    assert main(["explain", TEXT]) == 0
    said = capsys.readouterr().out
    for part in ("rule ", " cells", "an example: nox -s show -- "):
        assert part in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--reader", "keras9*", TEXT), 2, "matches nothing"),
        (("--file", "none.log"), 8, "cannot read"),
        (("",), 2, "no text"),
    ],
)
def test_bad_input_is_one_message(tmp_path, capsys, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["explain", *words]) == code
    assert said in capsys.readouterr().err
