"""Forms of arguments that Keras 1 wrote and Keras 2 does not read, in the configuration of a file.

Keras 2 knows Keras 1's layers by their old arguments, but takes a regularizer or constraint without
a class for damaged, and the type of an input for that of a layer's weights.
"""

from __future__ import annotations

import json
from typing import Any, Dict

Config = Dict[str, Any]
CONFIG = "model_config"
RENAMED = {"m": "max_value"}
WRAPPERS = ("batch_input_shape", "trainable")
"""Arguments that the wrapper has and not the layer inside."""
SHAPES = ("input_dim", "input_length")
"""Arguments that the layer before it gives."""


def write_forms(path: str) -> None:
    """Edit the configuration in an HDF5 file.

    Raises:
        ValueError: it has none of these forms.
    """
    import h5py

    with h5py.File(path, "r+") as file:
        told = file.attrs[CONFIG]
        text = told.decode("utf-8") if isinstance(told, bytes) else str(told)
        new = json.dumps(edited(json.loads(text)), sort_keys=True)
        if new == json.dumps(json.loads(text), sort_keys=True):
            raise ValueError("it has no argument in a form of Keras 1 alone")
        file.attrs[CONFIG] = new.encode("utf-8")


def edited(value: Any) -> Any:
    """Return a configuration with these forms as Keras 2 writes them."""
    if isinstance(value, list):
        return [edited(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "TimeDistributedDense":
        return _wrapped(edited(value["config"]))
    config = {}
    for key, each in value.items():
        if key == "input_dtype":
            continue
        config[key] = _object(key, each) if _is_old_object(key, each) else edited(each)
    return config


def _wrapped(dense: Config) -> Config:
    """Return a layer of Keras 1 alone as what took its place: the same layer in a wrapper."""
    inner = {key: each for key, each in dense.items() if key not in (*WRAPPERS, *SHAPES)}
    config = {key: each for key, each in dense.items() if key in WRAPPERS or key == "name"}
    config["layer"] = {"class_name": "Dense", "config": dict(inner, name=dense["name"] + "_inner")}
    return {"class_name": "TimeDistributed", "config": config}


def _is_old_object(key: str, value: Any) -> bool:
    named = isinstance(value, dict) and "name" in value and "class_name" not in value
    return named and key.endswith(("_regularizer", "_constraint"))


def _object(key: str, value: Config) -> Config:
    """Return a regularizer or constraint with its class beside its arguments."""
    config = {RENAMED.get(name, name): each for name, each in value.items() if name != "name"}
    class_name = "L1L2" if key.endswith("_regularizer") else str(value["name"])
    return {"class_name": class_name, "config": config}
