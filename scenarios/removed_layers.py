"""Layers that Keras 3 left out, or keeps under another module.

Cause: a file names a class. Keras 3 has no LocallyConnected1D; ThresholdedReLU (`threshold`),
AlphaDropout (`alpha`) and RandomHeight (`height`) are among its legacy layers.

Source: keras-team/keras issues 20830, 18467; fastmachinelearning/hls4ml issue 1077.
"""

from scenarios.framework import keras


def inputs(rng, variant):
    shape = (6, 6, 2) if variant == "height" else (6, 2)
    return rng.uniform(-1.0, 1.0, size=(8,) + shape).astype("float32")


def build_model(variant):
    layers = keras.layers
    shape = (6, 6, 2) if variant == "height" else (6, 2)
    if variant == "height":
        given = layers.Input(shape=shape)
        found = layers.GlobalAveragePooling2D()(layers.RandomHeight(0.2)(given))
        return keras.models.Model(given, layers.Dense(3)(found))
    if variant == "alpha":
        made = layers.AlphaDropout(0.3)
    elif variant == "threshold":
        made = layers.ThresholdedReLU(theta=0.5)
    else:
        made = layers.LocallyConnected1D(4, 3)
    return keras.Sequential([layers.Input(shape=shape), made, layers.Flatten(), layers.Dense(3)])
