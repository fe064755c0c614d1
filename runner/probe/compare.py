"""Hold a reader's measurement against the writer's oracle, aspect by aspect.

The oracle is never recomputed by the reader. A result is `agrees`, `differs` or
`missing` (the loaded object does not offer the aspect), with the largest absolute
difference where numbers were compared and a sentence where they were not.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Dict, List

import numpy as np

from runner.probe import compare_facts
from runner.probe.measure import Measurement
from runner.probe.results import (
    Result,
    Tolerance,
    agrees,
    compare_arrays,
    differs,
    largest_difference,
    missing,
)


def compare_aspects(
    expected: Any, actual: Any, aspects: AbstractSet[str], tolerance: Tolerance, named: bool = True
) -> Dict[str, Result]:
    """Return {aspect: result} for each aspect asked for.

    `expected` and `actual` are Measurements; `expected` is the oracle. Layers' names are
    compared only if `named`: a model built from code numbers its layers as it likes.
    """
    results = {}
    if not named:
        expected, actual = without_names(expected), without_names(actual)
    for aspect in sorted(aspects):
        if actual.facts.get(aspect) is None:
            results[aspect] = missing()
        else:
            results[aspect] = _COMPARERS[aspect](
                expected.facts[aspect], actual.facts[aspect], expected, actual, tolerance
            )
    return results


def without_names(measurement: Measurement) -> Measurement:
    """Return a measurement whose structure has the layers' classes, but not their names."""
    structure = measurement.facts.get("structure")
    if structure is None:
        return measurement
    anonymous = Measurement()
    anonymous.arrays = measurement.arrays
    layers = [[class_name, ""] for class_name, _ in structure["layers"]]
    anonymous.facts = dict(measurement.facts, structure=dict(structure, layers=layers))
    return anonymous


