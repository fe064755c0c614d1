"""A class registered under a package of its own.

Cause: a registered object is stored as `package>name`. A reader that registers it under another
package, or not at all, cannot find it.

Source: keras-team/keras issues 19899, 20751.
"""

from scenarios.framework import keras, register

INPUT_SHAPE = (10,)


@register(package="company")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape


def build_model(variant):
    return keras.Sequential(
        [keras.layers.Dense(6, input_shape=INPUT_SHAPE), Doubled(), keras.layers.Dense(3)]
    )


def custom_objects(variant):
    return {"Doubled": Doubled}
