"""The arrays of a file of weights, read without Keras and given to the layers one by one.

Input: a TensorFlow checkpoint or an HDF5 file of weights. Output: for each layer with weights, in
order, its arrays by their names in the file. Where it is not plain which array a weight is,
`Unclear` is raised: nothing is guessed.
"""

from __future__ import annotations

import importlib
import os
import re
from typing import Any, Dict, Iterator, List

import numpy as np

from runner.probe.keras_api import Array, Arrays, Model

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
LAYER = re.compile(r"layer_with_weights-(\d+)/(.+)" + re.escape(VALUE))
NESTED = re.compile(r"layer(_with_weights)?-\d+/")
OF_OPTIMIZER = "/.OPTIMIZER_SLOT/"
OLDER_GROUP = "_layer_checkpoint_dependencies"
"""How the layout of Keras 3 named its groups of layers at first, in TensorFlow 2.12: within a group
of this name, or with a backslash between. It counted each layer with weights twice."""


class Unclear(Exception):
    """The file does not say plainly which of its arrays a weight is."""


def set_from_checkpoint(model: Model, prefix: str) -> None:
    """Give each layer of a built model its arrays of a TensorFlow checkpoint, by their names."""
    reader = importlib.import_module("tensorflow").train.load_checkpoint(prefix)
    found: Dict[int, Dict[str, Array]] = {}
    for key in reader.get_variable_to_shape_map():
        match = LAYER.match(key)
        if match is None or OF_OPTIMIZER in key:
            continue
        if NESTED.match(match.group(2)):
            raise Unclear("a layer holds other layers: {}".format(key))
        found.setdefault(int(match.group(1)), {})[match.group(2)] = reader.get_tensor(key)
    layers = _layers_with_weights(model)
    if sorted(found) != list(range(len(layers))):
        raise Unclear("{} layers have weights, the file has {}".format(len(layers), len(found)))
    for number, layer in enumerate(layers):
        layer.set_weights(_by_name(layer, found[number]))


def set_from_hdf5(model: Model, path: str) -> None:
    """Give each layer of a built model its arrays of an HDF5 file of weights, in their order."""
    import h5py

    with h5py.File(path, "r") as file:
        groups = _legacy_groups(file) if "layer_names" in file.attrs else _groups(file, model)
        found = [each for each in groups if each]
    layers = _layers_with_weights(model)
    if len(found) != len(layers):
        raise Unclear("{} layers have weights, the file has {}".format(len(layers), len(found)))
    for layer, arrays in zip(layers, found):
        layer.set_weights(arrays)


def _layers_with_weights(model: Model) -> List[Any]:
    return [layer for layer in model.layers if layer.weights]


def _by_name(layer: Any, arrays: Dict[str, Array]) -> Arrays:
    """Return a layer's arrays in the order of its weights: the last part of each name decides."""
    ordered = []
    for weight in layer.weights:
        name = weight.name.split("/")[-1].split(":")[0]
        fitting = [key for key in arrays if key.split("/")[-1] == name]
        if len(fitting) != 1:
            raise Unclear("{} arrays are called {!r}".format(len(fitting), name))
        ordered.append(arrays[fitting[0]])
    if len(ordered) != len(arrays):
        raise Unclear("{} arrays for {} weights".format(len(arrays), len(ordered)))
    return ordered


def _legacy_groups(file: Any) -> Iterator[Arrays]:
    for name in file.attrs["layer_names"]:
        group = file[name]
        yield [np.asarray(group[each]) for each in group.attrs["weight_names"]]


def _groups(file: Any, model: Model) -> Iterator[Arrays]:
    """Yield the arrays of each layer, whose group is called by its class and counted."""
    older = _older_groups(file)
    groups = dict(file["layers"].items()) if "layers" in file else {}
    counted: Dict[str, int] = {}
    for layer in model.layers:
        name = snake_case(re.sub(r"V[12]$", "", type(layer).__name__))
        if older:
            if layer.weights and older.get(name):
                yield older[name].pop(0)
            continue
        number = counted.get(name, 0)
        counted[name] = number + 1
        group = groups.get("{}_{}".format(name, number) if number else name)
        yield [] if group is None else _only_arrays(group)
    if any(older.values()):
        raise Unclear("the file has more layers with weights than the model")


def _older_groups(file: Any) -> Dict[str, List[Arrays]]:
    """Return by class the arrays of the layers that have some, in the order of their numbers."""
    groups = dict(file[OLDER_GROUP].items()) if OLDER_GROUP in file else {}
    for name in file:
        if name.startswith(OLDER_GROUP + "\\"):
            groups[name[len(OLDER_GROUP) + 1 :]] = file[name]
    numbered: Dict[str, List[Any]] = {}
    for name, group in groups.items():
        base, _, number = name.rpartition("_")
        base, place = (base, int(number)) if base and number.isdigit() else (name, 0)
        numbered.setdefault(base, []).append((place, _only_arrays(group)))
    return {
        base: [held for _, held in sorted(found, key=lambda each: each[0]) if held]
        for base, found in numbered.items()
    }


def _only_arrays(group: Any) -> Arrays:
    """Return the arrays of a group that has them in one place alone."""
    places: List[Any] = []

    def visit(name: str, item: Any) -> None:
        # The state of a random generator is no weight.
        if os.path.basename(name) == "vars" and len(item) and "seed_generator" not in name:
            places.append(item)

    group.visititems(visit)
    if len(places) > 1:
        raise Unclear("a layer holds other layers: {}".format(group.name))
    return [np.asarray(place[str(n)]) for place in places for n in range(len(place))]


def snake_case(name: str) -> str:
    """Return `conv2d` for Conv2D, `batch_normalization` for BatchNormalization, as Keras does."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
