"""Metric objects with arguments of their own.

Cause: where a metric's arguments are lost, its threshold is the default again: each value that it
reports is another, and nothing is refused. Some versions cannot make the object from the file.

Source: keras-team/keras issue 13590; tensorflow/tensorflow issues 34068, 33646, 36735.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (5,)


def targets(rng, variant):
    return rng.randint(0, 2, size=(8, 1)).astype("float32")


def build_model(variant):
    return keras.Sequential([keras.layers.Dense(1, activation="sigmoid", input_shape=INPUT_SHAPE)])


def compile_model(model, variant):
    metrics = keras.metrics
    model.compile(
        optimizer="sgd",
        loss="binary_crossentropy",
        metrics=[metrics.Recall(thresholds=0.2), metrics.BinaryAccuracy(threshold=0.2)],
    )


def finish_model(model, variant):
    """Give the writer's model scores between the thresholds 0.2 and 0.5."""
    model.set_weights([np.full((5, 1), 0.1, "float32"), np.full((1,), -1.0, "float32")])
    return model
