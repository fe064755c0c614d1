"""The scenario of the fake framework: its variant is the harm its file does to a reader."""

from scenarios.framework import keras

INPUT_SHAPE = (3,)


def build_model(variant):
    if variant == "build":
        raise ValueError("cannot be built")
    return keras.Sequential([keras.layers.Dense(2, input_shape=INPUT_SHAPE)], harm=variant)
