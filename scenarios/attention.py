"""Attention layers.

Cause: Keras 2 stores `causal` with Attention, which became an argument of the call; multi-head
attention keeps its projections' weights in layers of its own, whose paths in the file changed,
and newer Keras 3 stores arguments older ones do not know.

Source: keras-team/keras issues 22180, 20083.
"""

from scenarios.framework import keras

INPUT_SHAPE = (6, 4)


def build_model(variant):
    layers = keras.layers
    inputs = layers.Input(shape=INPUT_SHAPE)
    if variant == "multi_head":
        attended = layers.MultiHeadAttention(num_heads=2, key_dim=3)(inputs, inputs)
    else:
        attended = layers.Attention()([inputs, inputs])
    return keras.models.Model(inputs, layers.Dense(3)(layers.Flatten()(attended)))
