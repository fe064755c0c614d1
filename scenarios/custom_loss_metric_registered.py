"""A model compiled with a loss function and a metric function that are registered.

Cause: as in `custom_loss_metric`, with writer and reader both registering the functions. Files
refer to a registered function by its name with the package or by the bare one, and which of
the two a reader looks up depends on its version.

Source: seeds 003 and 004 (their text on custom losses and metrics; registration as in seed 004,
example 2, method B); keras-team/keras #20806.
"""

import numpy as np

from scenarios.framework import keras, ops, register

INPUT_SHAPE = (10,)


@register()
def registered_squared_error(y_true, y_pred):
    return 2.0 * ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


@register()
def registered_deviation(y_true, y_pred):
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", input_shape=INPUT_SHAPE),
            keras.layers.Dense(4),
        ]
    )


def compile_model(model, variant):
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.01),
        loss=registered_squared_error,
        metrics=[registered_deviation],
    )


def targets(rng, variant):
    return rng.uniform(size=(8, 4)).astype(np.float32)


def custom_objects(variant):
    return {
        "registered_squared_error": registered_squared_error,
        "registered_deviation": registered_deviation,
    }
