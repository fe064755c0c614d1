"""A model of this Keras, rebuilt from the parts of one that Keras 1 or 2 loaded (parts.py).

Each layer is made by its own `from_config`, called as the configuration says, and given its own
weights. What Keras 3 has no layer for is an operation of `keras.ops`: see `graph_ops.py`. A class
that is none of Keras' own has no code here, and is an error that names it. Keras 3 alone.
"""

from __future__ import annotations

import inspect
import io
import json
import os
from typing import Any, Dict, List, Set

import numpy as np

from runner.fileprobe import graph_ops
from runner.fileprobe.graph_model import build_model
from runner.fileprobe.graph_parts import GRAPH
from runner.fileprobe.parts import DESCRIPTION, WEIGHTS, leaves
from runner.probe import compat_shims

Config = Dict[str, Any]
MODELS = ("Model", "Functional", "Sequential")
CONSTANT = "_CONSTANT_VALUE"
RENAMED = {"ThresholdedReLU": ("ReLU", {"theta": "threshold"})}
"""Class that Keras 3 has not -> one that computes the same, and its names of arguments."""
LOCAL_ALIKE = (
    *("kernel_regularizer", "bias_regularizer", "activity_regularizer"),
    *("kernel_constraint", "bias_constraint"),
)
"""Arguments of these layers that `EinsumDense` takes as they are."""
LOCAL = {"LocallyConnected1D": 1, "LocallyConnected2D": 2}
"""Class of layers whose every place has weights of its own -> number of its places' sizes."""


class NotRebuilt(Exception):
    """Something of the model has no form here; the sentence names it."""


def rebuild(keras: Any, path: str) -> Any:
    """Return the model whose parts, or operations, are in a folder.

    Raises:
        NotRebuilt: a class that this Keras has not; NoOperation: an operation, likewise.
    """
    if os.path.exists(os.path.join(path, GRAPH)):
        return build_model(keras, path)
    with io.open(os.path.join(path, DESCRIPTION), encoding="utf-8") as file:
        told = json.load(file)
    with compat_shims.installed(keras, str(told["architecture"].get("keras_version", ""))) as shims:
        model = Builder(keras, shims).model(told["architecture"])
    with np.load(os.path.join(path, WEIGHTS), allow_pickle=False) as arrays:
        _give_weights(model, told["leaves"], arrays)
    return model


def _give_weights(model: Any, described: List[Config], arrays: Any) -> None:
    """Set the weights of each leaf, then which of them are trained."""
    own = {place: layer for place, layer in leaves(model)}
    for each in described:
        place = tuple(each["path"])
        weights = [arrays[name] for name in each["weights"]]
        layer = own.get(place)
        if layer is None:
            if weights:
                raise NotRebuilt("no layer {} holds its weights".format("/".join(place)))
            continue
        if weights:
            if not layer.built:
                raise NotRebuilt("{} was never called".format("/".join(place)))
            layer.set_weights(_fitted(layer, weights))
        if type(layer).__name__ == "Normalization":
            layer.finalize_state()
        if not each["trainable"]:
            layer.trainable = False


def _fitted(layer: Any, weights: List[Any]) -> List[Any]:
    """Return the weights in the shapes of the layer's, where only ones stand in between."""
    own = layer.get_weights()
    if len(own) != len(weights):
        raise NotRebuilt(
            "{} {} has {} weights here, and {} in the file".format(
                type(layer).__name__, layer.name, len(own), len(weights)
            )
        )
    return [
        each.reshape(mine.shape) if each.size == mine.size and each.shape != mine.shape else each
        for each, mine in zip(weights, own)
    ]


