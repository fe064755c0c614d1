"""Settings of layers that show in training alone: constraints and seeds.

Cause: they stand in the configuration, under class names and arguments that changed. What is lost
changes no output. In `seeds` layers have a seed, in `recurrent_seed` a SimpleRNN has one for its
dropout, here weights have constraints. Not compared: how far a generator has drawn since.

Source: keras-team/keras issues 19796, 23657; rstudio/keras3 issue 381.
"""

from scenarios.framework import keras

INPUT_SHAPE = (4,)


def build_model(variant):
    layers = keras.layers
    given = layers.Input(shape=INPUT_SHAPE)
    if variant == "seeds":
        made = layers.GaussianNoise(0.5)(layers.Dropout(0.5, seed=7)(layers.Dense(6)(given)))
        return keras.models.Model(given, layers.Dense(3)(made))
    if variant == "recurrent_seed":
        made = layers.SimpleRNN(5, dropout=0.5, seed=7)(layers.Reshape((4, 1))(given))
        return keras.models.Model(given, layers.Dense(3)(made))
    constraints = keras.constraints
    made = layers.Dense(6, kernel_constraint=constraints.MaxNorm(1.5, axis=1))(given)
    made = layers.Dense(4, kernel_constraint=constraints.NonNeg())(made)
    made = layers.Dense(3, kernel_constraint=constraints.UnitNorm(axis=1))(made)
    return keras.models.Model(given, made)
