"""A stateful recurrent layer, saved in the middle of a sequence.

Cause: the state that the layer goes on from is no weight. Where a format leaves it out, the loaded
model begins anew: other outputs for the next piece of the sequence, and no error. In `gru` the
layer has one state, here it has two.

Source: keras-team/keras issue 4379, pull request 7024.
"""

import numpy as np

from scenarios.framework import keras


def inputs(rng, variant):
    return rng.uniform(-1.0, 1.0, size=(8, 4, 3)).astype("float32")


def build_model(variant):
    layers = keras.layers
    layer = layers.GRU if variant == "gru" else layers.LSTM
    # A state is kept for each sample of the batch, which therefore has a fixed size.
    given = layers.Input(batch_shape=(8, 4, 3))
    return keras.models.Model(given, layers.Dense(3)(layer(5, stateful=True)(given)))


def finish_model(model, variant):
    """Go on to the middle of the sequence, with weights that carry a state far."""
    rng = np.random.RandomState(11)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    model.predict(rng.uniform(-1.0, 1.0, size=(8, 4, 3)).astype("float32"), batch_size=8)
    return model
