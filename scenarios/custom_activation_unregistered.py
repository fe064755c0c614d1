"""A custom activation that the loading program does not know.

Cause: a function given to a layer is stored by its name, and a reader that lacks the name
cannot make the layer. In the article the function is called inside a custom layer, and then
the file does not mention it at all: what the reader misses is the layer, and passing the
function changes nothing. The `dense_argument` variant gives it to a Dense, where the
function itself is what is missing.

Source: seed 004 (example 2).
"""

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


def custom_activation(x):
    return ops.sigmoid(x) * ops.tanh(x)


class CustomLayer(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )

    def call(self, inputs):
        return custom_activation(ops.matmul(inputs, self.w))


def build_model(variant):
    if variant == "dense_argument":
        first = keras.layers.Dense(32, activation=custom_activation, input_shape=INPUT_SHAPE)
    else:
        first = CustomLayer(32, input_shape=INPUT_SHAPE)
    return keras.Sequential([first, keras.layers.Dense(10, activation="softmax")])


def custom_objects(variant):
    if variant == "dense_argument":
        return {"custom_activation": custom_activation}
    return {"custom_activation": custom_activation, "CustomLayer": CustomLayer}
