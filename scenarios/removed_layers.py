"""Layers that Keras 3 left out, or keeps under another module.

Cause: a file names a class. Keras 3 has no LocallyConnected1D; ThresholdedReLU (`threshold`) is
among its legacy layers.

Source: keras-team/keras issues 20830, 18467; fastmachinelearning/hls4ml issue 1077.
"""

from scenarios.framework import keras

INPUT_SHAPE = (6, 2)


def build_model(variant):
    layers = keras.layers
    if variant == "threshold":
        made = layers.ThresholdedReLU(theta=0.5)
    else:
        made = layers.LocallyConnected1D(4, 3)
    return keras.Sequential(
        [layers.Input(shape=INPUT_SHAPE), made, layers.Flatten(), layers.Dense(3)]
    )