def _compare_outputs(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    if len(expected) != len(actual):
        return differs("{} outputs became {}".format(len(expected), len(actual)))
    return compare_arrays(
        [
            ("output {}".format(i), oracle.arrays[e], found.arrays[a])
            for i, (e, a) in enumerate(zip(expected, actual))
        ],
        tolerance,
    )


def _compare_weights(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    if len(expected) != len(actual):
        return differs("weights of {} layers became {}".format(len(expected), len(actual)))
    triples = []
    for (name, expected_keys), (_, actual_keys) in zip(expected, actual):
        if len(expected_keys) != len(actual_keys):
            return differs(
                "{}: {} weights became {}".format(name, len(expected_keys), len(actual_keys))
            )
        for place, (e, a) in enumerate(zip(expected_keys, actual_keys)):
            triples.append(("{}[{}]".format(name, place), oracle.arrays[e], found.arrays[a]))
    return compare_arrays(triples, tolerance)


def _compare_structure(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    if expected["layers"] != actual["layers"]:
        before = [item for item in expected["layers"] if item not in actual["layers"]]
        after = [item for item in actual["layers"] if item not in expected["layers"]]
        if not before and not after:
            return differs("the layers' order changed")
        return differs("layers {} became {}".format(_named(before), _named(after)))
    if expected["parameters"] != actual["parameters"]:
        return differs(
            "{} parameters became {}".format(expected["parameters"], actual["parameters"])
        )
    return agrees()


def _named(layers: List[Any]) -> str:
    shown = ["{} ({})".format(*layer) for layer in layers[:4]]
    return ", ".join(shown) + (", ..." if len(layers) > 4 else "") if shown else "none"


def _compare_losses(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    gap = largest_difference(np.asarray([expected["sum"]]), np.asarray([actual["sum"]]))
    if expected["count"] != actual["count"]:
        return differs(
            "{} regularization losses became {}; their sum {:.6g} became {:.6g}".format(
                expected["count"], actual["count"], expected["sum"], actual["sum"]
            ),
            gap,
        )
    return _compare_number("sum of losses", expected["sum"], actual["sum"], tolerance)


def _compare_number(name: str, expected: Any, actual: Any, tolerance: Tolerance) -> Result:
    gap = largest_difference(np.asarray([expected]), np.asarray([actual]))
    if tolerance.within(actual, expected):
        return agrees(gap)
    return differs("{} {:.6g} became {:.6g}".format(name, expected, actual), gap)


def _compare_trainable(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    if len(expected["layers"]) != len(actual["layers"]):
        return differs("{} layers became {}".format(len(expected["layers"]), len(actual["layers"])))
    for (name, before, _), (_, after, _) in zip(expected["layers"], actual["layers"]):
        if before != after:
            return differs("{}: trainable {} became {}".format(name, before, after))
    if expected["weights"] != actual["weights"]:
        return differs(
            "{} trainable weights became {}".format(expected["weights"], actual["weights"])
        )
    return agrees()


def _compare_dtype(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    if expected["outputs"] != actual["outputs"]:
        return differs("outputs {} became {}".format(expected["outputs"], actual["outputs"]))
    if len(expected["layers"]) != len(actual["layers"]):
        return differs("{} layers became {}".format(len(expected["layers"]), len(actual["layers"])))
    for (name, stored, compute), (_, stored_now, compute_now) in zip(
        expected["layers"], actual["layers"]
    ):
        if stored != stored_now:
            return differs("{}: weights {} became {}".format(name, stored, stored_now))
        if compute and compute_now and compute != compute_now:
            return differs("{}: computes in {} not {}".format(name, compute_now, compute))
    return agrees()


def _compare_compile(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    if expected["compiled"] != actual["compiled"]:
        return differs("compiled {} became {}".format(expected["compiled"], actual["compiled"]))
    if not expected["compiled"]:
        return agrees()
    if expected["optimizer"] != actual["optimizer"]:
        return differs("optimizer {} became {}".format(expected["optimizer"], actual["optimizer"]))
    before, after = expected["hyperparameters"], actual["hyperparameters"]
    for key in sorted(set(before) & set(after)):
        if not _same_hyperparameter(before[key], after[key]):
            return differs("{} {} became {}".format(key, before[key], after[key]))
    return _compare_evaluation(expected["evaluation"], actual["evaluation"], tolerance)


def _same_hyperparameter(before: Any, after: Any) -> bool:
    if isinstance(before, dict) or isinstance(after, dict):
        return bool(before == after)
    return bool(np.allclose(float(before), float(after), rtol=1e-5, atol=1e-12))


def _compare_evaluation(expected: Any, actual: Any, tolerance: Tolerance) -> Result:
    if len(expected) != len(actual):
        return differs(
            "loss and {} metrics became loss and {}".format(len(expected) - 1, len(actual) - 1)
        )
    return compare_arrays(
        [("loss and metrics", np.asarray(expected), np.asarray(actual))], tolerance
    )


def _compare_optimizer(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    before, after = expected["iterations"], actual["iterations"]
    if before != after:
        return differs("step count {} became {}".format(before, after), abs(before - after))
    if len(expected["slots"]) != len(actual["slots"]):
        return differs(
            "{} slots with state became {}".format(len(expected["slots"]), len(actual["slots"]))
        )
    return _match_slots(
        [oracle.arrays[key] for key in expected["slots"]],
        [found.arrays[key] for key in actual["slots"]],
        tolerance,
    )


def _match_slots(expected: Any, actual: Any, tolerance: Tolerance) -> Result:
    """Match slots without regard to order, which differs between optimizer generations."""
    largest = 0.0
    left = list(actual)
    for slot in expected:
        gaps = [
            (largest_difference(slot, other), index)
            for index, other in enumerate(left)
            if other.shape == slot.shape
        ]
        if not gaps:
            return differs("no slot of shape {} left".format(slot.shape))
        gap, index = min(gaps)
        if not tolerance.within(left[index], slot):
            return differs("slots: largest difference {:.3g}".format(gap), gap)
        largest = max(largest, gap)
        del left[index]
    return agrees(largest)


def _compare_training_step(
    expected: Any, actual: Any, oracle: Measurement, found: Measurement, tolerance: Tolerance
) -> Result:
    names = ("loss_before", "loss_after")
    return compare_arrays(
        [(name, np.asarray([expected[name]]), np.asarray([actual[name]])) for name in names],
        tolerance,
    )


_COMPARERS = {
    "outputs": _compare_outputs,
    "weights": _compare_weights,
    "structure": _compare_structure,
    "losses": _compare_losses,
    "trainable": _compare_trainable,
    "dtype": _compare_dtype,
    "compile": _compare_compile,
    "optimizer": _compare_optimizer,
    "training_step": _compare_training_step,
    **compare_facts.COMPARERS,
}
