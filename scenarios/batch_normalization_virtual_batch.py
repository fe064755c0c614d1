"""Batch normalization over parts of a batch, trained: the variant `virtual_batch`.

Cause: `virtual_batch_size` is an argument of the layer that its configuration does not hold: the
model predicts as before, and goes on training with other statistics. Keras 3 does not have it.

Source: keras-team/keras issue 15790; tensorflow/tensorflow issue 32380.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (8,)


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype(np.float32)


def build_model(variant):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Dense(6, input_shape=INPUT_SHAPE),
            layers.BatchNormalization(virtual_batch_size=4),
            layers.Dense(3),
        ]
    )


def compile_model(model, variant):
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.05), loss="mean_squared_error")
