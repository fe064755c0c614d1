"""Optimizers, learning rates and losses as the training configuration stores them.

Cause: legacy H5 keeps `compile`'s arguments as JSON. Loss objects carry a reduction whose name
changed, a schedule is an object inside the optimizer's configuration, `decay` and `lr` are
arguments the optimizers of TensorFlow 2.11 and later no longer have, and the state of SGD's
momentum must find its variables again.

Source: tf-keras issue 70; tensorflow/tensorflow issues 52368, 70263; keras-team/keras issue 19330.
"""

import inspect

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(6, activation="relu", input_shape=INPUT_SHAPE),
            keras.layers.Dense(3),
        ]
    )


def compile_model(model, variant):
    optimizers = keras.optimizers
    if variant == "schedule":
        rate = optimizers.schedules.ExponentialDecay(0.01, decay_steps=10, decay_rate=0.5)
        model.compile(optimizer=optimizers.Adam(rate), loss="mean_squared_error")
    elif variant == "decay":
        model.compile(optimizer=_legacy_adam(), loss="mean_squared_error")
    elif variant == "momentum":
        model.compile(optimizer=_sgd(), loss="mean_squared_error")
    else:
        losses = keras.losses
        model.compile(
            optimizer=optimizers.Adam(),
            loss=losses.MeanSquaredError(),
            metrics=[keras.metrics.MeanAbsoluteError()],
        )


def _rate_name(optimizer):
    named = inspect.signature(optimizer.__init__).parameters
    return "learning_rate" if "learning_rate" in named else "lr"


def _legacy_adam():
    # Where optimizers were rewritten, `decay` lives on in the legacy ones.
    legacy = getattr(keras.optimizers, "legacy", None)
    adam = getattr(legacy, "Adam", keras.optimizers.Adam)
    return adam(decay=0.01, **{_rate_name(adam): np.float64(0.002).item()})


def _sgd():
    sgd = keras.optimizers.SGD
    return sgd(momentum=0.9, **{_rate_name(sgd): 0.05})
