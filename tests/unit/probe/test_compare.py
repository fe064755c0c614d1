"""A reader's measurement against the writer's oracle: every aspect, agreeing and not."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest

from runner.domain import Aspect
from runner.probe.compare import compare_aspects
from runner.probe.measure import ASPECTS, Measurement
from runner.probe.results import Tolerance, compare_arrays, largest_difference

TOLERANCE = Tolerance(rtol=1e-4, atol=1e-5)
EVERY = {str(aspect) for aspect in Aspect}


def measurement() -> Measurement:
    """What a small trained model is measured as."""
    found = Measurement()
    kernel = np.arange(6, dtype="float32").reshape(2, 3)
    bias = np.array([0.5, -0.5, 0.25], dtype="float32")
    found.facts = {
        "structure": {"layers": [["Dense", "dense"], ["Dense", "head"]], "parameters": 9},
        "outputs": [found.put("outputs", 0, np.array([[1.0, 2.0]], dtype="float32"))],
        "weights": [
            ["dense", [found.put("weights", "0/0", kernel), found.put("weights", "0/1", bias)]],
            ["head", []],
        ],
        "losses": {"count": 2, "sum": 0.125},
        "trainable": {"layers": [["dense", True, 2], ["head", False, 0]], "weights": 2},
        "dtype": {
            "layers": [["dense", ["float32"], "float32"], ["head", [], None]],
            "outputs": ["float32"],
        },
        "compile": {
            "compiled": True,
            "optimizer": "Adam",
            "hyperparameters": {"learning_rate": 0.01, "amsgrad": False},
            "evaluation": [0.5, 0.75],
        },
        "optimizer": {
            "iterations": 3,
            "slots": [
                found.put("optimizer", 0, kernel * 0.1),
                found.put("optimizer", 1, kernel * 0.01),
                found.put("optimizer", 2, bias),
            ],
        },
        "training_step": {"loss_before": 0.5, "loss_after": 0.4},
        "interface": {
            "inputs": [["zulu", "float32"], ["alpha", "int32"]],
            "outputs": [["foo", "float32"], ["bar", "float32"]],
            "keys": ["one", "two"],
        },
        "preprocessing": [
            [0, "words", {"words": ["red", "green"]}],
            [2, "bins", {"bins": [0.0, 1.0], "mean": [0.25]}],
        ],
        "states": [
            [1, "lstm", [found.put("states", "1/0", bias), found.put("states", "1/1", bias)]],
            [2, "gru", None],
        ],
        "constraints": [
            ["0/kernel", "dense kernel", found.put("constraints", "0/kernel", kernel)],
            ["0/bias", "dense bias", None],
        ],
        "seeds": [[1, "dropout", 7], [2, "noise", None]],
        "loss_weights": [0.5, -0.1],
        "metrics": {
            "values": [[0.25], []],
            "arguments": [["Recall", {"thresholds": 0.2}]],
        },
    }
    return found


def compare(change=lambda found: None, aspects=EVERY, tolerance=TOLERANCE):
    actual = measurement()
    change(actual)
    return compare_aspects(measurement(), actual, aspects, tolerance)


def put(path, value):
    """Return a change that sets one fact."""

    def change(found):
        place = found.facts
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def test_the_vocabulary_is_that_of_the_host():
    assert {*ASPECTS, "training_step"} == EVERY


def test_a_model_agrees_with_itself_in_every_aspect():
    results = compare()
    assert set(results) == EVERY
    for result in results.values():
        assert result == {"status": "agrees", "max_abs_diff": 0.0, "detail": ""}


def test_only_what_is_asked_for_is_compared():
    assert set(compare(put(["losses"], None), aspects={"outputs"})) == {"outputs"}


@pytest.mark.parametrize("aspect", sorted(EVERY))
@pytest.mark.parametrize("remove", [lambda f, a: f.facts.pop(a), lambda f, a: put([a], None)(f)])
def test_an_aspect_that_is_not_offered_is_missing_and_not_equal(aspect, remove):
    results = compare(lambda found: remove(found, aspect))
    assert results[aspect]["status"] == "missing"
    assert results[aspect]["max_abs_diff"] is None
    assert {name for name, each in results.items() if each["status"] != "agrees"} == {aspect}


def _array(key, change):
    def apply(found):
        found.arrays[key] = change(found.arrays[key].copy())

    return apply


@pytest.mark.parametrize(
    ("aspect", "change", "said"),
    [
        ("structure", put(["structure", "layers", 1], ["Dense", "top"]), "head) became Dense (top"),
        ("structure", put(["structure", "layers", 0, 0], "Custom"), "Custom (dense)"),
        ("structure", lambda f: f.facts["structure"]["layers"].reverse(), "order changed"),
        ("structure", lambda f: f.facts["structure"]["layers"].pop(), "became none"),
        ("structure", put(["structure", "parameters"], 8), "9 parameters became 8"),
        ("outputs", _array("outputs/0", lambda a: a + 0.1), "output 0: largest difference 0.1"),
        ("outputs", _array("outputs/0", lambda a: a.T), "shape (1, 2) became (2, 1)"),
        ("outputs", put(["outputs"], []), "1 outputs became 0"),
        ("weights", _array("weights/0/1", lambda a: a * 2), "dense[1]"),
        ("weights", put(["weights", 0, 1], ["weights/0/0"]), "2 weights became 1"),
        ("weights", lambda f: f.facts["weights"].pop(), "weights of 2 layers became 1"),
        ("losses", put(["losses", "sum"], 0.0), "0.125 became 0"),
        ("losses", put(["losses"], {"count": 0, "sum": 0.0}), "2 regularization losses became 0"),
        ("trainable", put(["trainable", "layers", 0, 1], False), "trainable True became False"),
        ("trainable", put(["trainable", "weights"], 0), "2 trainable weights became 0"),
        ("trainable", lambda f: f.facts["trainable"]["layers"].pop(), "2 layers became 1"),
        ("dtype", put(["dtype", "outputs"], ["float16"]), "float16"),
        ("dtype", put(["dtype", "layers", 0, 1], ["float16"]), "dense: weights"),
        ("dtype", put(["dtype", "layers", 0, 2], "float16"), "computes in float16 not float32"),
        ("dtype", lambda f: f.facts["dtype"]["layers"].pop(), "2 layers became 1"),
        ("compile", put(["compile"], {"compiled": False}), "compiled True became False"),
        ("compile", put(["compile", "optimizer"], "SGD"), "Adam became SGD"),
        ("compile", put(["compile", "hyperparameters", "learning_rate"], 0.001), "learning_rate"),
        ("compile", put(["compile", "hyperparameters", "amsgrad"], True), "amsgrad"),
        ("compile", put(["compile", "evaluation"], [0.5]), "1 metrics became loss and 0"),
        ("compile", put(["compile", "evaluation", 1], 0.5), "loss and metrics"),
        ("optimizer", put(["optimizer", "iterations"], 0), "step count 3 became 0"),
        ("optimizer", put(["optimizer", "slots"], []), "3 slots with state became 0"),
        ("optimizer", _array("optimizer/1", lambda a: a + 1), "largest difference 1"),
        ("optimizer", _array("optimizer/2", lambda a: a[:2]), "no slot of shape (3,)"),
        ("training_step", put(["training_step", "loss_after"], 0.45), "loss_after"),
        ("interface", put(["interface", "inputs", 0, 0], "input_1"), "became input_1 (float32)"),
        (
            "interface",
            put(["interface", "inputs", 1, 1], "float32"),
            "became zulu (float32), alpha",
        ),
        ("interface", lambda f: f.facts["interface"]["outputs"].reverse(), "outputs foo (float32)"),
        ("interface", put(["interface", "keys"], []), "outputs by name one, two became none"),
        ("preprocessing", put(["preprocessing", 0, 2, "words"], []), "2 (red, green) became none"),
        ("preprocessing", put(["preprocessing", 1, 2, "bins"], [0.0]), "bins: bins: shape"),
        ("preprocessing", put(["preprocessing", 1, 2, "mean"], [0.5]), "bins: mean: largest"),
        ("states", _array("states/1/1", lambda a: a * 0), "lstm: state 1: largest difference 0.5"),
        ("states", put(["states", 0, 2, 0], None), "lstm: state 0: largest difference 0.5"),
        ("states", put(["states", 0, 2], None), "lstm: lost a state"),
        ("states", put(["states", 1, 2], ["states/1/0"]), "gru: gained a state"),
        ("states", put(["states", 0, 2], ["states/1/0"]), "lstm: 2 states became 1"),
        ("constraints", _array("constraints/0/kernel", lambda a: a + 1), "dense kernel: largest"),
        ("constraints", put(["constraints", 0, 2], None), "dense kernel: constraint lost"),
        ("constraints", put(["constraints", 1, 2], "weights/0/1"), "dense bias: constraint gained"),
        ("seeds", put(["seeds", 0, 2], 8), "dropout: seed 7 became 8"),
        ("seeds", put(["seeds", 0, 2], None), "dropout: seed 7 became None"),
        ("loss_weights", put(["loss_weights", 1], -0.5), "share of output 1 in the loss"),
        ("loss_weights", put(["loss_weights"], [0.5]), "losses of 2 outputs became 1"),
        ("metrics", put(["metrics", "values", 0, 0], 0.5), "metrics of output 0: largest"),
        ("metrics", put(["metrics", "values"], [[], [0.25]]), "output 0: 1 metrics became 0"),
        (
            "metrics",
            put(["metrics", "arguments", 0, 1, "thresholds"], 0.5),
            "metrics Recall(thresholds=0.2) became Recall(thresholds=0.5)",
        ),
        ("metrics", put(["metrics", "arguments"], []), "Recall(thresholds=0.2) became none"),
        ("training_step", put(["training_step", "loss_before"], 0.55), "loss_before"),
    ],
)
def test_a_difference_is_found_in_its_aspect_alone_and_named(aspect, change, said):
    results = compare(change)
    assert {name for name, each in results.items() if each["status"] != "agrees"} == {aspect}
    assert results[aspect]["status"] == "differs"
    assert said in results[aspect]["detail"]


def test_slots_match_in_any_order():
    def shuffle(found):
        found.facts["optimizer"]["slots"].reverse()

    assert compare(shuffle)["optimizer"]["status"] == "agrees"


def test_one_slot_does_not_stand_for_two():
    def repeat(found):
        found.facts["optimizer"]["slots"][1] = "optimizer/0"

    assert compare(repeat)["optimizer"]["status"] == "differs"


def test_a_hyperparameter_only_one_version_has_is_not_compared():
    assert (
        compare(put(["compile", "hyperparameters", "epsilon"], 1e-7))["compile"]["status"]
        == "agrees"
    )


def test_a_learning_rate_schedule_is_compared_as_a_whole():
    schedule = {"initial_learning_rate": 0.1}
    oracle, same, other = measurement(), measurement(), measurement()
    for found in (oracle, same):
        put(["compile", "hyperparameters", "learning_rate"], copy.copy(schedule))(found)
    assert compare_aspects(oracle, same, {"compile"}, TOLERANCE)["compile"]["status"] == "agrees"
    # A schedule that became a number has lost the schedule.
    assert compare_aspects(oracle, other, {"compile"}, TOLERANCE)["compile"]["status"] == "differs"


@pytest.mark.parametrize(
    ("aspect", "change"),
    [
        ("interface", put(["interface", "inputs"], None)),
        ("interface", put(["interface", "outputs", 0, 0], None)),
        ("interface", put(["interface", "keys"], None)),
        ("preprocessing", lambda f: f.facts["preprocessing"][0][2].pop("words")),
        ("preprocessing", lambda f: f.facts["preprocessing"].pop()),
        ("states", lambda f: f.facts["states"].pop(0)),
        ("constraints", put(["constraints"], [])),
        ("seeds", put(["seeds"], [])),
        ("metrics", lambda f: f.facts["metrics"]["arguments"][0][1].pop("thresholds")),
    ],
)
def test_a_part_one_version_does_not_tell_is_not_compared(aspect, change):
    assert compare(change)[aspect]["status"] == "agrees"


def _signature(outputs):
    def change(found):
        found.facts["interface"] = {
            "inputs": [["alpha", "int32"], ["zulu", "float32"]],
            "outputs": outputs,
            "keys": None,
            "signature": True,
        }

    return change


def test_a_signature_has_its_names_in_any_order():
    same = _signature([["one", "float32"], ["two", "float32"]])
    assert compare(same)["interface"]["status"] == "agrees"
    other = compare(_signature([["output_0", "float32"], ["output_1", "float32"]]))["interface"]
    assert other["detail"].endswith("became output_0 (float32), output_1 (float32)")


def test_a_state_that_is_not_made_yet_is_zero():
    def zero(found):
        found.arrays["states/1/0"] = found.arrays["states/1/0"] * 0

    def not_made(found):
        found.facts["states"][0][2][0] = None

    oracle, read = measurement(), measurement()
    zero(oracle)
    not_made(read)
    assert compare_aspects(oracle, read, {"states"}, TOLERANCE)["states"]["status"] == "agrees"
    not_made(oracle)
    assert compare_aspects(oracle, read, {"states"}, TOLERANCE)["states"]["status"] == "agrees"


def test_a_dtype_one_version_does_not_tell_is_not_compared():
    assert compare(put(["dtype", "layers", 0, 2], None))["dtype"]["status"] == "agrees"


def test_a_difference_within_tolerance_agrees_and_is_told():
    result = compare(_array("outputs/0", lambda a: a + np.float32(2e-5)))["outputs"]
    assert result["status"] == "agrees"
    assert 1e-5 < result["max_abs_diff"] < 3e-5


@pytest.mark.parametrize(
    ("actual", "expected", "within"),
    [
        (1.0, 1.0, True),
        (1000.09, 1000.0, True),
        (1000.2, 1000.0, False),
        (0.000009, 0.0, True),
        (0.00002, 0.0, False),
        (math.nan, math.nan, True),
        (math.nan, 0.0, False),
        (0.0, math.nan, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
    ],
)
def test_tolerance_is_absolute_plus_relative_to_the_oracle(actual, expected, within):
    assert TOLERANCE.within(np.array([actual]), np.array([expected])) is within


def test_nan_on_one_side_is_infinitely_far():
    nan, one = np.array([math.nan]), np.array([1.0])
    assert largest_difference(nan, one) == math.inf
    assert largest_difference(one, nan) == math.inf
    assert largest_difference(nan, nan) == 0.0
    assert largest_difference(np.array([math.inf]), np.array([math.inf])) == 0.0
    assert largest_difference(np.array([]), np.array([])) == 0.0
    assert largest_difference(np.array(2.0), np.array(5.0)) == 3.0


def test_outputs_that_became_nan_differ():
    result = compare(_array("outputs/0", lambda a: a * np.float32(math.nan)))["outputs"]
    assert result["status"] == "differs"
    assert result["max_abs_diff"] == math.inf


def test_texts_are_compared_as_texts():
    same = [("vocabulary", np.array(["a", "b"]), np.array(["a", "b"]))]
    other = [("vocabulary", np.array(["a", "b"]), np.array(["a", "c"]))]
    assert compare_arrays(same, TOLERANCE)["status"] == "agrees"
    assert compare_arrays(other, TOLERANCE)["detail"] == "vocabulary: text differs"


def test_integers_and_booleans_are_compared_as_numbers():
    integers = [("mask", np.array([True, False]), np.array([1, 0]))]
    assert compare_arrays(integers, TOLERANCE)["status"] == "agrees"


def test_the_largest_difference_of_all_is_told():
    pairs = [
        ("a", np.zeros(2), np.array([0.0, 0.1])),
        ("b", np.zeros(2), np.array([0.3, 0.0])),
        ("c", np.zeros(2), np.array([0.2, 0.0])),
    ]
    result = compare_arrays(pairs, TOLERANCE)
    assert result["max_abs_diff"] == pytest.approx(0.3)
    assert result["detail"].startswith("b: ")


def test_what_agrees_is_not_told_for_what_differs():
    pairs = [
        ("large", np.array([1e6]), np.array([1e6 + 9.0])),
        ("small", np.array([0.0]), np.array([0.5])),
    ]
    result = compare_arrays(pairs, TOLERANCE)
    assert result["detail"] == "small: largest difference 0.5"
    assert result["max_abs_diff"] == pytest.approx(0.5)


def test_results_are_json():
    assert json.loads(json.dumps(compare()))["outputs"]["status"] == "agrees"
