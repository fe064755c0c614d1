"""The operations of what was loaded, in plain files: of a function, or of a model without its code.

A SavedModel holds the graph of its layers, so that TensorFlow computes with classes that it has no
code of. `graph_model.py` makes a model of the operations. TensorFlow 2 alone.

    graph.json      {"inputs", "outputs", "nodes": [{"name", "op", "inputs", "attr"}]}
    constants.npz   c0, c1, ...: the node of that number is a constant; weights are among them
"""

from __future__ import annotations

import importlib
import io
import json
import os
from typing import Any, Dict, List

import numpy as np

FOLDER = "operations"
GRAPH, CONSTANTS = "graph.json", "constants.npz"
Config = Dict[str, Any]


def write_operations(loaded: Any, given: Any, names: List[str], path: str) -> None:
    """Write the operations into a new folder.

    `given` are inputs that it was called with, `names` their names in the file, in that order. Of
    an input that the graph takes in any shape, a model takes as many sizes as the given one has.
    """
    freezing = importlib.import_module("tensorflow.python.framework.convert_to_constants")
    frozen = freezing.convert_variables_to_constants_v2(
        _function(loaded, given), lower_control_flow=False
    )
    graph = frozen.graph.as_graph_def()
    if graph.library.function:
        raise ValueError("it calls functions: loops, or branches")
    arrays: Config = {}
    nodes = [_node(each, number, arrays) for number, each in enumerate(graph.node)]
    inputs = [_input(each) for each in frozen.inputs if each.dtype.name != "resource"]
    for one, array in zip(inputs, given):
        if one["shape"] is None:
            one["shape"] = [None] * np.ndim(array)
    own = getattr(loaded, "names", None)
    if own and sorted(names) == sorted(own):
        # A signature's come in the order of its names.
        by_name = dict(zip(own, inputs))
        inputs = [dict(by_name[name], name=name) for name in names]
    told = {"inputs": inputs, "outputs": [each.name for each in frozen.outputs], "nodes": nodes}
    os.mkdir(path)
    np.savez(os.path.join(path, CONSTANTS), **arrays)
    with io.open(os.path.join(path, GRAPH), "w", encoding="utf-8") as out:
        out.write(json.dumps(told))


def _function(loaded: Any, given: Any) -> Any:
    """Return the concrete function of a signature, or of a model's call."""
    serve = getattr(loaded, "serve", None)
    if serve is not None:
        return serve
    tf: Any = importlib.import_module("tensorflow")
    if getattr(given, "names", None):
        raise TypeError("it is called with inputs by name")
    specs = [tf.TensorSpec((None,) + tuple(each.shape[1:]), each.dtype) for each in given]
    for place, each in enumerate(getattr(loaded, "inputs", None) or ()):
        specs[place] = tf.TensorSpec(each.shape, each.dtype)

    def call(*given: Any) -> Any:
        return loaded(given[0] if len(given) == 1 else list(given), training=False)

    return tf.function(call).get_concrete_function(*specs)


def _input(tensor: Any) -> Config:
    shape = None if tensor.shape.rank is None else tensor.shape.as_list()
    return {"tensor": tensor.name, "shape": shape, "dtype": tensor.dtype.name, "name": ""}


def _node(node: Any, number: int, arrays: Config) -> Config:
    attr = {name: _value(each) for name, each in node.attr.items()}
    if node.op == "Const":
        util = importlib.import_module("tensorflow.python.framework.tensor_util")
        array = util.MakeNdarray(node.attr["value"].tensor)
        # A text takes no part in what a model computes.
        if array.dtype.kind in "biuf":
            arrays["c{}".format(number)] = array
        attr = {}
    inputs = [each for each in node.input if not each.startswith("^")]
    return {"name": node.name, "op": node.op, "inputs": inputs, "attr": attr}


def _value(attr: Any) -> Any:
    """Return an attribute as JSON has it; what no operation here asks for is None."""
    kind = attr.WhichOneof("value")
    if kind in ("b", "i", "f", "type"):
        return {kind: getattr(attr, kind)}
    if kind == "s":
        return {kind: attr.s.decode("utf-8", "replace")}
    if kind == "list":
        return {kind: [int(each) for each in attr.list.i]}
    return None
