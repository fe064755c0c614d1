"""A custom layer in a model that was trained before it was saved.

Cause: as in `custom_layer_unregistered`, and more is at stake: the file also holds Adam's
moments for the custom layer's weight. Ways around the missing class (the weights alone, the
model from its code) leave those behind.

The layer is the article's: no `get_config`, its one weight without a name; 32 units are the
default, so nothing of the configuration could be lost. The `corrected` variant has both, and 16
units.

Source: seed 003 (example 1).
"""

import numpy as np

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


class MyCustomLayer(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )

    def call(self, inputs):
        return ops.matmul(inputs, self.w)


class CorrectedCustomLayer(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            name="w",
            shape=(input_shape[-1], self.units),
            initializer="random_normal",
            trainable=True,
        )
        super().build(input_shape)

    def call(self, inputs):
        return ops.matmul(inputs, self.w)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


def build_model(variant):
    if variant == "corrected":
        first = CorrectedCustomLayer(16, input_shape=INPUT_SHAPE)
    else:
        first = MyCustomLayer(32, input_shape=INPUT_SHAPE)
    return keras.Sequential([first, keras.layers.Dense(4, activation="sigmoid")])


def compile_model(model, variant):
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="binary_crossentropy")


def targets(rng, variant):
    return rng.randint(0, 2, size=(8, 4)).astype(np.float32)


def custom_objects(variant):
    layer = CorrectedCustomLayer if variant == "corrected" else MyCustomLayer
    return {layer.__name__: layer}
