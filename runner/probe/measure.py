"""What is recorded of a model: by the writer as the oracle, by the reader to compare.

Each aspect is measured by one function returning plain JSON values, with arrays set
apart by name. `Unusable` marks a fault of the model when it is called or trained;
any other exception in here is our own and becomes a harness error.
"""

from __future__ import annotations

import re
from typing import AbstractSet, Any, Callable, Dict, List, Optional

import numpy as np

from runner.probe import clock
from runner.probe.keras_api import Array, Arrays, KerasApi, Model, as_given, to_numpy

Facts = Dict[str, Any]

ASPECTS = (
    "structure",
    "outputs",
    "weights",
    "losses",
    "trainable",
    "dtype",
    "compile",
    "optimizer",
)
"""In the order in which they are measured; `training_step` changes the model and comes last."""


class Unusable(Exception):
    """The model raised when it was called (`stage` call) or trained (`stage` train)."""

    def __init__(self, stage: str, error: Exception) -> None:
        super().__init__(stage)
        self.stage = stage
        self.error = error


class Measurement:
    """Facts by aspect, and the arrays they name.

    `facts[aspect]` is JSON; `arrays` maps names to NumPy arrays.
    """

    def __init__(self) -> None:
        self.facts: Facts = {}
        self.arrays: Dict[str, Array] = {}

    def put(self, aspect: str, name: object, array: Array) -> str:
        """Keep an array under `aspect/name` and return that key."""
        key = "{}/{}".format(aspect, name)
        self.arrays[key] = storable(array)
        return key


def storable(array: Array) -> Array:
    """Return an array of numbers or of text.

    A vocabulary among the weights comes as objects, which an .npz would have to pickle.
    """
    array = np.asarray(array)
    if array.dtype.kind == "V":
        # bfloat16 and its kin, which an .npz could not hold.
        return array.astype("float32")
    if array.dtype.kind not in "OS":
        return array
    texts = [item.decode("utf-8") if isinstance(item, bytes) else str(item) for item in array.flat]
    return np.array(texts, dtype="U").reshape(array.shape)


def measure_model(
    api: KerasApi, model: Model, inputs: Arrays, targets: Arrays, aspects: AbstractSet[str]
) -> Measurement:
    """Return the Measurement of a Keras model for the aspects asked for.

    `inputs` and `targets` are lists of arrays, eight samples each.
    """
    found = Measurement()
    # Calling comes first: some models only have their weights afterwards.
    outputs = _guard("call", api.predict, model, inputs)
    for aspect in ASPECTS:
        if aspect not in aspects:
            continue
        if aspect == "outputs":
            found.facts[aspect] = [
                found.put("outputs", index, output) for index, output in enumerate(outputs)
            ]
        elif aspect == "compile":
            found.facts[aspect] = _compile_state(api, model, inputs, targets)
        elif aspect == "losses":
            # A regularizer that came back as something else raises when it is called.
            found.facts[aspect] = _guard("call", _losses, api, model, inputs)
        elif aspect == "dtype":
            found.facts[aspect] = _dtypes(model, outputs)
        else:
            found.facts[aspect] = _PLAIN[aspect](found, model)
    return found


def measure_outputs(outputs: Arrays) -> Measurement:
    """Return the Measurement of something that only predicts (a SavedModel's signature)."""
    found = Measurement()
    found.facts["outputs"] = [
        found.put("outputs", index, output) for index, output in enumerate(outputs)
    ]
    return found


def training_step(api: KerasApi, model: Model, inputs: Arrays, targets: Arrays) -> Facts:
    """Return the loss before and after one more step on fixed data; changes the model."""
    before = _evaluate(api, model, inputs, targets)[0]
    _guard("train", _train_on_batch, api, model, inputs, targets)
    after = _evaluate(api, model, inputs, targets)[0]
    return {"loss_before": before, "loss_after": after}


def leaf_layers(model: Model) -> List[Any]:
    """Return the layers of a model in order, those of nested models in their place."""
    found = []
    for layer in getattr(model, "layers", None) or []:
        if type(layer).__name__ == "InputLayer":
            continue
        if hasattr(layer, "layers") and hasattr(layer, "predict"):
            found.extend(leaf_layers(layer))
        else:
            found.append(layer)
    return found


