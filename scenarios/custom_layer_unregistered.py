"""A custom layer that the loading program does not know.

Cause: the file holds a layer's class name and configuration, not its code; a program that
neither registered the class nor passes it in `custom_objects` cannot make the layer again.
The class is written as the articles write it, with flaws of theirs. There is no `get_config`:
old versions (TensorFlow 2.7 and before) refuse to write such a layer, newer ones collect plain
constructor arguments themselves. Its two weights have no names: where both are then called
`Variable:0`, H5 cannot hold them. And Keras 2.3 wants a `compute_output_shape`. The
`get_config` variant corrects all three.

Source: seeds 002 (example 1), 003 (example 1) and 004 (example 2).
"""

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


class CustomLayer(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b


class CustomLayerWithConfig(keras.layers.Layer):
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
        self.b = self.add_weight(name="b", shape=(self.units,), initializer="zeros", trainable=True)
        super().build(input_shape)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


LAYERS = {"": CustomLayer, "get_config": CustomLayerWithConfig}


def build_model(variant):
    return keras.Sequential([LAYERS[variant](64, input_shape=INPUT_SHAPE), keras.layers.Dense(4)])


def custom_objects(variant):
    return {LAYERS[variant].__name__: LAYERS[variant]}
