"""A layer that nobody registered, in a module that the reader can import.

Cause: a `.keras` file names the module of a class beside the class. Keras 3 up to 3.8 imports
that module and takes the class from it; since 3.9 Keras imports modules of its own packages
alone, so what loaded without a word needs `custom_objects`. TensorFlow 2.13 to 2.15 and tf-keras
never looked there for a layer: its name is left where the layer should be.
Other scenarios run as a program, whose classes no other program can import. This one's class
says that it lives in this module, which is on the reader's path.

Source: keras-team/keras issue 20751.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


class Halved(keras.layers.Layer):
    # Where a user's package would have it: importable, not the program that runs.
    __module__ = "scenarios.importable_layer"

    def call(self, inputs):
        return inputs * 0.5

    def compute_output_shape(self, input_shape):
        return input_shape


def build_model(variant):
    return keras.Sequential(
        [keras.layers.Dense(6, input_shape=INPUT_SHAPE), Halved(), keras.layers.Dense(3)]
    )


def custom_objects(variant):
    return {"Halved": Halved}
