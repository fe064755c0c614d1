"""The records of two saves of one model, compared."""

from __future__ import annotations

import copy
from contextlib import contextmanager

import numpy as np
import pytest

from runner import pipeline
from runner.cli.save_audit import audit_saves, compare_records
from runner.domain.errors import SelectionError
from runner.domain.request import Request
from runner.probe.artifact import write_oracle
from runner.probe.measure import Measurement


def record(folder, change=lambda found: None):
    """Write a record as the probe does."""
    found = Measurement()
    kernel = np.array([1.0, 2.0], dtype="float32")
    found.facts = {
        "weights": [["dense", [found.put("weights", "0/0", kernel)]]],
        "losses": {"count": 1, "sum": 0.125},
    }
    found = copy.deepcopy(found)
    change(found)
    folder.mkdir()
    write_oracle(str(folder), found, [np.zeros((8, 2))], [])
    return folder


def compare(tmp_path, change):
    return compare_records(record(tmp_path / "one"), record(tmp_path / "other", change))


def test_the_same_save_gives_the_same_record(tmp_path):
    assert compare(tmp_path, lambda found: None) == ""


def test_a_weight_drawn_by_chance_is_found(tmp_path):
    def draw(found):
        found.arrays["weights/0/0"] += 1

    said = "weights/0/0: an array float32 (2,) with the sum 3 became an array float32 (2,) with"
    assert compare(tmp_path, draw).startswith(said)


def test_a_rounding_is_no_difference_and_another_fact_is(tmp_path):
    def rounded(found):
        found.facts["losses"]["sum"] += 1e-9

    assert compare(tmp_path, rounded) == ""


def test_another_fact_and_a_missing_one_are_found(tmp_path):
    def change(found):
        found.facts["losses"] = {"count": 2}

    assert compare(tmp_path, change) == "losses.count: 1 became 2"


def test_nothing_recorded_is_an_error_and_not_a_pass(tmp_path, monkeypatch):
    @contextmanager
    def opened(request, reporter):
        yield None

    monkeypatch.setattr(pipeline, "opened", opened)
    monkeypatch.setattr(pipeline, "recorded_saves", lambda run: [])
    with pytest.raises(SelectionError, match="nothing to audit"):
        audit_saves(
            Request(root=tmp_path, store=tmp_path / "store", out=tmp_path), sample=5, seed=1
        )
