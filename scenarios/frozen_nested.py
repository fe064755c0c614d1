"""A frozen layer inside a nested model, read by code that froze nothing.

Cause: HDF5 files of Keras 2 list the weights of a nested model in the order of its `weights`: those
that are trained first, then those that are not. Code with other flags has another order. Here all
the inner kernels have one shape, so that nothing is refused. In `same_flags` the reader's code
freezes the same layer. In `custom_layer` the two layers are inside a custom one, and the
first was frozen after it was made: the file's configuration does not say so.

Source: keras-team/keras issues 6607, 9905, 10777, 10784, 12470, 13259; tensorflow/tensorflow issues
34950, 37541; rstudio/keras3 issue 699.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (6,)


class Pair(keras.layers.Layer):
    def __init__(self, units=6, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = keras.layers.Dense(units, activation="tanh")
        self.second = keras.layers.Dense(units)

    def call(self, inputs):
        return self.second(self.first(inputs))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config


def build_model(variant):
    layers = keras.layers
    if variant == "custom_layer":
        pair = Pair(6)
        model = keras.Sequential([layers.Input(shape=INPUT_SHAPE), pair, layers.Dense(3)])
        pair.first.trainable = False
        return model
    return _nested_model(frozen=True)


def reader_model(variant):
    """Return the model of the reader's code, which does not freeze what the writer's does."""
    layers = keras.layers
    if variant == "custom_layer":
        return keras.Sequential([layers.Input(shape=INPUT_SHAPE), Pair(6), layers.Dense(3)])
    return _nested_model(frozen=variant == "same_flags")


def _nested_model(frozen):
    layers = keras.layers
    inner = keras.Sequential(
        [
            layers.Dense(6, activation="tanh", input_shape=INPUT_SHAPE),
            layers.Dense(6, activation="relu"),
            layers.Dense(6),
        ]
    )
    inner.layers[0].trainable = not frozen
    given = layers.Input(shape=INPUT_SHAPE)
    return keras.models.Model(given, layers.Dense(3)(inner(given)))


def finish_model(model, variant):
    """Give the writer's model fixed weights, biases that are not zero among them."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model


def custom_objects(variant):
    return {"Pair": Pair} if variant == "custom_layer" else {}
