"""Dense layers and nothing else: the control.

Cause: none but the two versions themselves. What fails here is a mismatch of versions and not
the fault of a model, so every other scenario is read against this one. Left uncompiled; the
same layers with training behind them are `compile_state`. The `functional` variant writes the
same model with the functional API, whose class name and graph are stored differently.

Source: seeds 002 (example 2), 003 (example 2) and 004 (example 1).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    hidden = keras.layers.Dense(32, activation="relu")
    head = keras.layers.Dense(4, activation="sigmoid")
    if variant == "functional":
        inputs = keras.layers.Input(shape=INPUT_SHAPE)
        return keras.models.Model(inputs=inputs, outputs=head(hidden(inputs)))
    return keras.Sequential([hidden, head])