class Builder:
    """The layers of one Keras, made and called as a configuration of Keras 2 says."""

    def __init__(self, keras: Any, shims: Config) -> None:
        self.keras = keras
        self.shims = shims

    def model(self, told: Config) -> Any:
        """Return a model, of whichever class."""
        if told["class_name"] == "Sequential":
            return self._sequential(told["config"])
        if told["class_name"] not in MODELS:
            raise NotRebuilt("a model of class {}: its code is missing".format(told["class_name"]))
        return self._functional(told["config"])

    def layer(self, told: Config, name: str = "") -> Any:
        """Return a layer; a model, or what wraps one, is built from its own parts."""
        class_name = told["class_name"]
        if class_name in MODELS:
            return self.model(told)
        config = dict(told.get("config") or {})
        # Set with the weights; some layers of Keras 3 do not take it.
        config.pop("trainable", None)
        if name:
            config["name"] = name
        operation = graph_ops.layer_operation(self.keras, class_name, config)
        if operation is not None:
            return operation
        if class_name in LOCAL:
            return self._locally_connected(config, LOCAL[class_name])
        if class_name in RENAMED:
            class_name, names = RENAMED[class_name]
            config = {names.get(key, key): each for key, each in config.items()}
        cls = getattr(self.keras.layers, class_name.rpartition(">")[2], None)
        if cls is None or told.get("registered_name") not in (None, class_name):
            raise NotRebuilt("a layer of class {}: its code is missing".format(class_name))
        if class_name in ("GRU", "GRUCell"):
            # What it was before there was the argument.
            config.setdefault("reset_after", False)
        inner = config.get("layer")
        if isinstance(inner, dict) and inner.get("class_name") in MODELS:
            return cls(self.model(inner), name=config.get("name"))
        known = _arguments(cls)
        # None says nothing to a class that does not know the argument.
        config = {key: each for key, each in config.items() if each is not None or key in known}
        with self.keras.saving.custom_object_scope(self.shims):
            return cls.from_config(self._named(config))

    def _locally_connected(self, config: Config, sizes: int) -> Any:
        """Return a product with weights of each place, of the patches around the places.

        Keras 3 has no such layer. What `EinsumDense` has of weights is in the same order.
        """
        told = (config["data_format"], config["padding"], config.get("implementation", 1))
        if told != ("channels_last", "valid", 1):
            raise NotRebuilt("a locally connected layer with {}, {}, {}".format(*told))
        ops, layers = self.keras.ops, self.keras.layers
        size, strides = (list(config[key]) for key in ("kernel_size", "strides"))
        alike = ("name", "activation", *LOCAL_ALIKE)
        options = self._named({key: config[key] for key in alike if config.get(key) is not None})

        def call(given: Any, unused: Config) -> Any:
            first = given[0] if isinstance(given, list) else given
            if sizes == 1:
                rows = ops.image.extract_patches(
                    ops.expand_dims(first, 2), size + [1], strides=strides + [1]
                )
                patches, equation, bias = ops.squeeze(rows, 2), "bik,ikf->bif", "if"
            else:
                patches = ops.image.extract_patches(first, size, strides=strides)
                equation, bias = "bijk,ijkf->bijf", "ijf"
            shape = tuple(patches.shape[1:-1]) + (config["filters"],)
            layer = layers.EinsumDense(
                equation, shape, bias_axes=bias if config["use_bias"] else None, **options
            )
            return layer(patches)

        return graph_ops.Operation(call)

    def _named(self, value: Any) -> Any:
        """Write layers inside a configuration as Keras 3 does, which asks for their module."""
        if isinstance(value, list):
            return [self._named(each) for each in value]
        if not isinstance(value, dict):
            return value
        value = {key: self._named(each) for key, each in value.items()}
        known = hasattr(self.keras.layers, str(value.get("class_name")))
        if known and isinstance(value.get("config"), dict) and not value.get("module"):
            value.update(module="keras.layers", registered_name=None)
        return value

    def _sequential(self, config: Any) -> Any:
        layers = config if isinstance(config, list) else config["layers"]
        name = None if isinstance(config, list) else config.get("name")
        shape = _first_shape(layers, config)
        made = [self.layer(each) for each in layers if each["class_name"] != "InputLayer"]
        if any(isinstance(each, graph_ops.Operation) for each in made):
            return self._called_in_turn(made, shape, layers[0], name)
        model = self.keras.Sequential(name=name)
        if shape is not None:
            model.add(self._input(shape, layers[0]))
        for layer in made:
            model.add(layer)
        return model

    def _called_in_turn(self, made: List[Any], shape: Any, first: Config, name: Any) -> Any:
        """Return a model of what no `Sequential` takes: operations among its layers."""
        if shape is None:
            raise NotRebuilt("an operation in a Sequential that says no shape of its input")
        given = self._input(shape, first)
        result = given
        for each in made:
            result = each(result, {}) if isinstance(each, graph_ops.Operation) else each(result)
        return self.keras.Model(given, result, name=name)

    def _input(self, shape: List[Any], told: Config) -> Any:
        config = told["config"]
        name = config.get("name") if told["class_name"] == "InputLayer" else None
        dtype = config.get("dtype") if isinstance(config.get("dtype"), str) else "float32"
        if told["class_name"] == "Embedding":
            dtype = "float32"
        return self.keras.Input(batch_shape=tuple(shape), dtype=dtype, name=name)

    def _functional(self, config: Config) -> Any:
        tensors: Dict[Any, Any] = {}
        made: Dict[str, Any] = {}
        waiting = []
        named = _last_nodes(config)
        for told in config["layers"]:
            # Of an architecture's JSON the name stands beside the configuration.
            name = str(told.get("name") or told["config"].get("name"))
            if told["class_name"] == "InputLayer":
                shape = told["config"].get("batch_input_shape") or told["config"]["batch_shape"]
                tensors[name, 0, 0] = self._input(shape, told)
                continue
            made[name] = self.layer(told, name if told["class_name"] not in MODELS else "")
            nodes = told["inbound_nodes"]
            first = max(named.get(name, 0) - len(nodes) + 1, 0)
            waiting += [(name, first + place, node) for place, node in enumerate(nodes)]
        self._call_all(made, waiting, tensors)
        inputs = _ends(config["input_layers"], tensors)
        outputs = _ends(config["output_layers"], tensors)
        return self.keras.Model(inputs, outputs, name=config.get("name"))

    def _call_all(self, made: Dict[str, Any], waiting: List[Any], tensors: Any) -> None:
        """Call each layer once the tensors are there that it is called with."""
        while waiting:
            left = []
            for name, place, node in waiting:
                if not all(each in tensors for each in _needed(node)):
                    left.append((name, place, node))
                    continue
                results = _call(made[name], node, tensors)
                results = results if isinstance(results, (list, tuple)) else [results]
                for index, result in enumerate(results):
                    tensors[name, place, index] = result
            if len(left) == len(waiting):
                raise NotRebuilt("the graph has no order: {}".format(left[0][0]))
            waiting = left


