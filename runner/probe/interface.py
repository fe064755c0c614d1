"""The interface of a model: the names and types of its inputs and outputs, as callers use them.

Input: a model that was called, or the signature of what only predicts. Output: facts as JSON.
A part that this version does not tell is None and is not compared.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from runner.probe.keras_api import KerasApi, Model

Facts = Dict[str, Any]


def describe_model(api: KerasApi, model: Model, made: Any) -> Facts:
    """Return the interface of a Keras model; `made` are its outputs as a call returned them.

    `inputs` and `outputs` are [name, type] in order; `keys` are the names of outputs that are
    returned by name.
    """
    # A model that was made up from a SavedModel may have neither.
    inputs = getattr(model, "inputs", None) or None
    outputs = getattr(model, "outputs", None) or None
    # Keras 3 names the outputs of functional models alone.
    names = getattr(model, "output_names", None) or [None] * len(outputs or ())
    return {
        "inputs": inputs and [[_tensor_name(each), _type(each)] for each in inputs],
        "outputs": outputs
        and [[name and str(name), _type(each)] for name, each in zip(names, outputs)],
        # A graph hands out lists alone.
        "keys": None if api.graph_mode else sorted(made) if isinstance(made, dict) else [],
    }


def describe_signature(owner: Any) -> Facts:
    """Return the interface of a SavedModel: that of its signature, sorted by name."""
    # A layer around a SavedModel keeps it out of sight.
    holder = owner if hasattr(owner, "signatures") else getattr(owner, "_reloaded_obj", None)
    signatures = getattr(holder, "signatures", None)
    if not signatures or "serving_default" not in signatures:
        return {"inputs": None, "outputs": None, "keys": None, "signature": True}
    serve = signatures["serving_default"]
    return {
        "inputs": _specs(serve.structured_input_signature[1]),
        "outputs": _specs(serve.structured_outputs),
        "keys": None,
        "signature": True,
    }


def _specs(specs: Any) -> Optional[List[List[str]]]:
    if not isinstance(specs, dict):
        return None
    return [[name, _type(specs[name])] for name in sorted(specs)]


def _tensor_name(tensor: Any) -> str:
    """Return the name of the layer that an input comes from: its tensor's is another in Keras 3."""
    history = getattr(tensor, "_keras_history", None)
    layer = getattr(history, "operation", None) or getattr(history, "layer", None)
    return str(getattr(layer, "name", None) or tensor.name).partition(":")[0]


def _type(tensor: Any) -> str:
    dtype = tensor.dtype
    return str(getattr(dtype, "name", dtype))
