"""The `model.json` of TensorFlow.js, described.

Input: its parsed JSON. Output: into `Findings`. A layers model has the architecture as Keras wrote
it; a graph model has TensorFlow's operations alone. The weights are in other files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.inspect.architecture import describe_architecture, describe_training
from runner.inspect.config import is_object
from runner.inspect.findings import Findings

WRITERS = ("generatedBy", "convertedBy")
MOST_WEIGHTS = 20_000


def is_model(value: Any) -> bool:
    """Whether JSON is a model of TensorFlow.js."""
    return isinstance(value, dict) and isinstance(value.get("modelTopology"), dict)


def read_model(value: Mapping[str, Any], found: Findings) -> None:
    """Describe it."""
    topology: Mapping[str, Any] = value["modelTopology"]
    config = topology.get("model_config", topology)
    if is_object(config):
        found.title = "TensorFlow.js layers model (model.json)"
        found.layout = "architecture"
        for name in ("keras_version", "backend"):
            found.read(name, topology.get(name), f"model.json, modelTopology, key `{name}`")
        describe_architecture(config, found, "model.json, modelTopology")
        training = topology.get("training_config")
        if isinstance(training, dict):
            describe_training(training, found, "model.json, key `training_config`")
    else:
        found.title = "not a Keras file: TensorFlow.js graph model (model.json)"
        found.layout = "other"
    for name in WRITERS:
        if isinstance(value.get(name), str):
            found.note(name, value[name], f"model.json, key `{name}`")
    _count_weights(value.get("weightsManifest"), found)


def _count_weights(manifest: Any, found: Findings) -> None:
    groups = manifest if isinstance(manifest, list) else []
    paths = [str(path) for one in groups if isinstance(one, dict) for path in _list(one, "paths")]
    if paths:
        found.note("weights", ", ".join(paths[:6]), "model.json, weightsManifest: in other files")


def _list(one: Mapping[str, Any], key: str) -> list[Any]:
    value = one.get(key)
    return value[:MOST_WEIGHTS] if isinstance(value, list) else []
