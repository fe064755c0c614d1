"""Weights in bfloat16, and optimizers that scale the loss.

Cause: HDF5 knows no bfloat16; what is written for it is two bytes of no type. With a policy of
mixed precision, `compile` wraps the optimizer, and the wrapper's own count and scale are in the
file. In `mixed` the layers compute in bfloat16 and keep float32; in `loss_scale` a model of float16
was trained with RMSprop; in `tuned` a model of float32 was trained on in float16.

Source: keras-team/keras issues 17069, 18112, 15709, pull request 19091; keras-team/tf-keras issues
420, 203; tensorflow/tensorflow issue 32617; seed 003 (fine-tuning in another precision).
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (6, 6, 3)

_POLICIES = {"": "bfloat16", "mixed": "mixed_bfloat16", "loss_scale": "mixed_float16"}


def inputs(rng, variant):
    return rng.uniform(-1.0, 1.0, size=(8,) + INPUT_SHAPE).astype("float32")


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


def build_model(variant):
    return _made("float32" if variant == "tuned" else _POLICIES[variant])


def _made(dtype):
    layers = keras.layers
    return keras.models.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", dtype=dtype, input_shape=INPUT_SHAPE),
            layers.Flatten(dtype=dtype),
            layers.Dense(3, dtype="float32"),
        ]
    )


def compile_model(model, variant):
    if variant in ("loss_scale", "tuned"):
        model.compile(optimizer="rmsprop", loss="mean_squared_error")


def finish_model(model, variant):
    """Return the model; for `tuned`, its copy in another precision, trained on."""
    if variant != "tuned":
        return model
    tuned = _made("mixed_float16")
    tuned.set_weights(model.get_weights())
    compile_model(tuned, variant)
    rng = np.random.RandomState(5)
    tuned.train_on_batch(inputs(rng, variant), targets(rng, variant))
    return tuned