def _guard(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        with clock.timed(stage):
            return function(*arguments)
    except Exception as error:  # whatever a model raises is the finding
        raise Unusable(stage, error)


def _class_name(layer: Any) -> str:
    # TensorFlow 1.15 has classes such as BatchNormalizationV1 behind the public names.
    return re.sub(r"V[12]$", "", type(layer).__name__)


def _structure(found: Measurement, model: Model) -> Facts:
    del found
    return {
        "layers": [[_class_name(layer), layer.name] for layer in leaf_layers(model)],
        "parameters": int(sum(np.prod(w.shape) for w in model.get_weights())),
    }


def _weights(found: Measurement, model: Model) -> List[Any]:
    layers = []
    for index, layer in enumerate(leaf_layers(model)):
        values = layer.get_weights()
        keys = [
            found.put("weights", "{}/{}".format(index, place), value)
            for place, value in enumerate(values)
        ]
        layers.append([layer.name, keys])
    return layers


def _losses(api: KerasApi, model: Model, inputs: Arrays) -> Facts:
    values = api.evaluate_tensors(model, inputs, list(model.losses))
    return {
        "count": len(values),
        "sum": float(sum(float(np.sum(np.asarray(v, "float64"))) for v in values)),
    }


def _trainable(found: Measurement, model: Model) -> Facts:
    del found
    return {
        "layers": [
            [layer.name, bool(layer.trainable), len(layer.trainable_weights)]
            for layer in leaf_layers(model)
        ],
        "weights": len(model.trainable_weights),
    }


def _dtypes(model: Model, outputs: Arrays) -> Facts:
    layers = []
    for layer in leaf_layers(model):
        stored = sorted(set(np.asarray(value).dtype.name for value in layer.get_weights()))
        compute = getattr(layer, "compute_dtype", None) or getattr(layer, "_compute_dtype", None)
        layers.append([layer.name, stored, compute if isinstance(compute, str) else None])
    return {"layers": layers, "outputs": [output.dtype.name for output in outputs]}


def _compile_state(api: KerasApi, model: Model, inputs: Arrays, targets: Arrays) -> Facts:
    optimizer = _optimizer(model)
    if optimizer is None:
        return {"compiled": False}
    return {
        "compiled": True,
        "optimizer": type(optimizer).__name__,
        "hyperparameters": _hyperparameters(optimizer),
        # Loss and metrics by what they compute: their names and classes differ by version.
        "evaluation": _evaluate(api, model, inputs, targets),
    }


def _optimizer(model: Model) -> Any:
    optimizer = getattr(model, "optimizer", None)
    inner = getattr(optimizer, "inner_optimizer", None) or getattr(optimizer, "_optimizer", None)
    return inner if hasattr(inner, "get_config") else optimizer


HYPERPARAMETERS = {
    "lr": "learning_rate",
    "learning_rate": "learning_rate",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
    "epsilon": "epsilon",
    "rho": "rho",
    "amsgrad": "amsgrad",
    "centered": "centered",
}


def _hyperparameters(optimizer: Any) -> Facts:
    found = {}
    for key, value in optimizer.get_config().items():
        if key not in HYPERPARAMETERS or value is None:
            continue
        if isinstance(value, dict):
            config = value.get("config", {})
            value = {k: v for k, v in config.items() if isinstance(v, (int, float, list))}
        elif not isinstance(value, (bool, int, float)):
            value = float(to_numpy(value))
        found[HYPERPARAMETERS[key]] = value
    return found


def _optimizer_state(found: Measurement, model: Model) -> Optional[Facts]:
    optimizer = _optimizer(model)
    if optimizer is None:
        return None
    variables = _optimizer_variables(optimizer)
    slots = [np.asarray(v) for v in variables if np.ndim(v) > 0 and np.any(v)]
    return {
        "iterations": _iterations(optimizer, variables),
        "slots": [found.put("optimizer", index, slot) for index, slot in enumerate(slots)],
    }


def _optimizer_variables(optimizer: Any) -> Arrays:
    if hasattr(optimizer, "get_weights"):
        try:
            return list(optimizer.get_weights())
        except NotImplementedError:
            pass
    variables = optimizer.variables
    variables = variables() if callable(variables) else variables
    return [to_numpy(variable) for variable in variables]


def _iterations(optimizer: Any, variables: Arrays) -> int:
    try:
        return int(to_numpy(optimizer.iterations))
    except Exception:  # a graph-mode variable has no value of its own
        scalars = [v for v in variables if np.ndim(v) == 0]
        return int(scalars[0]) if scalars else 0


def _evaluate(api: KerasApi, model: Model, inputs: Arrays, targets: Arrays) -> List[float]:
    def run() -> List[float]:
        if hasattr(model, "reset_metrics"):
            model.reset_metrics()
        with api.without_tracing():
            if len(targets) > 1:
                return _evaluate_outputs(model, inputs, targets)
            values = model.test_on_batch(as_given(inputs), as_given(targets))
        return [float(value) for value in np.ravel(values)]

    values: List[float] = _guard("train", run)
    return values


def _evaluate_outputs(model: Model, inputs: Arrays, targets: Arrays) -> List[float]:
    """Return the total loss of a model with several outputs, and its metrics by name.

    Only some versions list the loss of each output besides: those are left out.
    """
    given = as_given(inputs), as_given(targets)
    try:
        found = dict(model.test_on_batch(*given, return_dict=True))
    except TypeError:  # the argument exists from TensorFlow 2.2 on
        found = dict(zip(model.metrics_names, np.ravel(model.test_on_batch(*given))))
    total = found.pop("loss")
    metrics = [found[name] for name in sorted(found) if not name.endswith("_loss")]
    return [float(np.asarray(value)) for value in [total] + metrics]


def _train_on_batch(api: KerasApi, model: Model, inputs: Arrays, targets: Arrays) -> None:
    with api.without_tracing():
        model.train_on_batch(as_given(inputs), as_given(targets))


def train(api: KerasApi, model: Model, inputs: Arrays, targets: Arrays, steps: int) -> None:
    """Train in place for some steps on the fixed data."""
    for _ in range(steps):
        _train_on_batch(api, model, inputs, targets)


_PLAIN = {
    "structure": _structure,
    "weights": _weights,
    "trainable": _trainable,
    "optimizer": _optimizer_state,
}
