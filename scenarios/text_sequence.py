"""TextVectorization with layers behind it that need its shape.

Cause: a layer of text makes rows of a fixed length. Several versions give the reloaded layer
another shape, or a ragged tensor, and the error names an innocent layer behind it. In
`standardize` the layer calls a function of the user's own; in `letters` the words are beyond ASCII,
and Keras 3 reads them back in the encoding of the machine. In `plain_locale` that is ASCII.

Source: keras-team/keras issues 15443, 15922, 16029, 20314; tensorflow/tensorflow issues 38250,
44199, 45231.
"""

import numpy as np

from scenarios.framework import keras, register

WORDS = ["red", "green", "blue", "yellow"]
LETTERS = ["caf\u00e9", "stra\u00dfe", "\u4f60\u597d", "\u0441\u043b\u043e\u0432\u043e"]


def _words(variant):
    return LETTERS if variant in ("letters", "plain_locale") else WORDS


def inputs(rng, variant):
    words = _words(variant)
    return np.array([[" ".join(row)] for row in np.array(words)[rng.randint(0, 4, size=(8, 3))]])


def as_they_are(texts):
    """Leave the texts alone: a standardizer of the user's own."""
    return texts


def _standardize(variant):
    if variant != "standardize":
        return "lower_and_strip_punctuation"
    return register(package="company")(as_they_are)


def build_model(variant):
    layers = keras.layers
    made = layers.TextVectorization(
        output_mode="int", output_sequence_length=4, standardize=_standardize(variant)
    )
    words = _words(variant)
    made.adapt(np.array([" ".join(words), words[0]]))
    given = layers.Input(shape=(1,), dtype="string")
    found = layers.Conv1D(4, 2)(layers.Embedding(8, 4)(made(given)))
    return keras.models.Model(given, layers.Dense(3)(layers.GlobalMaxPooling1D()(found)))


def finish_model(model, variant):
    """Give the writer's model weights that tell the words apart."""
    rng = np.random.RandomState(5)
    for layer in model.layers:
        if type(layer).__name__ in ("Embedding", "Dense", "Conv1D"):
            shapes = [weight.shape for weight in layer.get_weights()]
            layer.set_weights([rng.uniform(-1.0, 1.0, size=shape) for shape in shapes])
    return model


def custom_objects(variant):
    return {"as_they_are": as_they_are} if variant == "standardize" else {}
