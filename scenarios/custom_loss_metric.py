"""A model compiled with a loss and a metric of the user's own.

Cause: the file stores both by name, like a custom layer, but only as part of the compile
state: the model itself needs neither. A reader that does not know them may fail, warn and
leave the model uncompiled, or be told not to compile at all.

Variants: none has two functions; `classes` a `Loss` class with `get_config`, whose weight of 3
is not the default and has to come back for the next training step to be the same, and a
`Metric` class. The functions registered are a module of their own,
`custom_loss_metric_registered`, for a registration cannot be had for one variant only.

Source: seeds 002, 003 and 004 (their text on custom losses and metrics).
"""

import numpy as np

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


def weighted_squared_error(y_true, y_pred):
    return 2.0 * ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_deviation(y_true, y_pred):
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


class WeightedSquaredError(keras.losses.Loss):
    def __init__(self, weight=2.0, name="weighted_squared_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.weight = weight

    def call(self, y_true, y_pred):
        return self.weight * ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)

    def get_config(self):
        config = super().get_config()
        config.update({"weight": self.weight})
        return config


class MeanDeviation(keras.metrics.Mean):
    def __init__(self, name="mean_deviation", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(ops.abs(ops.subtract(y_true, y_pred)))


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", input_shape=INPUT_SHAPE),
            keras.layers.Dense(4),
        ]
    )


def compile_model(model, variant):
    if variant == "classes":
        loss, metric = WeightedSquaredError(weight=3.0), MeanDeviation()
    else:
        loss, metric = weighted_squared_error, mean_deviation
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss=loss, metrics=[metric])


def targets(rng, variant):
    return rng.uniform(size=(8, 4)).astype(np.float32)


def custom_objects(variant):
    if variant == "classes":
        return {"WeightedSquaredError": WeightedSquaredError, "MeanDeviation": MeanDeviation}
    return {
        "weighted_squared_error": weighted_squared_error,
        "mean_deviation": mean_deviation,
    }
