"""Functions of a shim -> the reader's own functions, with the weights adapted: the same outputs.

What `compat_shims` loads may compute with a function that this Keras does not have, such as Keras
2's `hard_sigmoid`; saved so, the file could be read by nobody without the shim. Keras 3 computes
`clip(x / 6 + 0.5)` under that name and Keras 2 `clip(0.2 x + 0.5)`: one is the other with its
argument multiplied by 1.2, or by 5 / 6, which the weights in front of it can take on.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

SUFFIX_KERAS2, SUFFIX_KERAS3 = "hard_sigmoid_of_keras2", "hard_sigmoid_of_keras3"
SCALES = {SUFFIX_KERAS2: 6.0 * 0.2, SUFFIX_KERAS3: 1.0 / (6.0 * 0.2)}
"""Function of the shim -> what its argument is multiplied by before the reader's own is called."""
GATES: Dict[str, Tuple[int, Tuple[int, ...]]] = {
    # Input, forget, candidate, output.
    "LSTMCell": (4, (0, 1, 3)),
    "ConvLSTMCell": (4, (0, 1, 3)),
    "ConvLSTM1DCell": (4, (0, 1, 3)),
    "ConvLSTM2DCell": (4, (0, 1, 3)),
    "ConvLSTM3DCell": (4, (0, 1, 3)),
    # Update, reset, candidate.
    "GRUCell": (3, (0, 1)),
}
"""Class of a cell -> blocks in the last axis of its weights, and those of its gates."""
MATRICES = ("kernel", "recurrent_kernel", "bias")


def make_native(api: Any, model: Any) -> List[str]:
    """Replace the functions of the shim in a loaded model; return a sentence for each change.

    What cannot be expressed so is left as it is: saving then names the function.
    """
    said: List[str] = []
    own = getattr(api.keras.activations, "hard_sigmoid", None)
    if own is None:
        return said
    for layer in _layers(model):
        said += _make_cell_native(layer, own)
        said += _make_layer_native(layer, own)
    if said:
        # What was compiled for the calls before has the function that was replaced.
        for name in ("predict_function", "test_function", "train_function"):
            if hasattr(model, name):
                setattr(model, name, None)
    return said


def _layers(model: Any) -> Iterator[Any]:
    """Yield every layer once, however it is wrapped."""
    waiting = [model]
    seen = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for name in ("layers", "cells"):
            found = getattr(one, name, None)
            waiting += list(found) if isinstance(found, (list, tuple)) else []
        for name in ("layer", "cell", "forward_layer", "backward_layer"):
            inner = getattr(one, name, None)
            if inner is not None and hasattr(inner, "get_config"):
                waiting.append(inner)


def _scale(function: Any) -> Optional[float]:
    return SCALES.get(getattr(function, "__name__", ""))


def _make_cell_native(cell: Any, own: Any) -> List[str]:
    gates = GATES.get(type(cell).__name__)
    scale = _scale(getattr(cell, "recurrent_activation", None))
    # The cell's own activation has its argument from the gates' results, which no weight scales.
    if gates is None or scale is None:
        return []
    blocks, which = gates
    for name in MATRICES:
        variable = getattr(cell, name, None)
        if variable is None:
            continue
        values = _values(variable).copy()
        size = values.shape[-1] // blocks
        for gate in which:
            values[..., gate * size : (gate + 1) * size] *= scale
        variable.assign(values)
    cell.recurrent_activation = own
    return [
        "{}: its gates' weights are multiplied by {:.6g}, since hard_sigmoid has another slope "
        "here".format(cell.name, scale)
    ]


def _make_layer_native(layer: Any, own: Any) -> List[str]:
    """Dense and convolutions: the activation is of a product with the kernel, plus the bias."""
    scale = _scale(getattr(layer, "activation", None))
    kernels = [
        name for name in ("kernel", "pointwise_kernel", "depthwise_kernel") if _has(layer, name)
    ]
    if scale is None or not kernels or hasattr(layer, "recurrent_activation"):
        return []
    # Of a separable convolution the last kernel alone: the product is scaled once.
    kernel = "pointwise_kernel" if "pointwise_kernel" in kernels else kernels[0]
    for name in (kernel, "bias"):
        if _has(layer, name):
            variable = getattr(layer, name)
            variable.assign(_values(variable) * scale)
    layer.activation = own
    return [
        "{}: its weights are multiplied by {:.6g}, since hard_sigmoid has another slope "
        "here".format(layer.name, scale)
    ]


def _has(layer: Any, name: str) -> bool:
    try:
        return getattr(layer, name, None) is not None
    except AttributeError:
        return False


def _values(variable: Any) -> Any:
    import numpy as np

    value = variable.numpy() if hasattr(variable, "numpy") else variable
    return np.array(value)
