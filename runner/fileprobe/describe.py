"""The description of a loaded model, and the fit of the given inputs to it.

Everything is asked of the object itself, since versions of Keras spell it differently.
"""

from __future__ import annotations

import hashlib
import importlib
from typing import Any, Dict, List, Optional

import numpy as np

from runner.probe import measure
from runner.probe.keras_api import Arrays, Given, flatten
from runner.probe.remedies import Inference

Report = Dict[str, Any]
MOST_TEXT = 300


class Function(Inference):
    """A SavedModel's signature: it is called by the names of its inputs."""

    def __init__(self, serve: Any, owner: Any) -> None:
        super().__init__(serve, owner)
        self.serve: Any = serve
        signature = named_inputs(serve)
        self.names = sorted(signature)
        self.specs = [signature[name] for name in self.names]

    def predict(self, inputs: Arrays) -> Arrays:
        """Return the outputs for a list of inputs, in the order of the inputs' names."""
        tf: Any = importlib.import_module("tensorflow")
        given = [tf.constant(a, dtype=spec.dtype) for a, spec in zip(inputs, self.specs)]
        return flatten(self.serve(**dict(zip(self.names, given))))


def named_inputs(serve: Any) -> Dict[str, Any]:
    """Return what a signature takes: name -> something with a shape and a dtype."""
    structured = serve.structured_input_signature
    if structured is not None:
        return dict(structured[1])
    # TensorFlow 2.3 and older have none for what TensorFlow 1 saved; captured tensors come last.
    return dict(zip(serve._arg_keywords, serve.inputs))


def describe_loaded(loaded: Any) -> Report:
    """Return what a loaded object says of itself before it is called."""
    if isinstance(loaded, Function):
        inputs = [_tensor(name, spec) for name, spec in zip(loaded.names, loaded.specs)]
        return {"class": "function", "inputs": inputs, "outputs": [], "compiled": None}
    if isinstance(loaded, Inference):
        return {"class": type(loaded.owner).__name__, "inputs": [], "outputs": [], "compiled": None}
    return {
        "class": type(loaded).__name__,
        "module": type(loaded).__module__,
        "inputs": _tensors(loaded, "input"),
        "outputs": _tensors(loaded, "output"),
        "compiled": _compiled(loaded),
    }


def describe_measured(found: measure.Measurement) -> Report:
    """Return the structure of a model that was called, and a digest of each of its weights."""
    weights = []
    for name, keys in found.facts.get("weights") or []:
        weights.append([name, [_digest(found.arrays[key]) for key in keys]])
    return {"structure": found.facts.get("structure"), "weights": weights}


def _digest(array: Any) -> Report:
    array = np.asarray(array)
    numbers = array.dtype.kind in "biufc"
    data = np.ascontiguousarray(array.astype("<f8") if numbers else array.astype("U"))
    return {
        "shape": [int(size) for size in array.shape],
        "dtype": array.dtype.name,
        "sha256": hashlib.sha256(data.tobytes()).hexdigest(),
    }


def _tensors(model: Any, side: str) -> Optional[List[Report]]:
    """Return the inputs or outputs that a model declares; None where it declares none."""
    try:
        found = getattr(model, side + "s", None)
        names = list(getattr(model, side + "_names", None) or [])
    except Exception:  # some raise before they were called
        return None
    if not found:
        return None
    found = list(found.values()) if isinstance(found, dict) else list(found)
    names = names if len(names) == len(found) else [str(getattr(t, "name", "")) for t in found]
    return [_tensor(name.partition(":")[0], tensor) for name, tensor in zip(names, found)]


def _tensor(name: str, tensor: Any) -> Report:
    dtype = getattr(tensor, "dtype", "float32")
    dtype = str(getattr(dtype, "name", dtype)).replace("_ref", "")
    shape = getattr(tensor, "_keras_shape", None) or getattr(tensor, "shape", None)
    return {"name": name[:MOST_TEXT], "dtype": dtype[:MOST_TEXT], "shape": _shape(shape)}


def _shape(shape: Any) -> Optional[List[Optional[int]]]:
    try:
        sizes = [getattr(size, "value", size) for size in shape]
        return [None if size is None or size < 0 else int(size) for size in sizes]
    except Exception:  # of unknown rank
        return None


def _compiled(model: Any) -> Report:
    """Return optimizer, loss and metrics, as far as the model has them."""
    optimizer = measure._optimizer(model)
    if optimizer is None:
        return {"compiled": False}
    try:
        hyperparameters = measure._hyperparameters(optimizer)
    except Exception:
        hyperparameters = {}
    return {
        "compiled": True,
        "optimizer": type(optimizer).__name__[:MOST_TEXT],
        "hyperparameters": hyperparameters,
        "loss": _named(getattr(model, "loss", None)),
    }


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key)[:MOST_TEXT]: _named(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_named(each) for each in value]
    if value is None or isinstance(value, str):
        return value
    return str(getattr(value, "name", None) or getattr(value, "__name__", type(value).__name__))


def fit_inputs(loaded: Any, inputs: Arrays, given: List[str]) -> Arrays:
    """Return the inputs as the model is called with them: by name where it has names alone.

    `given` are the names of the inputs as the file has them.
    """
    if isinstance(loaded, Function) and sorted(given) == loaded.names:
        return Given([inputs[given.index(name)] for name in loaded.names])
    structure = getattr(loaded, "_inputs_struct", None)
    names = getattr(loaded, "input_names", None)
    if isinstance(structure, dict) and len(structure) == len(inputs):
        order = [str(getattr(tensor, "name", "")) for tensor in loaded.inputs]
        by_name = {getattr(tensor, "name", key): key for key, tensor in structure.items()}
        keys = [by_name.get(name, name) for name in names or order]
        return Given(dict(zip(keys, inputs)))
    return inputs
