"""Batch normalization over parts of a batch, trained: the variant `virtual_batch`.

Cause: `virtual_batch_size` is an argument that the layer's configuration does not hold, but the
axis in it is counted with the dimension that the virtual batches add: the file names an axis that
the loaded layer does not have, in the version that wrote it as well. Keras 3 does not know the
argument.

Source: tensorflow/tensorflow issues 56556, 32380; keras-team/keras issue 15790.
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
