"""Depthwise, separable and transposed convolutions.

Cause: Keras 2 stores `groups` with every convolution, and Keras 3 does not accept it for
those that have no groups.

In `.keras` the shape of the input, an argument of the first layer in Keras 2, is refused by
Keras 3 as well; `input_layer` puts an `Input` before the layer.

Source: keras-team/keras issue 19151.
"""

from scenarios.framework import keras

INPUT_SHAPE = (8, 8, 3)


def build_model(variant):
    layers = keras.layers
    made = {
        "": lambda: [layers.DepthwiseConv2D(3, input_shape=INPUT_SHAPE)],
        "input_layer": lambda: [layers.Input(shape=INPUT_SHAPE), layers.DepthwiseConv2D(3)],
        "separable": lambda: [layers.SeparableConv2D(4, 3, input_shape=INPUT_SHAPE)],
        "transposed": lambda: [layers.Conv2DTranspose(4, 3, input_shape=INPUT_SHAPE)],
    }
    return keras.Sequential(made[variant]() + [layers.Flatten(), layers.Dense(3)])
