"""Operations of TensorFlow between layers of Keras 2 -> the same operations of `keras.ops`.

Keras 2 writes an operation on its tensors as a layer: `TFOpLambda` and `SlicingOpLambda` from
TensorFlow 2.4 on, `TensorFlowOpLayer` before. Keras 3 has no such layers, and writes an operation
of its own as one. An operation without a row here is an error that names it.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional

import numpy as np

Config = Dict[str, Any]
Row = Callable[[Any, Any, Config], Any]
"""keras.ops, what the operation is called on, its other arguments by name -> the result."""
PASSED = ("name", "ragged")
"""Arguments that change no number."""


class NoOperation(Exception):
    """An operation that has no row; the sentence names it."""


class Operation:
    """An operation that stands in a graph where a layer would."""

    def __init__(self, run: Callable[[Any, Config], Any]) -> None:
        self.run = run

    def __call__(self, first: Any, options: Config) -> Any:
        """Return the result for what the operation is called on."""
        return self.run(first, options)


def layer_operation(keras: Any, class_name: str, config: Config) -> Optional[Operation]:
    """Return the operation that a layer of Keras 2 stands for; None for any other layer.

    Raises:
        NoOperation: it has no row.
    """
    ops = keras.ops
    if class_name in ("TFOpLambda", "SlicingOpLambda"):
        function = str(config["function"])
        row = FUNCTIONS.get(function)
        if row is None:
            raise NoOperation("tf.{} has no counterpart among keras.ops here".format(function))
        return Operation(lambda first, options: row(ops, first, _meant(options)))
    if class_name == "TensorFlowOpLayer":
        return _node_operation(keras, config)
    return None


def _meant(options: Config) -> Config:
    return {key: each for key, each in options.items() if key not in PASSED}


# --- TFOpLambda: functions of TensorFlow by their public name ---------------------------------


def _binary(name: str) -> Row:
    def run(ops: Any, first: Any, options: Config) -> Any:
        return getattr(ops, name)(first, options["y"])

    return run


def _unary(name: str) -> Row:
    def run(ops: Any, first: Any, options: Config) -> Any:
        _refuse_others(options, ())
        return getattr(ops, name)(first)

    return run


def _reduction(name: str) -> Row:
    def run(ops: Any, first: Any, options: Config) -> Any:
        _refuse_others(options, ("axis", "keepdims"))
        axis = options.get("axis")
        axis = tuple(axis) if isinstance(axis, list) else axis
        return getattr(ops, name)(first, axis=axis, keepdims=bool(options.get("keepdims")))

    return run


def _refuse_others(options: Config, known: Any) -> None:
    """Refuse an argument that would be left out though it says something."""
    for key, each in options.items():
        if key not in known and each is not None and each is not False:
            raise NoOperation("the argument {}={!r} of an operation".format(key, each))


def _slice(ops: Any, first: Any, options: Config) -> Any:
    del ops
    return first[tuple(_index(each) for each in options["slice_spec"])]


def _index(told: Any) -> Any:
    if isinstance(told, dict):
        return slice(told.get("start"), told.get("stop"), told.get("step"))
    if isinstance(told, str):
        # As a configuration writes `...` and `None`.
        return Ellipsis if told == "..." else None
    return told


def _cast(ops: Any, first: Any, options: Config) -> Any:
    return ops.cast(first, _type(options["dtype"]))


def _type(told: Any) -> str:
    if isinstance(told, dict):
        told = told.get("config", told)
    return str(told).rpartition(".")[2] or str(told)


def _reshape(ops: Any, first: Any, options: Config) -> Any:
    return ops.reshape(first, tuple(options["shape"]))


def _transpose(ops: Any, first: Any, options: Config) -> Any:
    _refuse_others(options, ("perm",))
    return ops.transpose(first, options.get("perm"))


def _normalize(ops: Any, first: Any, options: Config) -> Any:
    _refuse_others(options, ("axis", "epsilon"))
    squares = ops.sum(ops.square(first), axis=options.get("axis"), keepdims=True)
    return ops.multiply(first, ops.rsqrt(ops.maximum(squares, options.get("epsilon") or 1e-12)))


def _clip(ops: Any, first: Any, options: Config) -> Any:
    low, high = options["clip_value_min"], options["clip_value_max"]
    return ops.minimum(ops.maximum(first, low), high)


def _matmul(ops: Any, first: Any, options: Config) -> Any:
    _refuse_others(options, ("b", "transpose_a", "transpose_b"))
    other = options["b"]
    first = ops.swapaxes(first, -1, -2) if options.get("transpose_a") else first
    other = ops.swapaxes(other, -1, -2) if options.get("transpose_b") else other
    return ops.matmul(first, other)


def _resize(ops: Any, first: Any, options: Config) -> Any:
    _refuse_others(options, ("size", "method", "antialias"))
    method = str(options.get("method") or "bilinear")
    return ops.image.resize(
        first, tuple(options["size"]), method, antialias=bool(options.get("antialias"))
    )


FUNCTIONS: Dict[str, Row] = {
    "__operators__.getitem": _slice,
    "cast": _cast,
    "clip_by_value": _clip,
    "concat": lambda ops, first, options: ops.concatenate(first, axis=options["axis"]),
    "convert_to_tensor": lambda ops, first, options: first,
    "expand_dims": lambda ops, first, options: ops.expand_dims(first, options["axis"]),
    "identity": lambda ops, first, options: first,
    "image.resize": _resize,
    "linalg.matmul": _matmul,
    "math.l2_normalize": _normalize,
    "nn.bias_add": lambda ops, first, options: ops.add(first, options["bias"]),
    "nn.elu": _unary("elu"),
    "nn.relu": _unary("relu"),
    "nn.relu6": _unary("relu6"),
    "nn.silu": lambda ops, first, options: ops.silu(first),
    "nn.softmax": lambda ops, first, options: ops.softmax(first, axis=_axis(options)),
    "reshape": _reshape,
    "squeeze": lambda ops, first, options: ops.squeeze(first, axis=_squeezed(options)),
    "stack": lambda ops, first, options: ops.stack(first, axis=options.get("axis") or 0),
    "tile": lambda ops, first, options: ops.tile(first, tuple(options["multiples"])),
    "transpose": _transpose,
    "compat.v1.transpose": _transpose,
}
"""Function of TensorFlow -> what computes the same."""
for _names, _made in (
    (
        {
            "add": "add",
            "subtract": "subtract",
            "multiply": "multiply",
            "truediv": "true_divide",
            "divide": "true_divide",
            "floordiv": "floor_divide",
            "pow": "power",
            "maximum": "maximum",
            "minimum": "minimum",
            "equal": "equal",
            "not_equal": "not_equal",
            "greater": "greater",
            "less": "less",
        },
        _binary,
    ),
    (
        {
            "abs": "abs",
            "cos": "cos",
            "exp": "exp",
            "log": "log",
            "negative": "negative",
            "rsqrt": "rsqrt",
            "sigmoid": "sigmoid",
            "sign": "sign",
            "sin": "sin",
            "softplus": "softplus",
            "sqrt": "sqrt",
            "square": "square",
            "tanh": "tanh",
        },
        _unary,
    ),
    (
        {
            "reduce_max": "max",
            "reduce_mean": "mean",
            "reduce_min": "min",
            "reduce_prod": "prod",
            "reduce_sum": "sum",
        },
        _reduction,
    ),
):
    for _name, _of in _names.items():
        FUNCTIONS["math." + _name] = FUNCTIONS["__operators__." + _name] = _made(_of)
FUNCTIONS.update(
    {
        "nn.l2_normalize": _normalize,
        "nn.sigmoid": FUNCTIONS["math.sigmoid"],
        "nn.swish": FUNCTIONS["nn.silu"],
        "nn.tanh": FUNCTIONS["math.tanh"],
    }
)


def _axis(options: Config) -> int:
    axis = options.get("axis")
    return -1 if axis is None else int(axis)


def _squeezed(options: Config) -> Any:
    axis = options.get("axis")
    return tuple(axis) if isinstance(axis, list) and len(axis) != 1 else _one(axis)


def _one(axis: Any) -> Any:
    return axis[0] if isinstance(axis, list) else axis


# --- TensorFlowOpLayer: nodes of a graph --------------------------------------------------


PLAIN = {
    "Abs": "abs",
    "Add": "add",
    "AddV2": "add",
    "Cos": "cos",
    "DivNoNan": "divide_no_nan",
    "Elu": "elu",
    "Equal": "equal",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "Greater": "greater",
    "GreaterEqual": "greater_equal",
    "Less": "less",
    "LessEqual": "less_equal",
    "Log": "log",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Mul": "multiply",
    "Neg": "negative",
    "Pow": "power",
    "RealDiv": "true_divide",
    "Relu": "relu",
    "Relu6": "relu6",
    "Rsqrt": "rsqrt",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Sin": "sin",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Sqrt": "sqrt",
    "Square": "square",
    "Sub": "subtract",
    "Tanh": "tanh",
}
"""Operation of a graph -> the one of `keras.ops` that takes the same inputs, and nothing else."""


def _plain(name: str) -> Callable[[Any, List[Any], Config], Any]:
    return lambda ops, given, _: getattr(ops, name)(*given)


NODES: Dict[str, Callable[[Any, List[Any], Config], Any]] = {
    "ArgMax": lambda ops, given, _: ops.argmax(given[0], axis=int(given[1])),
    "BiasAdd": lambda ops, given, attr: ops.add(given[0], _last_axis(given[1], attr)),
    "Cast": lambda ops, given, attr: ops.cast(given[0], _data_type(attr["DstT"])),
    "ConcatV2": lambda ops, given, _: ops.concatenate(given[:-1], axis=int(given[-1])),
    "ExpandDims": lambda ops, given, _: ops.expand_dims(given[0], int(given[1])),
    "Identity": lambda ops, given, _: given[0],
    "LeakyRelu": lambda ops, given, attr: ops.leaky_relu(given[0], float(attr["alpha"]["f"])),
    "MirrorPad": lambda ops, given, attr: ops.pad(
        given[0], _pairs(given[1]), mode=str(attr["mode"]["s"]).lower()
    ),
    "Pad": lambda ops, given, _: ops.pad(given[0], _pairs(given[1])),
    "SquaredDifference": lambda ops, given, _: ops.square(ops.subtract(*given)),
    "Squeeze": lambda ops, given, attr: ops.squeeze(given[0], axis=_dimensions(attr)),
    "Tile": lambda ops, given, _: ops.tile(given[0], tuple(int(n) for n in given[1])),
    "Transpose": lambda ops, given, _: ops.transpose(given[0], [int(a) for a in given[1]]),
    "Reshape": lambda ops, given, _: ops.reshape(given[0], tuple(int(n) for n in given[1])),
}
"""Operation of a graph -> what computes the same of its inputs and attributes."""


def _node_reduction(name: str) -> Callable[[Any, List[Any], Config], Any]:
    def run(ops: Any, given: List[Any], attr: Config) -> Any:
        keeps = _is_true(attr.get("keep_dims"))
        return getattr(ops, name)(given[0], axis=_axes(given[1]), keepdims=keeps)

    return run


NODES.update({node: _plain(name) for node, name in PLAIN.items()})
for _node, _reduce in (
    ("Mean", "mean"),
    ("Sum", "sum"),
    ("Max", "max"),
    ("Min", "min"),
    ("Prod", "prod"),
):
    NODES[_node] = _node_reduction(_reduce)
DATA_TYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32", "DT_INT64": "int64", "DT_HALF": "float16"}
NUMBERS = {1: "DT_FLOAT", 3: "DT_INT32", 9: "DT_INT64", 19: "DT_HALF"}
"""Numbers of DataType."""


def _node_operation(keras: Any, config: Config) -> Operation:
    """Return the operation of one node, whose constants stand in the configuration."""
    told = config["node_def"]
    told = json.loads(told) if isinstance(told, str) else told
    row = NODES.get(told["op"])
    if row is None:
        raise NoOperation("the operation {} has no counterpart here".format(told["op"]))
    constants = {int(place): value for place, value in (config.get("constants") or {}).items()}

    def run(first: Any, _: Config) -> Any:
        given = list(first) if isinstance(first, list) else [first]
        for place in sorted(constants):
            given.insert(place, constants[place])
        return row(keras.ops, given, told.get("attr") or {})

    return Operation(run)


def _axes(told: Any) -> Any:
    return int(told) if np.ndim(told) == 0 else tuple(int(each) for each in told)


def _pairs(told: Any) -> Any:
    return tuple((int(low), int(high)) for low, high in told)


def _last_axis(bias: Any, attr: Config) -> Any:
    if (attr.get("data_format") or {}).get("s", "NHWC") == "NCHW":
        raise NoOperation("a bias of channels that come first")
    return bias


def _dimensions(attr: Config) -> Any:
    told = (attr.get("squeeze_dims") or {}).get("list") or ()
    told = told.get("i", ()) if isinstance(told, dict) else told
    return tuple(int(each) for each in told) or None


def _is_true(told: Any) -> bool:
    return bool(told.get("b")) if isinstance(told, dict) else bool(told)


def _data_type(told: Any) -> str:
    given: Any = told.get("type") if isinstance(told, dict) else told
    name = NUMBERS.get(given, given)
    if name not in DATA_TYPES:
        raise NoOperation("a cast to {}".format(name))
    return DATA_TYPES[name]
