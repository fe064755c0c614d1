"""Architecture from its JSON, weights from a file of their own.

Cause: where `load_model` gives up, a model can be put together from `model_from_json` and
`load_weights`. The JSON is as much a child of its version as the file is, and weights are
matched by position or by path, so the fallback has limits of its own. (The article parses the
JSON before it hands it to `model_from_json`; that function wants the text.)

The `regularizer_not_in_architecture` variant is the article's premise, an architecture that
lacks the regularizer: it is taken off the layer after its loss was made, so the writer trains
with a penalty that no file mentions.

Source: seed 001 (example 3).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    inputs = keras.layers.Input(shape=INPUT_SHAPE)
    hidden = keras.layers.Dense(
        32,
        activation="relu",
        kernel_regularizer=keras.regularizers.l2(0.01),
        name="regularized",
    )(inputs)
    outputs = keras.layers.Dense(10, activation="softmax")(hidden)
    return keras.models.Model(inputs=inputs, outputs=outputs)


def finish_model(model, variant):
    if variant == "regularizer_not_in_architecture":
        model.get_layer("regularized").kernel_regularizer = None
    return model
