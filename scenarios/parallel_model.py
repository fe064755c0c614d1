"""The weights of a model inside another, as several GPUs were used.

Cause: `multi_gpu_model` put the model into an outer one that divides the batch and puts the results
together. Saved was the outer one: its file has one layer with all the weights, and the code of the
inner model has many. In `outer` the reader's code makes the outer model too, which is what its file
asks for.

Source: keras-team/keras issues 11253, 13766, 13548; tensorflow/tensorflow issues 35942, 56638.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (6,)


def _inner():
    layers = keras.layers
    return keras.models.Sequential(
        [
            layers.Dense(5, activation="tanh", input_shape=INPUT_SHAPE),
            layers.Dense(4, activation="tanh"),
            layers.Dense(3),
        ]
    )


def _outer():
    layers = keras.layers
    given = layers.Input(shape=INPUT_SHAPE)
    inner = _inner()
    halves = [inner(layers.Activation("linear")(given)), inner(given)]
    return keras.models.Model(given, layers.Average()(halves))


def build_model(variant):
    return _outer()


def reader_model(variant):
    return _outer() if variant == "outer" else _inner()


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model
