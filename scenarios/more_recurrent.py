"""Recurrent layers beside LSTM and GRU, and their arguments.

Cause: Keras 2 stores `time_major` with them, as with LSTM; a cell, a stack of cells and a
convolution each keep their weights at another depth.

Source: tensorflow/tensorflow issue 31300.
"""

import numpy as np

from scenarios.framework import keras

_SAMPLES = 8
_STEPS = 3


def inputs(rng, variant):
    shape = (4, 4, 2) if variant == "convolution" else (5,)
    return rng.uniform(-1.0, 1.0, size=(_SAMPLES, _STEPS) + shape).astype("float32")


def build_model(variant):
    layers = keras.layers
    if variant == "convolution":
        given = layers.Input(shape=(_STEPS, 4, 4, 2))
        found = layers.Flatten()(layers.ConvLSTM2D(2, (3, 3), padding="same")(given))
    else:
        given = layers.Input(shape=(_STEPS, 5))
        found = _simple(variant)(given)
    return keras.models.Model(given, layers.Dense(3)(found))


def _simple(variant):
    layers = keras.layers
    if variant == "stacked":
        return layers.RNN([layers.SimpleRNNCell(4), layers.SimpleRNNCell(3)])
    if variant == "backwards":
        return layers.SimpleRNN(4, go_backwards=True)
    if variant == "summed":
        return layers.Bidirectional(layers.SimpleRNN(4), merge_mode="sum")
    return layers.SimpleRNN(4)


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model
