"""Facts of single layers: learnt vocabularies, recurrent states, constraints and seeds.

Input: the layers of a model, in order. Output: facts as JSON, with arrays set apart. A part that
this version's layer does not tell is None and is not compared.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from runner.probe.keras_api import KerasApi, to_numpy

Facts = Dict[str, Any]
Layers = List[Any]

CONSTRAINED = (
    "kernel",
    "recurrent",
    "bias",
    "embeddings",
    "depthwise",
    "pointwise",
    "gamma",
    "beta",
)
"""The weights a built-in layer may hold to a constraint."""

MARKS = ("", "[UNK]", "-1", "0")
"""What lookup layers put before their words, in an order that differs between versions."""


def learnt_state(layers: Layers) -> List[List[Any]]:
    """Return [place, name, {part: values}] of each layer that learns by `adapt`."""
    found = []
    for place, layer in enumerate(layers):
        parts = {"words": _words(layer), "bins": _bins(layer)}
        if hasattr(layer, "adapt"):
            parts.update(mean=_numbers(layer, "mean"), variance=_numbers(layer, "variance"))
        parts = {name: value for name, value in parts.items() if value is not None}
        if parts:
            found.append([place, layer.name, parts])
    return found


def _words(layer: Any) -> Optional[List[str]]:
    """Return the words a layer has an own number for, in order; None if it has no table."""
    if not hasattr(layer, "get_vocabulary"):
        return None
    words = [_text(word) for word in layer.get_vocabulary()]
    return [word for word in words if word not in MARKS]


def _text(word: Any) -> str:
    return word.decode("utf-8") if isinstance(word, bytes) else str(word)


def _bins(layer: Any) -> Optional[List[float]]:
    bins = getattr(layer, "bin_boundaries", None)
    return None if bins is None else [float(bound) for bound in np.ravel(to_numpy(bins))]


def _numbers(layer: Any, name: str) -> Optional[List[float]]:
    value = getattr(layer, name, None)
    return None if value is None else [float(number) for number in np.ravel(to_numpy(value))]


def constraints(api: KerasApi, layers: Layers) -> List[Tuple[str, str, Any]]:
    """Return (place, layer and weight, an array as the constraint leaves it) for each weight.

    By its effect on fixed numbers: names and arguments differ by version. None where a weight that
    may have a constraint has none.
    """
    given = np.linspace(-3.0, 3.0, 12).reshape(4, 3).astype("float32")
    found = []
    for place, layer in enumerate(layers):
        for weight in CONSTRAINED:
            attribute = weight + "_constraint"
            if hasattr(layer, attribute):
                constraint = getattr(layer, attribute)
                held = constraint and api.value(constraint(api.constant(given)))
                name = "{} {}".format(layer.name, weight)
                found.append(("{}/{}".format(place, weight), name, held))
    return found


def seeds(layers: Layers) -> List[List[Any]]:
    """Return [place, name, seed] of each layer that may have a seed; None where it has none."""
    found = []
    for place, layer in enumerate(layers):
        # A recurrent layer leaves dropout and its seed to the cell inside.
        holder: Any = layer if hasattr(layer, "seed") else getattr(layer, "cell", None)
        if hasattr(holder, "seed"):
            seed = holder.seed
            found.append([place, layer.name, seed if isinstance(seed, int) else None])
    return found


class RecurrentStates:
    """The states that stateful layers go on from, as they are before the model is called.

    Calling the model changes them. They are put back afterwards, so that the state that is saved
    is the one that was recorded.
    """

    def __init__(self, api: KerasApi, layers: Layers) -> None:
        self._api = api
        self._held = [
            (place, layer.name, _states(layer) if getattr(layer, "stateful", False) else None)
            for place, layer in enumerate(layers)
            if hasattr(layer, "states")
        ]
        self.values = [
            (place, name, states and [None if s is None else api.value(s) for s in states])
            for place, name, states in self._held
        ]
        """(place, name, value of each state): None for a layer that keeps no state, and for a
        state that is not made yet."""

    def put_back(self) -> None:
        """Give each state the value it had."""
        for (_, _, states), (_, _, values) in zip(self._held, self.values):
            for state, value in zip(states or (), values or ()):
                if state is not None:
                    self._api.assign(state, value)


def _states(layer: Any) -> List[Any]:
    states = layer.states
    return list(states) if isinstance(states, (list, tuple)) else [states]
