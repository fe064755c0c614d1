"""What is recorded of a model: by the writer as the oracle, by the reader to compare.

Each aspect is measured by one function returning plain JSON values, with arrays set
apart by name. `Unusable` marks a fault of the model when it is called or trained;
any other exception in here is our own and becomes a harness error.
"""

from __future__ import annotations

import re
from typing import AbstractSet, Any, Callable, Dict, List, Optional

import numpy as np

from runner.probe import clock, heads, interface, layer_facts
from runner.probe.keras_api import Array, Arrays, KerasApi, Model, as_given, flatten, to_numpy

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
    "interface",
    "preprocessing",
    "states",
    "constraints",
    "seeds",
    "loss_weights",
    "metrics",
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
    states = layer_facts.RecurrentStates(api, leaf_layers(model)) if "states" in aspects else None
    # Calling comes first: some models only have their weights afterwards.
    made = _guard("call", api.call, model, inputs)
    called = _Called(api, model, inputs, targets, made, states)
    for aspect in ASPECTS:
        if aspect in aspects:
            called.found.facts[aspect] = _MEASURES[aspect](called)
    if states is not None:
        states.put_back()
    return called.found


class _Called:
    """A model that was called, with all that its aspects are measured from."""

    def __init__(
        self, api: KerasApi, model: Model, inputs: Arrays, targets: Arrays, made: Any, states: Any
    ) -> None:
        self.api = api
        self.model = model
        self.inputs = inputs
        self.targets = targets
        self.made = made
        self.outputs = flatten(made)
        self.states = states
        self.layers = leaf_layers(model)
        self.found = Measurement()
        self._values: Optional[List[Arrays]] = None

    @property
    def values(self) -> List[Arrays]:
        """The weights of each layer, fetched once: a session takes longer for them than to load."""
        if self._values is None:
            with clock.timed("fetch"):
                self._values = [layer.get_weights() for layer in self.layers]
        return self._values

    def evaluate(self, targets: Arrays) -> List[float]:
        """Return the total loss for the inputs and these targets, then the metrics."""
        return _evaluate(self.api, self.model, self.inputs, targets)


def measure_outputs(outputs: Arrays, owner: Any = None) -> Measurement:
    """Return the Measurement of something that only predicts (`owner`'s signature)."""
    found = Measurement()
    found.facts["interface"] = interface.describe_signature(owner)
    found.facts["outputs"] = _put_outputs(found, outputs)
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


def _structure(model: Model) -> Facts:
    with clock.timed("fetch"):
        weights = model.get_weights()
    return {
        "layers": [[_class_name(layer), layer.name] for layer in leaf_layers(model)],
        "parameters": int(sum(np.prod(weight.shape) for weight in weights)),
    }


def _weights(called: "_Called") -> List[Any]:
    found, layers = called.found, []
    for index, (layer, values) in enumerate(zip(called.layers, called.values)):
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


def _trainable(model: Model) -> Facts:
    return {
        "layers": [
            # Merge of Keras 1 has no such flag.
            [layer.name, bool(getattr(layer, "trainable", True)), len(layer.trainable_weights)]
            for layer in leaf_layers(model)
        ],
        "weights": len(model.trainable_weights),
    }


def _dtypes(called: "_Called") -> Facts:
    layers = []
    for layer, values in zip(called.layers, called.values):
        stored = sorted(set(np.asarray(value).dtype.name for value in values))
        compute = getattr(layer, "compute_dtype", None) or getattr(layer, "_compute_dtype", None)
        layers.append([layer.name, stored, compute if isinstance(compute, str) else None])
    return {"layers": layers, "outputs": [output.dtype.name for output in called.outputs]}


def _compile_state(
    model: Model, evaluate: Callable[[Arrays], List[float]], targets: Arrays
) -> Facts:
    optimizer = _optimizer(model)
    if optimizer is None:
        return {"compiled": False}
    return {
        "compiled": True,
        "optimizer": type(optimizer).__name__,
        "hyperparameters": _hyperparameters(optimizer),
        # Loss and metrics by what they compute: their names and classes differ by version.
        "evaluation": evaluate(targets),
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
    with clock.timed("fetch"):
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


def _put_outputs(found: Measurement, outputs: Arrays) -> List[str]:
    return [found.put("outputs", index, output) for index, output in enumerate(outputs)]


def _put_states(found: Measurement, states: Any) -> List[Any]:
    layers = []
    for place, name, values in states.values:
        keys = values and [
            value if value is None else found.put("states", "{}/{}".format(place, index), value)
            for index, value in enumerate(values)
        ]
        layers.append([place, name, keys])
    return layers


def _constraints(called: _Called) -> List[Any]:
    # A constraint that came back as something else raises when it is called.
    held = _guard("train", layer_facts.constraints, called.api, called.layers)
    return [
        [place, name, array if array is None else called.found.put("constraints", place, array)]
        for place, name, array in held
    ]


def _train_on_batch(api: KerasApi, model: Model, inputs: Arrays, targets: Arrays) -> None:
    with api.without_tracing():
        model.train_on_batch(as_given(inputs), as_given(targets))


def train(api: KerasApi, model: Model, inputs: Arrays, targets: Arrays, steps: int) -> None:
    """Train in place for some steps on the fixed data."""
    for _ in range(steps):
        _train_on_batch(api, model, inputs, targets)


_MEASURES: Dict[str, Callable[[_Called], Any]] = {
    "structure": lambda called: _structure(called.model),
    "outputs": lambda called: _put_outputs(called.found, called.outputs),
    "weights": _weights,
    # A regularizer that came back as something else raises when it is called.
    "losses": lambda called: _guard("call", _losses, called.api, called.model, called.inputs),
    "trainable": lambda called: _trainable(called.model),
    "dtype": _dtypes,
    "compile": lambda called: _compile_state(called.model, called.evaluate, called.targets),
    "optimizer": lambda called: _optimizer_state(called.found, called.model),
    "interface": lambda called: interface.describe_model(called.api, called.model, called.made),
    "preprocessing": lambda called: layer_facts.learnt_state(called.layers),
    "states": lambda called: _put_states(called.found, called.states),
    "constraints": _constraints,
    "seeds": lambda called: layer_facts.seeds(called.layers),
    "loss_weights": lambda called: heads.shares_of_loss(
        called.model, called.evaluate, called.targets
    ),
    "metrics": lambda called: heads.metrics_of_heads(called.model, called.evaluate, called.targets),
}
