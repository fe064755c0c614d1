"""A custom activation that is registered, in the writer and in the reader.

Cause: registration gives the function a name with a package (`Custom>...`), and versions
differ in whether a file refers to a registered function by that name or by the bare one. In
the article the function is called inside a registered layer; the `dense_argument` variant
gives it to a Dense, so that the function's own registration is what counts.

Source: seed 004 (example 2, method B); keras-team/keras #20806 for functions.
"""

from scenarios.framework import keras, ops, register

INPUT_SHAPE = (10,)


@register()
def custom_activation_register(x):
    return ops.sigmoid(x) * ops.tanh(x)


@register()
class CustomLayerRegistered(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )

    def call(self, inputs):
        return custom_activation_register(ops.matmul(inputs, self.w))


def build_model(variant):
    if variant == "dense_argument":
        first = keras.layers.Dense(
            32, activation=custom_activation_register, input_shape=INPUT_SHAPE
        )
    else:
        first = CustomLayerRegistered(32, input_shape=INPUT_SHAPE)
    return keras.Sequential([first, keras.layers.Dense(10, activation="softmax")])


def custom_objects(variant):
    found = {"custom_activation_register": custom_activation_register}
    if variant != "dense_argument":
        found["CustomLayerRegistered"] = CustomLayerRegistered
    return found
