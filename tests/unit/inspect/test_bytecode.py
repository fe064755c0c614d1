from __future__ import annotations

import base64
import json
import marshal
import sys

import pytest
from inspect_samples import DATA

from runner.inspect import bytecode, describe_here

CAPTURED = json.loads((DATA.parent / "lambdas.json").read_text(encoding="utf-8"))
"""Version of Python -> lambdas that it wrote: plain, with a closure, with calls."""
SAID = {
    "3.7": "3.6 or 3.7",
    "3.8": "3.8 to 3.10",
    "3.11": "3.11 or 3.12",
    "3.13": "3.13",
}


@pytest.mark.parametrize("version", SAID)
def test_captured_lambdas_are_told_apart(version):
    assert len(CAPTURED[version]) == 3
    for text in CAPTURED[version]:
        found, source = bytecode.python_of(bytecode.decode(text))
        assert found == SAID[version]
        assert source


def test_this_python_is_recognised():
    code = marshal.dumps((lambda x: x * 2).__code__)
    found, _ = bytecode.python_of(code)
    assert f"3.{sys.version_info.minor}" in found or "to" in found


def test_layouts_of_old_pythons():
    old = b"c" + b"".join(n.to_bytes(4, "little") for n in (1, 1, 2, 67)) + b"s\x02\0\0\0|S"
    assert bytecode.python_of(old)[0] == "2"
    odd = b"\xe3" + b"".join(n.to_bytes(4, "little") for n in (1, 0, 1, 2, 67)) + b"s\x02\0\0\0|S"
    assert bytecode.python_of(odd)[0] == "3.0 to 3.5"


@pytest.mark.parametrize("content", [b"", b"c", b"\xe3" * 40, b"c" + b"\xff" * 200])
def test_what_is_no_code_is_unknown(content):
    assert bytecode.python_of(content) == ("", "")


def test_bytes_as_characters_are_decoded():
    content = base64.b64decode(CAPTURED["3.7"][0])
    assert bytecode.decode(content.decode("latin-1")) == content
    assert bytecode.decode("relu") == b""


def test_a_lambda_layer_is_a_danger_with_its_python(tmp_path):
    def model(config):
        layer = {"class_name": "Lambda", "config": {"name": "twice", **config}}
        return {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}

    legacy = {"function_type": "lambda", "function": [CAPTURED["3.8"][0], None, None]}
    new = {"function": {"class_name": "__lambda__", "config": {"code": CAPTURED["3.13"][0]}}}
    named = {"function_type": "function", "function": "scale"}
    for config, python, held in (
        (legacy, "3.8 to 3.10", True),
        (new, "3.13", True),
        (named, "", False),
    ):
        path = tmp_path / "model.json"
        path.write_text(json.dumps(model(config)), encoding="utf-8")
        found = describe_here(path)
        assert [(each.python, each.bytecode) for each in found.functions] == [(python, held)]
        assert any("bytecode in `twice`" in each for each in found.dangers) is held
