"""A Sequential model written by the standalone Keras 2.3.

Cause: the file tells the input's shape in one of two places, with the first layer or with the
model itself. Keras 2.3 leaves an InputLayer out of what it stores, so that with `input_layer` no
layer says the shape, and a reader that looks there alone builds a model without weights: Keras 2.3
does not read its own file.

Source: keras-team/keras issues 10417, 11683.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    layers = keras.layers
    if variant == "input_layer":
        made = [layers.InputLayer(INPUT_SHAPE), layers.Dense(6, activation="relu")]
    else:
        made = [layers.Dense(6, activation="relu", input_shape=INPUT_SHAPE)]
    return keras.Sequential(made + [layers.Dense(3)])
