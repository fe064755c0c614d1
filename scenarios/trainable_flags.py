"""Frozen layers and layers with a state of their own.

Cause: `trainable` is stored per layer, and a model's own flag is put over them; dropout has a seed
generator in Keras 3, which is a variable older files do not have.

Source: the Keras guide on transfer learning, which says that the flags are kept.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    layers = keras.layers
    made = [layers.Dense(6, activation="relu", input_shape=INPUT_SHAPE)]
    if variant == "dropout":
        made.append(layers.Dropout(0.5))
    made += [layers.Dense(5), layers.Dense(3)]
    model = keras.Sequential(made)
    if variant == "":
        model.layers[0].trainable = False
    return model
