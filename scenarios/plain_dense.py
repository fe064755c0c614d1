"""Dense layers and nothing else: the control.

Cause: none but the two versions themselves. What fails here is a mismatch of versions and not
the fault of a model, so every other scenario is read against this one. Left uncompiled; the
same layers with training behind them are `compile_state`.

The input's shape is an argument of the first layer, which every version takes. The
`input_layer` variant declares it with an `Input` of its own inside the Sequential (Keras 2.3
refuses that); the `functional` variant writes the same model with the functional API, whose
class name and graph are stored differently.

Source: seeds 002 (example 2), 003 (example 2) and 004 (example 1).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    head = keras.layers.Dense(4, activation="sigmoid")
    if variant == "":
        first = keras.layers.Dense(32, activation="relu", input_shape=INPUT_SHAPE)
        return keras.Sequential([first, head])
    inputs = keras.layers.Input(shape=INPUT_SHAPE)
    hidden = keras.layers.Dense(32, activation="relu")
    if variant == "input_layer":
        return keras.Sequential([inputs, hidden, head])
    return keras.models.Model(inputs=inputs, outputs=head(hidden(inputs)))
