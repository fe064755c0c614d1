"""A custom layer that is registered, in the writer and in the reader.

Cause: registration puts the class under a name (`Custom>RegisteredLayer`) into a table of the
running program, and the file refers to that name. It replaces `custom_objects`; it does not
put code into the file, so a reader must run the same registration first. It does not correct
the class either: versions that refuse to write a layer without `get_config` refuse this one
too. The `corrected` variant has `get_config` and names its weight. Keras 2.3 and TensorFlow
1.15 and 2.0 have no registration.

Source: seed 004 (example 2, method B).
"""

from scenarios.framework import keras, ops, register

INPUT_SHAPE = (10,)


@register()
class RegisteredLayer(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )

    def call(self, inputs):
        return ops.matmul(inputs, self.w)


@register()
class CorrectedRegisteredLayer(keras.layers.Layer):
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


LAYERS = {"": RegisteredLayer, "corrected": CorrectedRegisteredLayer}


def build_model(variant):
    return keras.Sequential(
        [
            LAYERS[variant](16, input_shape=INPUT_SHAPE),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def custom_objects(variant):
    return {LAYERS[variant].__name__: LAYERS[variant]}
