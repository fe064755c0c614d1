"""Hold facts against the oracle's: interface, learnt state, recurrent states, constraints, heads.

A part that either version does not tell is None and is not compared.
"""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import numpy as np

from runner.probe.results import Result, Tolerance, agrees, compare_arrays, differs


def compare_interface(
    expected: Any, actual: Any, oracle: Any, found: Any, tolerance: Tolerance
) -> Result:
    """Compare names and types; a signature has its inputs and outputs in no order."""
    signature = actual.get("signature", False)
    for part in ("inputs", "outputs"):
        before, after = expected[part], actual[part]
        if before is None or after is None:
            continue
        if signature:
            before = _by_key(before, expected["keys"]) if part == "outputs" else before
            before = sorted(before, key=str)
        if not _same_interface(before, after):
            return differs("{} {} became {}".format(part, _listed(before), _listed(after)))
    before, after = expected["keys"], actual["keys"]
    if before is not None and after is not None and before != after:
        return differs("outputs by name {} became {}".format(_keys(before), _keys(after)))
    return agrees()


def _by_key(outputs: List[Any], keys: Optional[List[str]]) -> List[Any]:
    """Return outputs under the names by which the model returns them, where it does."""
    if not keys or len({kind for _, kind in outputs}) > 1:
        return outputs
    return [[key, outputs[0][1]] for key in keys]


def _same_interface(before: List[Any], after: List[Any]) -> bool:
    return len(before) == len(after) and all(
        kind == kind_now and (name is None or name_now is None or name == name_now)
        for (name, kind), (name_now, kind_now) in zip(before, after)
    )


def _listed(tensors: List[Any]) -> str:
    return ", ".join("{} ({})".format(name or "unnamed", kind) for name, kind in tensors) or "none"


def _keys(names: List[str]) -> str:
    return ", ".join(names) or "none"


def _pairs(expected: Any, actual: Any) -> List[Tuple[str, Any, Any]]:
    """Return (name, expected value, actual value) of the places both tell of, where one has any."""
    found = {place: value for place, _, value in actual}
    return [
        (name, value, found[place])
        for place, name, value in expected
        if place in found and not (value is None and found[place] is None)
    ]


def compare_preprocessing(
    expected: Any, actual: Any, oracle: Any, found: Any, tolerance: Tolerance
) -> Result:
    """Compare the words, bins and statistics of each layer that learns by `adapt`."""
    largest = 0.0
    for name, before, after in _pairs(expected, actual):
        for part in sorted(set(before) & set(after)):
            said = "{}: {}".format(name, part)
            if part == "words":
                if before[part] != after[part]:
                    return differs(
                        "{} {} became {}".format(said, _some(before[part]), _some(after[part]))
                    )
                continue
            result = compare_arrays(
                [(said, np.asarray(before[part]), np.asarray(after[part]))], tolerance
            )
            if result["status"] != "agrees":
                return result
            largest = max(largest, result["max_abs_diff"])
    return agrees(largest)


def _some(words: List[str]) -> str:
    shown = ", ".join(words[:4]) + (", ..." if len(words) > 4 else "")
    return "{} ({})".format(len(words), shown) if words else "none"


def compare_states(
    expected: Any, actual: Any, oracle: Any, found: Any, tolerance: Tolerance
) -> Result:
    """Compare the states that stateful layers go on from; one that is not made yet is lost."""
    triples = []
    for name, keys, keys_now in _pairs(expected, actual):
        if keys is None or keys_now is None:
            return differs("{}: {} a state".format(name, "gained" if keys is None else "lost"))
        if len(keys) != len(keys_now):
            return differs("{}: {} states became {}".format(name, len(keys), len(keys_now)))
        for place, (key, key_now) in enumerate(zip(keys, keys_now)):
            if key is None and key_now is None:
                continue
            # Until the first call there is none: the layer begins with zeros.
            before = None if key is None else oracle.arrays[key]
            after = np.zeros_like(before) if key_now is None else found.arrays[key_now]
            before = np.zeros_like(after) if before is None else before
            triples.append(("{}: state {}".format(name, place), before, after))
    return compare_arrays(triples, tolerance)


def compare_constraints(
    expected: Any, actual: Any, oracle: Any, found: Any, tolerance: Tolerance
) -> Result:
    """Compare what the constraints leave of fixed numbers."""
    triples = []
    for name, key, key_now in _pairs(expected, actual):
        if key is None or key_now is None:
            said = "gained" if key is None else "lost"
            return differs("{}: constraint {}".format(name, said))
        triples.append((name, oracle.arrays[key], found.arrays[key_now]))
    return compare_arrays(triples, tolerance)


def compare_seeds(
    expected: Any, actual: Any, oracle: Any, found: Any, tolerance: Tolerance
) -> Result:
    """Compare the seeds given to layers."""
    for name, before, after in _pairs(expected, actual):
        if before != after:
            return differs("{}: seed {} became {}".format(name, before, after))
    return agrees()


def compare_loss_weights(
    expected: Any, actual: Any, oracle: Any, found: Any, tolerance: Tolerance
) -> Result:
    """Compare the share of each output in the loss."""
    if len(expected) != len(actual):
        return differs("losses of {} outputs became {}".format(len(expected), len(actual)))
    return compare_arrays(
        [
            ("share of output {} in the loss".format(place), np.asarray([e]), np.asarray([a]))
            for place, (e, a) in enumerate(zip(expected, actual))
        ],
        tolerance,
    )


def compare_metrics(
    expected: Any, actual: Any, oracle: Any, found: Any, tolerance: Tolerance
) -> Result:
    """Compare the arguments of metric objects, then the values of each output's metrics."""
    lost = _without(expected["arguments"], actual["arguments"])
    if lost:
        now = _without(actual["arguments"], expected["arguments"])
        return differs("metrics {} became {}".format(_metrics(lost), _metrics(now)))
    triples = []
    for place, (before, after) in enumerate(zip(expected["values"], actual["values"])):
        if len(before) != len(after):
            return differs("output {}: {} metrics became {}".format(place, len(before), len(after)))
        triples.append(
            ("metrics of output {}".format(place), np.asarray(before), np.asarray(after))
        )
    return compare_arrays(triples, tolerance)


def _without(metrics: List[Any], others: List[Any]) -> List[Any]:
    left = list(others)
    found = []
    for metric in metrics:
        same = [each for each in left if _same_metric(metric, each)]
        if same:
            left.remove(same[0])
        else:
            found.append(metric)
    return found


def _same_metric(one: Tuple[str, Any], other: Tuple[str, Any]) -> bool:
    """Return whether two metrics have one class and the same of the arguments both tell."""
    both = set(one[1]) & set(other[1])
    return one[0] == other[0] and all(_same(one[1][name], other[1][name]) for name in both)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (bool, str)) or isinstance(other, (bool, str)):
        return bool(one == other)
    return np.shape(one) == np.shape(other) and bool(np.allclose(one, other))


def _metrics(metrics: List[Any]) -> str:
    said = [
        "{}({})".format(name, ", ".join("{}={}".format(*each) for each in sorted(given.items())))
        for name, given in metrics
    ]
    return ", ".join(said) or "none"


COMPARERS = {
    "interface": compare_interface,
    "preprocessing": compare_preprocessing,
    "states": compare_states,
    "constraints": compare_constraints,
    "seeds": compare_seeds,
    "loss_weights": compare_loss_weights,
    "metrics": compare_metrics,
}
