"""The forms that take more than a name or a value to write otherwise. Pure.

Each function takes an object's configuration, which it may change, and the names of arguments, and
returns the configuration in the other form. A part that is not of the expected shape stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from runner.domain.rewriting import Translation

Config = dict[str, Any]
CALLED_WITH: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Attention": ("mask",),
        "AdditiveAttention": ("mask",),
        "BatchNormalization": ("training", "mask"),
        "Bidirectional": ("initial_state", "mask", "training"),
        "ConvLSTM2D": ("initial_state", "mask", "training"),
        "Dropout": ("training",),
        "GRU": ("initial_state", "mask", "training"),
        "LSTM": ("initial_state", "mask", "training"),
        "MultiHeadAttention": ("value", "key"),
        "SimpleRNN": ("initial_state", "mask", "training"),
    }
)
"""Class -> the names of what it is called with by position, after the first."""


def name_policy(config: Config, arguments: Sequence[str]) -> Config:
    """Write a dtype policy by its name, which every version that has policies knows."""
    for name in arguments:
        value = config.get(name)
        inner = value.get("config") if isinstance(value, dict) else None
        if isinstance(inner, dict) and set(inner) == {"name"}:
            config[name] = inner["name"]
    return config


def unlist_axis(config: Config, arguments: Sequence[str]) -> Config:
    """Write a list of one axis as the axis."""
    for name in arguments:
        value = config.get(name)
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], int):
            config[name] = value[0]
    return config


def unbatch_shape(config: Config, arguments: Sequence[str]) -> Config:
    """Write the shape of a first layer's input without its batch."""
    for name in arguments:
        shape = config.get(name)
        if isinstance(shape, list) and shape:
            del config[name]
            config["input_shape"] = shape[1:]
    return config


def write_keras2_calls(config: Config, arguments: Sequence[str]) -> Config:
    """Write the calls of a functional model as Keras 2 does: tensors and arguments in lists.

    Keras 3 writes each call with its arguments, a tensor as a `__keras_tensor__`. A call that
    Keras 2 has no form for leaves the model as it is.
    """
    del arguments
    layers = config.get("layers")
    if not isinstance(layers, list) or "output_layers" not in config:
        return config
    written = []
    for layer in layers:
        nodes = [_keras2_node(node, _class_of(layer)) for node in _nodes(layer)]
        if None in nodes:
            return config
        written.append(nodes)
    for layer, nodes in zip(layers, written, strict=True):
        if isinstance(layer, dict):
            layer["inbound_nodes"] = nodes
    for ends in ("input_layers", "output_layers"):
        if is_history(config[ends]):
            config[ends] = [config[ends]]
    return config


def write_keras3_calls(config: Config, arguments: Sequence[str]) -> Config:
    """Write those calls of Keras 2 as Keras 3 does that have tensors among their arguments.

    Keras 3 reads the others itself, and takes these tensors for lists.
    """
    del arguments
    for layer in config.get("layers") or ():
        if isinstance(layer, dict) and "inbound_nodes" in layer:
            layer["inbound_nodes"] = [_keras3_node(node) for node in _nodes(layer)]
    return config


def is_history(value: Any) -> bool:
    """Return whether a value names a tensor: [layer, node, tensor]."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def _nodes(layer: Any) -> list[Any]:
    nodes = layer.get("inbound_nodes") if isinstance(layer, dict) else None
    return nodes if isinstance(nodes, list) else []


def _class_of(layer: Any) -> str:
    return str(layer.get("class_name", "")) if isinstance(layer, dict) else ""


def _keras2_node(node: Any, class_name: str) -> Any:
    """Return a call in the form of Keras 2; None if it has none."""
    if not isinstance(node, dict):
        return node
    given, named = node.get("args"), node.get("kwargs")
    if not isinstance(given, list) or not given or not isinstance(named, dict):
        return None
    first, *others = [_without_tensors(each) for each in given]
    names = CALLED_WITH.get(class_name, ())
    if len(others) > len(names):
        return None
    options = {name: _without_tensors(each) for name, each in named.items()}
    options.update(zip(names, others, strict=False))
    options = {name: each for name, each in options.items() if each is not None}
    tensors = [first] if is_history(first) else first
    if not isinstance(tensors, list) or not all(is_history(each) for each in tensors):
        return None
    return [[*each, options] for each in tensors]


def _without_tensors(value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        config = value.get("config")
        return config.get("keras_history") if isinstance(config, dict) else None
    if isinstance(value, list):
        return [_without_tensors(each) for each in value]
    return value


def _keras3_node(node: Any) -> Any:
    if not isinstance(node, list) or not node:
        return node
    if not all(isinstance(each, list) and len(each) > 3 for each in node):
        return node
    options = node[0][3]
    if not isinstance(options, dict) or not any(is_history(each) for each in options.values()):
        return node
    tensors = [_keras_tensor(each[:3]) for each in node]
    return {
        "args": [tensors[0] if len(tensors) == 1 else tensors],
        "kwargs": {
            name: _keras_tensor(each) if is_history(each) else each
            for name, each in options.items()
        },
    }


def _keras_tensor(history: list[Any]) -> Config:
    # Its shape and type are those of the layer that gives it.
    config = {"shape": [None], "dtype": "float32", "keras_history": history}
    return {"class_name": "__keras_tensor__", "config": config}


TRANSLATIONS: Mapping[Translation, Callable[[Config, Sequence[str]], Config]] = MappingProxyType(
    {
        Translation.POLICY_NAME: name_policy,
        Translation.SINGLE_AXIS: unlist_axis,
        Translation.SHAPE_WITHOUT_BATCH: unbatch_shape,
        Translation.CALLS_OF_KERAS2: write_keras2_calls,
        Translation.CALLS_OF_KERAS3: write_keras3_calls,
    }
)
"""Translation -> its function."""