def _arguments(cls: Any) -> Set[str]:
    """Return the names of all arguments that reach a class, or those above it."""
    names: Set[str] = set()
    for each in cls.__mro__[:-1]:
        if "__init__" not in vars(each):
            continue
        parameters = inspect.signature(each.__init__).parameters
        names.update(parameters)
        if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            break
    return names


def _first_shape(layers: List[Config], config: Any) -> Any:
    """Return the shape of a Sequential's input, with its batch; None where it says none."""
    first = layers[0] if layers else {"config": {}}
    told = first.get("config")
    while isinstance(told, dict):
        for key in ("batch_input_shape", "batch_shape"):
            if told.get(key):
                return told[key]
        # A wrapper's, or a model's as the first layer.
        inner = told.get("layers")
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            told = inner[0].get("config")
        else:
            told = None
    return None if isinstance(config, list) else config.get("build_input_shape")


def is_tensor(value: Any) -> bool:
    """Whether a value names a tensor: [layer, node, tensor], perhaps with arguments behind."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and (len(value) == 3 or isinstance(value[3], dict))
    )


def _tensors_in(value: Any) -> List[Any]:
    if is_tensor(value):
        own = [] if value[0] == CONSTANT else [(value[0], value[1], value[2])]
        return own + (_tensors_in(value[3]) if len(value) == 4 else [])
    if isinstance(value, dict):
        value = list(value.values())
    return [each for one in value for each in _tensors_in(one)] if isinstance(value, list) else []


def _needed(node: Any) -> List[Any]:
    """Return the keys of all tensors that a call takes."""
    return _tensors_in(node)


def _taken(value: Any, tensors: Any) -> Any:
    """Return a value with its tensors in the place of their names."""
    if is_tensor(value):
        return value[2] if value[0] == CONSTANT else tensors[value[0], value[1], value[2]]
    if isinstance(value, dict):
        return {key: _taken(each, tensors) for key, each in value.items()}
    return [_taken(each, tensors) for each in value] if isinstance(value, list) else value


def _call(layer: Any, node: Any, tensors: Any) -> Any:
    """Call a layer as one node of Keras 2 says."""
    single = is_tensor(node)
    entries = [node] if single else node
    first = entries[0] if entries else []
    options = dict(first[3]) if len(first) == 4 else {}
    options = {key: _taken(each, tensors) for key, each in options.items()}
    given = [_taken(each[:3], tensors) for each in entries]
    if isinstance(layer, graph_ops.Operation):
        return layer(given[0] if single else given, options)
    options = {key: each for key, each in options.items() if each is not None}
    if hasattr(layer, "cell") or hasattr(layer, "forward_layer"):
        # States and constants were given behind the sequence.
        count = int(getattr(layer, "_num_constants", 0) or 0)
        states = given[1 : len(given) - count] if count else given[1:]
        if states:
            options.setdefault("initial_state", states)
        mask = getattr(given[0], "_keras_mask", None)
        if mask is not None and "initial_state" in options:
            # Beside a second argument that is a tensor, Keras 3 forgets the mask of the first.
            options.setdefault("mask", mask)
        return layer(given[0], **options)
    return layer(given[0] if len(given) == 1 else given, **options)


def _last_nodes(config: Config) -> Dict[str, int]:
    """Return the last call of each layer that is named: a model's may count from one."""
    last: Dict[str, int] = {}
    ends = [each for each in (config["input_layers"], config["output_layers"]) if each]
    for name, node, _ in _tensors_in([ends, [each["inbound_nodes"] for each in config["layers"]]]):
        last[name] = max(last.get(name, 0), node)
    return last


def _ends(told: Any, tensors: Any) -> Any:
    """Return the tensors at one end of a model, in its structure."""
    if is_tensor(told):
        return tensors[told[0], told[1], told[2]]
    if isinstance(told, dict):
        return {key: _ends(each, tensors) for key, each in told.items()}
    found = [_ends(each, tensors) for each in told]
    return found[0] if len(found) == 1 else found
