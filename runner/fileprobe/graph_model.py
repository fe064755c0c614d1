"""A model of this Keras made of the operations that another environment loaded (graph_parts.py).

A product with a constant is a layer, whose weights can be trained; other constants stand in the
model's configuration. An operation without a row in `graph_ops.py` or here is an error that names
it. Keras 3 alone.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any, Callable, Dict, List

import numpy as np

from runner.fileprobe.graph_ops import NODES, NoOperation
from runner.fileprobe.graph_parts import CONSTANTS, GRAPH

Config = Dict[str, Any]
Given = List[Any]


def build_model(keras: Any, path: str) -> Any:
    """Return the model whose operations are in a folder.

    Raises:
        NoOperation: an operation that has no counterpart.
    """
    with io.open(os.path.join(path, GRAPH), encoding="utf-8") as file:
        told = json.load(file)
    with np.load(os.path.join(path, CONSTANTS), allow_pickle=False) as stored:
        constants = {name: stored[name] for name in stored.files}
    return GraphBuilder(keras, told, constants).model()


class GraphBuilder:
    """The nodes of one graph, each computed once."""

    def __init__(self, keras: Any, told: Config, constants: Config) -> None:
        self.keras = keras
        self.told = told
        self.nodes = {each["name"]: each for each in told["nodes"]}
        self.results: Dict[str, Any] = {}
        for number, node in enumerate(told["nodes"]):
            if "c{}".format(number) in constants:
                self.results[node["name"]] = [constants["c{}".format(number)]]
        self.rows: Dict[str, Callable[[Given, Config], Any]] = {
            "AvgPool": self._average_pool,
            "BatchMatMul": self._batch_product,
            "BatchMatMulV2": self._batch_product,
            "Conv2D": self._convolution,
            "DepthwiseConv2dNative": self._depthwise,
            "FusedBatchNorm": self._normalization,
            "FusedBatchNormV2": self._normalization,
            "FusedBatchNormV3": self._normalization,
            "GatherV2": self._gather,
            "MatMul": self._product,
            "MaxPool": self._max_pool,
            "Pack": self._pack,
            "Shape": self._shape,
            "StridedSlice": self._slice,
        }

    def model(self) -> Any:
        """Return the model of the whole graph."""
        inputs = []
        for each in self.told["inputs"]:
            if each["shape"] is None:
                raise NoOperation("an input of unknown rank")
            made = self.keras.Input(
                batch_shape=each["shape"], dtype=each["dtype"], name=each["name"] or None
            )
            inputs.append(made)
            self.results[_split(each["tensor"])[0]] = [made]
        outputs = [self._result(each) for each in self.told["outputs"]]
        if any(not isinstance(each, self.keras.KerasTensor) for each in outputs):
            raise NoOperation("an output that depends on no input")
        # Keras asks for a layer between an input and an output.
        outputs = [
            self.keras.ops.multiply(each, 1) if any(each is one for one in inputs) else each
            for each in outputs
        ]
        return self.keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs)

    def _result(self, name: str) -> Any:
        """Return a tensor by its name, and compute what it needs first."""
        top, index = _split(name)
        waiting = [top]
        while waiting:
            node = self.nodes[waiting[-1]]
            left = [each for each in self._before(node) if each not in self.results]
            if left:
                if len(waiting) > len(self.nodes):
                    raise NoOperation("a loop")
                waiting += left
                continue
            if node["name"] not in self.results:
                self.results[node["name"]] = self._compute(node)
            waiting.pop()
        return self.results[top][index]

    @staticmethod
    def _before(node: Config) -> List[str]:
        return [_split(each)[0] for each in node["inputs"]]

    def _compute(self, node: Config) -> List[Any]:
        given = []
        for each in node["inputs"]:
            name, index = _split(each)
            given.append(self.results[name][index])
        row = self.rows.get(node["op"])
        try:
            if row is not None:
                found = row(given, node["attr"])
            elif node["op"] in NODES:
                found = NODES[node["op"]](self.keras.ops, [_plain(g) for g in given], node["attr"])
            else:
                raise NoOperation("the operation {} has no counterpart".format(node["op"]))
        except (IndexError, KeyError, TypeError) as error:
            raise NoOperation("the operation {}: {}".format(node["op"], error)) from error
        if not isinstance(found, (list, self.keras.KerasTensor)):
            found = np.asarray(found)
        return list(found) if isinstance(found, list) and node["op"] != "Shape" else [found]

    # Products with weights

    def _product(self, given: Given, attr: Config) -> Any:
        first, weights = given
        if _is_true(attr, "transpose_a"):
            first = self.keras.ops.transpose(first)
        if _is_true(attr, "transpose_b"):
            weights = self.keras.ops.transpose(weights)
        if isinstance(first, self.keras.KerasTensor) and _is_constant(weights):
            layer = self.keras.layers.Dense(np.shape(weights)[-1], use_bias=False)
            return _called(layer, first, np.asarray(weights))
        return self.keras.ops.matmul(_plain(first), _plain(weights))

    def _batch_product(self, given: Given, attr: Config) -> Any:
        first, second = given
        if _is_true(attr, "adj_x"):
            first = self.keras.ops.swapaxes(first, -1, -2)
        if _is_true(attr, "adj_y"):
            second = self.keras.ops.swapaxes(second, -1, -2)
        return self.keras.ops.matmul(_plain(first), _plain(second))

    def _convolution(self, given: Given, attr: Config) -> Any:
        kernel = _weights(given[1])
        layer = self.keras.layers.Conv2D(
            kernel.shape[-1], kernel.shape[:2], use_bias=False, **_window(attr)
        )
        return _called(layer, given[0], kernel)

    def _depthwise(self, given: Given, attr: Config) -> Any:
        kernel = _weights(given[1])
        layer = self.keras.layers.DepthwiseConv2D(
            kernel.shape[:2], depth_multiplier=kernel.shape[-1], use_bias=False, **_window(attr)
        )
        return _called(layer, given[0], kernel)

    def _gather(self, given: Given, attr: Config) -> Any:
        table, ids, axis = given
        if attr.get("batch_dims") not in (None, {"i": 0}):
            raise NoOperation("GatherV2 within a batch")
        if _is_constant(table) and np.ndim(table) == 2 and int(axis) == 0:
            return _called(self.keras.layers.Embedding(*np.shape(table)), ids, np.asarray(table))
        return self.keras.ops.take(_plain(table), _plain(ids), axis=int(axis))

    def _normalization(self, given: Given, attr: Config) -> Any:
        first = given[0]
        scale, offset, mean, variance = (_weights(each) for each in given[1:])
        if _is_true(attr, "is_training") or _text(attr, "data_format") != "NHWC":
            raise NoOperation("a normalization in training, or with channels first")
        factor = scale / np.sqrt(variance + float(attr["epsilon"]["f"]))
        ops = self.keras.ops
        return ops.add(ops.multiply(first, factor), offset - mean * factor)

    # Windows and shapes

    def _max_pool(self, given: Given, attr: Config) -> Any:
        return self.keras.ops.max_pool(given[0], _sizes(attr, "ksize"), **_window(attr, pool=True))

    def _average_pool(self, given: Given, attr: Config) -> Any:
        window = _window(attr, pool=True)
        return self.keras.ops.average_pool(given[0], _sizes(attr, "ksize"), **window)

    @staticmethod
    def _shape(given: Given, attr: Config) -> Any:
        """Return a shape; -1 is the size that is not known, as `Reshape` takes it."""
        del attr
        return np.array([-1 if size is None else size for size in given[0].shape], "int64")

    def _pack(self, given: Given, attr: Config) -> Any:
        if all(_is_constant(each) for each in given):
            return np.stack([np.asarray(each) for each in given], axis=_number(attr, "axis"))
        return self.keras.ops.stack(given, axis=_number(attr, "axis"))

    def _slice(self, given: Given, attr: Config) -> Any:
        first, begin, end, steps = given
        begin, end, steps = (np.asarray(each).tolist() for each in (begin, end, steps))
        index: List[Any] = []
        for place, (low, high, step) in enumerate(zip(begin, end, steps)):
            bit = 1 << place
            if _number(attr, "ellipsis_mask") & bit:
                index.append(Ellipsis)
            elif _number(attr, "new_axis_mask") & bit:
                index.append(None)
            elif _number(attr, "shrink_axis_mask") & bit:
                index.append(low)
            else:
                low = None if _number(attr, "begin_mask") & bit else low
                high = None if _number(attr, "end_mask") & bit else high
                index.append(slice(low, high, step))
        return first[tuple(index)]


def _split(name: str) -> Any:
    """Return the node of a tensor, and which of its results it is."""
    node, _, index = name.partition(":")
    return node, int(index or 0)


def _is_constant(value: Any) -> bool:
    return isinstance(value, np.ndarray) or np.isscalar(value)


def _plain(value: Any) -> Any:
    """Return a single number as one, which a configuration can hold."""
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _weights(value: Any) -> Any:
    if not _is_constant(value):
        raise NoOperation("a product with weights that are computed")
    return np.asarray(value)


def _called(layer: Any, first: Any, weights: Any) -> Any:
    result = layer(first)
    layer.set_weights([weights])
    return result


def _sizes(attr: Config, name: str) -> List[int]:
    batch, *sizes, channels = attr[name]["list"]
    if (batch, channels) != (1, 1):
        raise NoOperation("{} over the batch or the channels".format(name))
    return [int(each) for each in sizes]


def _window(attr: Config, pool: bool = False) -> Config:
    if _text(attr, "data_format") not in ("NHWC", "") or _text(attr, "padding") == "EXPLICIT":
        raise NoOperation("a window with channels first, or with its own padding")
    found: Config = {"strides": _sizes(attr, "strides"), "padding": _text(attr, "padding").lower()}
    if not pool:
        found["dilation_rate"] = _sizes(attr, "dilations") if attr.get("dilations") else 1
    return found


def _text(attr: Config, name: str) -> str:
    return str((attr.get(name) or {}).get("s", ""))


def _number(attr: Config, name: str) -> int:
    return int((attr.get(name) or {}).get("i", 0))


def _is_true(attr: Config, name: str) -> bool:
    return bool((attr.get(name) or {}).get("b"))
