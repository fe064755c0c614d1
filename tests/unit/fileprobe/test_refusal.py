"""Bytecode of a file does not run; Python's own modules are read as ever."""

import contextlib
import importlib
import marshal
import sys

import pytest

from runner.fileprobe.refusal import CodeRefused, code_refused

CODE = marshal.dumps(compile("1 + 1", "lambda", "eval"))


def test_bytecode_is_refused_and_whoever_tried_is_told():
    with code_refused(allowed=False) as tried, pytest.raises(CodeRefused):
        marshal.loads(CODE)

    assert tried == [__name__]
    assert eval(marshal.loads(CODE)) == 2


def test_a_reader_that_hides_the_error_is_told_all_the_same():
    with code_refused(allowed=False) as tried, contextlib.suppress(CodeRefused):
        marshal.loads(CODE)

    assert tried


def test_modules_are_read_meanwhile(tmp_path, monkeypatch):
    (tmp_path / "from_bytecode.py").write_text("value = 3")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    importlib.import_module("from_bytecode")
    del sys.modules["from_bytecode"]
    importlib.invalidate_caches()

    with code_refused(allowed=False) as tried:
        found = importlib.import_module("from_bytecode")

    assert found.value == 3
    assert tried == []


def test_what_is_allowed_runs():
    with code_refused(allowed=True):
        assert eval(marshal.loads(CODE)) == 2
