"""The parts of a loaded model: its layers' configurations and weights, in plain files.

What Keras 2 loads it cannot save in a form that Keras 3 reads as the same model: a model as a
layer, states passed between recurrent layers, operations of TensorFlow between layers.
`rebuild.py` makes a model of the parts.

    parts.json      {"architecture", "leaves": [{"path", "weights", "trainable"}]}
    weights.npz     w0, w1, ... in the order in which the leaves name them

A leaf is a layer that holds no other layer by name; its path has the names of the models around it.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np

FOLDER = "parts"
DESCRIPTION, WEIGHTS = "parts.json", "weights.npz"
Path = Tuple[str, ...]


def write_parts(model: Any, path: str) -> None:
    """Write the parts of a model into a new folder."""
    arrays: Dict[str, Any] = {}
    described: List[Dict[str, Any]] = []
    for place, layer in leaves(model):
        names = []
        for array in layer.get_weights():
            names.append("w{}".format(len(arrays)))
            arrays[names[-1]] = np.asarray(array)
        trainable = bool(getattr(layer, "trainable", True))
        described.append({"path": list(place), "weights": names, "trainable": trainable})
    architecture = json.loads(model.to_json())
    _name_models(architecture, model)
    os.mkdir(path)
    np.savez(os.path.join(path, WEIGHTS), **arrays)
    with io.open(os.path.join(path, DESCRIPTION), "w", encoding="utf-8") as out:
        told = {"architecture": architecture, "leaves": described}
        out.write(json.dumps(told))


def _name_models(told: Dict[str, Any], model: Any) -> None:
    """Write the names of inner models, which early versions leave out of a Sequential."""
    config = told["config"]
    entries = config if isinstance(config, list) else config["layers"]
    described = [each for each in entries if each["class_name"] != "InputLayer"]
    layers = [each for each in model.layers if type(each).__name__ != "InputLayer"]
    for entry, layer in zip(described, layers):
        if held_model(layer) is layer:
            _name_models(entry, layer)
            if isinstance(entry["config"], list):
                entry["config"] = {"name": str(layer.name), "layers": entry["config"]}


def leaves(model: Any, around: Path = ()) -> Iterator[Tuple[Path, Any]]:
    """Yield each layer that holds no named layer, with its path; a shared one once."""
    seen = set()
    for layer in model.layers:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        place = around + (str(layer.name),)
        inner = held_model(layer)
        if inner is None:
            yield place, layer
        else:
            for found in leaves(inner, place):
                yield found


def held_model(layer: Any) -> Any:
    """Return the model that a layer is, or wraps; None if it is, and wraps, none."""
    for one in (layer, getattr(layer, "layer", None)):
        # A Bidirectional's parts are no named layers of a model.
        if isinstance(getattr(one, "layers", None), list) and hasattr(one, "to_json"):
            return one
    return None
