"""The Keras that this environment's users write against, under one name.

Scenario modules import from here and from nowhere else, so that one text of a model
serves tf.keras, Keras 2.3, Keras 3 on every backend and tf-keras. `ops` holds the few
tensor operations the articles' classes use, each the idiom of that Keras: `tf.matmul`
where the articles write it, `keras.ops.matmul` where TensorFlow may not be installed.

The probe sets MATRIX_FRAMEWORK before this module is imported.
"""

import importlib
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
IS_KERAS3 = NAME == "keras" and hasattr(keras, "ops")
IS_KERAS2_STANDALONE = NAME == "keras" and not IS_KERAS3


def _tensor_operations():
    if IS_KERAS3:
        source = keras.ops
        names = dict.fromkeys(
            [
                "matmul",
                "sigmoid",
                "tanh",
                "relu",
                "abs",
                "sum",
                "mean",
                "square",
                "cast",
                "softplus",
            ]
        )
        return {name: getattr(source, name) for name in names}
    if IS_KERAS2_STANDALONE:
        backend = keras.backend
        names = ["sigmoid", "tanh", "relu", "abs", "sum", "mean", "square", "cast", "softplus"]
        found = {name: getattr(backend, name) for name in names}
        found["matmul"] = backend.dot
        return found
    tf = importlib.import_module("tensorflow")
    return {
        "matmul": tf.matmul,
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "relu": tf.nn.relu,
        "abs": tf.abs,
        "sum": tf.reduce_sum,
        "mean": tf.reduce_mean,
        "square": tf.square,
        "cast": tf.cast,
        "softplus": tf.nn.softplus,
    }


ops = types.SimpleNamespace(**_tensor_operations())


def device(name):
    """Return the context manager that asks for a device, such as `/GPU:0`, as this version spells it.

    Keras 3 on JAX and PyTorch raises where the machine has no such device.
    """
    if IS_KERAS3:
        return keras.device(name.lstrip("/").lower())
    return importlib.import_module("tensorflow").device(name)


def register(package="Custom", name=None):
    """Return the registration decorator as this version spells it.

    Raises AttributeError where the version has none (Keras 2.3), as it would for a user.
    """
    saving = getattr(keras, "saving", None)
    decorator = getattr(saving, "register_keras_serializable", None)
    if decorator is None:
        decorator = keras.utils.register_keras_serializable
    return decorator(package=package, name=name)
