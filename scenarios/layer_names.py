"""Layers whose names have letters beyond ASCII.

Cause: names of layers are names of groups in HDF5 and members of an archive. In `composed` a
letter is written as two characters, which some file systems put together. Keras 2 refuses such
names, as TensorFlow has no scope of that name: Keras 3 alone writes them.

Source: tensorflow/tensorflow issues 62691, 62107.
"""

import numpy as np

from scenarios.framework import keras

_NAMES = {
    "": ("\u0441\u043b\u043e\u0439_1", "\u5c64"),
    "composed": ("schichte\u0308", "schicht\u00eb"),
}


def inputs(rng, variant):
    return rng.uniform(-1.0, 1.0, size=(8, 5)).astype("float32")


def build_model(variant):
    first, second = _NAMES[variant]
    return keras.models.Sequential(
        [
            keras.layers.Dense(4, activation="tanh", name=first, input_shape=(5,)),
            keras.layers.Dense(4, name=second),
        ]
    )


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model
