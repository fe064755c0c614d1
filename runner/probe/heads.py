"""The loss and the metrics of each output of a compiled model, by their effect.

Input: a function that evaluates the model on given targets. Output: facts as JSON. Names of losses
and metrics, and the places where a model keeps them, differ by version. What the targets of an
output change does not.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

import numpy as np

from runner.probe.keras_api import Arrays, Given, Model

Evaluate = Callable[[Arrays], List[float]]
"""Returns the total loss, then the metrics."""

ARGUMENTS = (
    "thresholds",
    "threshold",
    "num_thresholds",
    "top_k",
    "k",
    "class_id",
    "num_classes",
    "curve",
    "summation_method",
    "from_logits",
    "label_smoothing",
)
"""The arguments of metric objects that are compared; names and types of metrics are not."""


def shares_of_loss(model: Model, evaluate: Evaluate, targets: Arrays) -> Optional[List[float]]:
    """Return how much the total loss changes with the targets of each output, in order.

    None where the model is not compiled.
    """
    if getattr(model, "optimizer", None) is None:
        return None
    total = evaluate(targets)[0]
    return [evaluate(_exchanged(targets, place))[0] - total for place in range(len(targets))]


def metrics_of_heads(model: Model, evaluate: Evaluate, targets: Arrays) -> Optional[Dict[str, Any]]:
    """Return the values of the metrics that depend on each output, and the metrics' arguments."""
    if getattr(model, "optimizer", None) is None:
        return None
    plain = evaluate(targets)[1:]
    values = []
    for place in range(len(targets)):
        changed = evaluate(_exchanged(targets, place))[1:]
        values.append(sorted(a for a, b in zip(plain, changed) if not np.isclose(a, b)))
    return {"values": values, "arguments": _arguments(model)}


def _exchanged(targets: Arrays, place: int) -> Arrays:
    """Return targets of which those of one output have changed hands among the samples."""
    changed = Given(list(targets))
    changed.names = getattr(targets, "names", [])
    changed.as_tuple = getattr(targets, "as_tuple", False)
    changed[place] = np.roll(targets[place], 1, axis=0)
    return changed


def _arguments(model: Model) -> List[List[Any]]:
    """Return [class, {argument: value}] of each metric object that has such arguments."""
    found = []
    for metric in _objects(getattr(model, "metrics", None) or []):
        try:
            config = metric.get_config()
        except (AttributeError, NotImplementedError):
            # A function, or the name of one.
            continue
        arguments = {
            name: _plain(config[name]) for name in ARGUMENTS if config.get(name) is not None
        }
        if arguments:
            found.append([type(metric).__name__, arguments])
    return sorted(found, key=str)


def _objects(metrics: Any) -> List[Any]:
    """Return metrics in order, those inside of Keras 3's holders in their place."""
    found = []
    for metric in metrics:
        inner = getattr(metric, "metrics", None)
        found.extend(_objects(inner) if inner else [metric])
    return found


def _plain(value: Any) -> Any:
    """Return a number or a list of one as that number, and all else as a text."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float, list, tuple, np.ndarray)):
        numbers = [float(number) for number in np.ravel(value)]
        return numbers[0] if len(numbers) == 1 else numbers
    return str(value)
