"""The Keras that this environment's users write against, under one name.

Scenario modules import from here and from nowhere else, so that one text of a model
serves tf.keras, Keras 2.3, Keras 3 on every backend and tf-keras. `ops` holds the few
tensor operations the articles' classes use, each the idiom of that Keras: `tf.matmul`
where the articles write it, `keras.ops.matmul` where TensorFlow may not be installed.

The probe sets MATRIX_FRAMEWORK before this module is imported.
"""

import importlib
import operator
import os
import types

NAME = os.environ["MATRIX_FRAMEWORK"]
"""`tensorflow.keras`, `keras` or `tf_keras`."""


def _import_keras():
    if NAME == "tensorflow.keras":
        # The attribute, not the submodule: tensorflow.keras is lazily loaded in most versions.
        return importlib.import_module("tensorflow").keras
    return importlib.import_module(NAME)


keras = _import_keras()
# Keras before 2.1.4 has these only where its users of then imported them from.
for _name, _module in (("Input", "layers"), ("Model", "models"), ("Sequential", "models")):
    if not hasattr(keras, _name) and hasattr(getattr(keras, _module, None), _name):
        setattr(keras, _name, getattr(getattr(keras, _module), _name))
IS_KERAS3 = NAME == "keras" and hasattr(keras, "ops")
IS_KERAS2_STANDALONE = NAME == "keras" and not IS_KERAS3

_NAMES = [
    "abs",
    "matmul",
    "mean",
    "relu",
    "sigmoid",
    "square",
    "subtract",
    "sum",
    "tanh",
    "transpose",
]


def _tensor_operations():
    if IS_KERAS3:
        return {name: getattr(keras.ops, name) for name in _NAMES}
    if IS_KERAS2_STANDALONE:
        backend = keras.backend
        found = {name: getattr(backend, name) for name in _NAMES if hasattr(backend, name)}
        found["matmul"] = backend.dot
        found["subtract"] = operator.sub
        return found
    tf = importlib.import_module("tensorflow")
    return {
        "abs": tf.abs,
        "matmul": tf.matmul,
        "mean": tf.reduce_mean,
        "relu": tf.nn.relu,
        "sigmoid": tf.sigmoid,
        "square": tf.square,
        "subtract": tf.subtract,
        "sum": tf.reduce_sum,
        "tanh": tf.tanh,
        "transpose": tf.transpose,
    }


ops = types.SimpleNamespace(**_tensor_operations())


def device(name):
    """Return the context manager of this version that asks for a device, such as `/GPU:0`.

    Keras 3 on JAX and PyTorch raises where the machine has no such device.
    """
    if IS_KERAS3:
        return keras.device(name.lstrip("/").lower())
    return importlib.import_module("tensorflow").device(name)


def register(package="Custom", name=None):
    """Return the registration decorator as this version spells it.

    Raises AttributeError where the version has none (Keras 2.3, TensorFlow 1.15 and 2.0),
    as it would for a user.
    """
    saving = getattr(keras, "saving", None)
    decorator = getattr(saving, "register_keras_serializable", None)
    if decorator is None:
        decorator = keras.utils.register_keras_serializable
    return decorator(package=package, name=name)
