from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from runner.check import outputs
from runner.check.outputs import (
    BadData,
    Outputs,
    find_groups,
    largest_difference,
    read_expected,
    read_outputs,
    says_little,
)


def of(*arrays, ordered=True):
    return Outputs(arrays=tuple(np.asarray(each) for each in arrays), ordered=ordered)


def test_numbers_agree_within_the_tolerance_and_not_beyond():
    assert largest_difference(of([1.0, 2.0]), of([1.00001, 2.0]))[0]
    agrees, difference = largest_difference(of([1.0, 2.0]), of([1.1, 2.0]))
    assert not agrees
    assert difference == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (of([1.0]), of([1.0, 1.0])),
        (of([1.0]), of([1.0], [1.0])),
        (of(["a"]), of(["b"])),
        (of([np.nan]), of([1.0])),
        (of([np.inf]), of([-np.inf])),
    ],
)
def test_what_has_no_number_to_tell_differs(first, second):
    assert largest_difference(first, second) == (False, None)


def test_nan_in_the_same_places_is_the_same():
    assert largest_difference(of([np.nan, 1.0]), of([np.nan, 1.0])) == (True, 0.0)


def test_outputs_of_a_function_may_come_in_another_order():
    model, function = of([1.0], [2.0]), of([2.0], [1.0], ordered=False)
    assert largest_difference(model, function)[0]
    assert not largest_difference(model, of([2.0], [1.0]))[0]


def test_readers_that_compute_the_same_are_a_group():
    found = {"a": of([1.0]), "b": of([2.0]), "c": of([2.0]), "d": of([1.0]), "e": of([2.0])}
    assert find_groups(found) == [["b", "c", "e"], ["a", "d"]]


def test_outputs_that_prove_little_are_named():
    assert says_little(of([1.0, 1.0])) == "every output is the same number"
    assert says_little(of([np.nan])) == "no output is a finite number"
    assert says_little(of(np.zeros((0, 2)))) == "an output is empty"
    assert says_little(of([1.0, 2.0])) == ""


def probe_folder(tmp_path, arrays, record):
    np.savez(tmp_path / "oracle.npz", **arrays)
    (tmp_path / "oracle.json").write_text(json.dumps(record))
    return tmp_path


def test_outputs_are_found_among_the_arrays_of_a_job(tmp_path):
    record = {"arrays": ["inputs/0", "outputs/0"], "facts": {"outputs": ["outputs/0"]}}
    arrays = {"a0": np.zeros(3), "a1": np.ones(2)}
    found = read_outputs(probe_folder(tmp_path, arrays, record), ordered=True)
    assert [each.tolist() for each in found.arrays] == [[1.0, 1.0]]


@pytest.mark.parametrize(
    "record",
    [
        [],
        {"arrays": [], "facts": {}},
        {"arrays": ["x"], "facts": {"outputs": ["y"]}},
        {"arrays": 3, "facts": {"outputs": 3}},
    ],
)
def test_whatever_else_a_probe_hands_over_is_no_output(tmp_path, record):
    assert read_outputs(probe_folder(tmp_path, {"a0": np.ones(1)}, record), ordered=True) is None
    (tmp_path / "oracle.json").write_text("{")
    assert read_outputs(tmp_path, ordered=True) is None


def test_objects_are_never_unpickled(tmp_path):
    arrays = {"a0": np.array([{"a": 1}], dtype=object)}
    record = {"arrays": ["o"], "facts": {"outputs": ["o"]}}
    assert read_outputs(probe_folder(tmp_path, arrays, record), ordered=True) is None


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "MOST_BYTES", 1000)
    np.savez_compressed(tmp_path / "oracle.npz", a0=np.zeros(10_000))
    (tmp_path / "oracle.json").write_text('{"arrays": ["o"], "facts": {"outputs": ["o"]}}')
    assert read_outputs(tmp_path, ordered=True) is None


def test_the_users_own_numbers(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x10=np.ones(1), x2=np.zeros(1), y=np.ones(4), other=np.ones(9))
    inputs, wanted = read_expected(path)
    assert [each.tolist() for each in inputs] == [[0.0], [1.0]]
    assert [each.shape for each in wanted] == [(4,)]


@pytest.mark.parametrize(("names", "said"), [(("x",), "no array y"), (("y",), "no array x")])
def test_a_missing_array_is_named(tmp_path, names, said):
    path = tmp_path / "data.npz"
    np.savez(path, **{name: np.ones(2) for name in names})
    with pytest.raises(BadData, match=said):
        read_expected(path)


def test_no_npz_is_no_data(tmp_path):
    path = tmp_path / "data.npz"
    for content in (b"", b"PK\x05\x06" + b"\0" * 18, b"nothing"):
        path.write_bytes(content)
        with pytest.raises(BadData):
            read_expected(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"no array")
    with pytest.raises(BadData):
        read_expected(path)
