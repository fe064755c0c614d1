"""The weights of a ready-made application, built from code again.

Cause: Keras changes the layers of its applications now and then: one layer more or fewer, and a
file of weights fits no more.

Source: tensorflow/tensorflow issues 55432, 47262; keras-team/keras issues 17199, 18218.
"""

from scenarios.framework import keras

INPUT_SHAPE = (32, 32, 3)


def build_model(variant):
    made = keras.applications
    if variant == "efficient":
        return made.EfficientNetB0(weights=None, input_shape=INPUT_SHAPE, classes=3)
    return made.MobileNetV3Small(weights=None, input_shape=INPUT_SHAPE, alpha=0.35, classes=3)
