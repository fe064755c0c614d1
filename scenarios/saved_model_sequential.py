"""A Sequential model without an input's shape, as a SavedModel.

Cause: its shape is known from the data it was called with alone, and each TensorFlow stores the
traced functions and their Keras metadata in a form of its own. In `nested` the Sequential is
called inside a functional model, as in the report on 2.2 and 2.3: alone it loads.

Source: tensorflow/tensorflow issues 45288, 58485; keras-team/keras issue 17232.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    model = keras.Sequential([keras.layers.Dense(6, activation="relu"), keras.layers.Dense(3)])
    if variant == "nested":
        inputs = keras.Input(INPUT_SHAPE)
        return keras.Model(inputs, model(inputs))
    model.predict(np.zeros((1,) + INPUT_SHAPE, "float32"))
    return model
