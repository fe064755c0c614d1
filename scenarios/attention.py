"""Attention layers.

Cause: Keras 2 up to TensorFlow 2.9 stores `causal` with Attention, which became an argument of
the call. `score_mode`, the string "dot", is taken by the loader of legacy H5 for the name of a
function and replaced by it, which Keras 3.14 and later refuse, their own files included.
Multi-head attention keeps its projections' weights in layers of its own, whose paths in the file
changed; Keras 2 stores the shapes of its inputs, and newer Keras 3 arguments (`use_gate`,
`sliding_window`) older ones do not know.

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
