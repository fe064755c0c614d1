from __future__ import annotations

import json

import numpy as np
import pytest

from runner.check.hands import read_loaded
from runner.check.results import Result
from runner.userfile import Observed


def observed(**given):
    return Observed(id="a", **{"status": "raised", "stage": "load", **given})


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({}, Result.LOAD_ERROR),
        ({"stage": "call"}, Result.UNUSABLE),
        ({"status": "crashed"}, Result.CRASHED),
        ({"status": "timed_out"}, Result.TIMED_OUT),
        ({"status": "over_limit"}, Result.OVER_LIMIT),
        ({"status": "out_of_memory"}, Result.OUT_OF_MEMORY),
        ({"status": "harness_error"}, Result.HARNESS_ERROR),
        ({"status": "said by nobody"}, Result.HARNESS_ERROR),
        ({"exception": "runner.fileprobe.refusal.CodeRefused"}, Result.CODE_REFUSED),
        ({"status": "done", "facts": {"called": False}}, Result.NOT_CALLED),
        ({"status": "done", "facts": {"called": True}, "folder": "/none"}, Result.NOT_CALLED),
    ],
)
def test_the_result_of_each_observation(given, result):
    assert read_loaded(observed(**given)).result is result


def test_the_reason_is_what_the_innermost_layer_raised():
    message = "cannot deserialize Dense\n\nException encountered: no such argument"
    loaded = read_loaded(observed(exception="builtins.TypeError", message=message))
    assert loaded.why == "TypeError: no such argument"


def test_what_was_computed_is_read_from_the_jobs_files(tmp_path):
    np.savez(tmp_path / "oracle.npz", a0=np.ones(2))
    record = {"arrays": ["outputs/0"], "facts": {"outputs": ["outputs/0"]}}
    (tmp_path / "oracle.json").write_text(json.dumps(record))
    facts = {"called": True, "loaded": "inference_only"}
    loaded = read_loaded(observed(status="done", facts=facts, folder=str(tmp_path)))
    assert loaded.result is Result.LOADS
    assert loaded.outputs.arrays[0].tolist() == [1.0, 1.0]
    assert not loaded.outputs.ordered
