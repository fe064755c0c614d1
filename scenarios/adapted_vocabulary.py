"""A vocabulary learnt by `adapt`, in formats that have no place for it.

Cause: `adapt` puts the words into a table beside the variables. HDF5 stores variables and the
configuration, where `vocabulary` is null. In `text` the layer is TextVectorization, in `given` the
words are an argument, which the configuration keeps.

Keras 2 refuses to write an adapted layer into HDF5. Keras 3 writes the file without the words: it
loads, and the first call fails. Not reproduced: a Keras 2 file of this kind, though there are some.

Source: keras-team/keras issue 18376; tensorflow/text issue 210 (TensorFlow 2.1 refuses to save).
"""

import numpy as np

from scenarios.framework import keras

WORDS = ["red", "green", "blue", "yellow"]


def inputs(rng, variant):
    words = np.array(WORDS)[rng.randint(0, 4, size=(8, 3))]
    if variant == "text":
        return np.array([[" ".join(row)] for row in words])
    return words


def build_model(variant):
    """Return a model whose table has its words, as the file should have them."""
    layers = keras.layers
    if variant == "text":
        made = layers.TextVectorization(output_mode="int", output_sequence_length=3)
        made.adapt(np.array([" ".join(WORDS), WORDS[0]]))
        given = layers.Input(shape=(1,), dtype="string")
    else:
        given = layers.Input(shape=(3,), dtype="string")
        if variant == "given":
            made = layers.StringLookup(vocabulary=WORDS)
        else:
            made = layers.StringLookup()
            made.adapt(np.array([WORDS + WORDS[:1]]))
    found = layers.Embedding(8, 4)(made(given))
    return keras.models.Model(given, layers.Dense(3)(layers.Flatten()(found)))


def finish_model(model, variant):
    """Give the embedding rows that tell the words apart."""
    rng = np.random.RandomState(5)
    for layer in model.layers:
        if type(layer).__name__ in ("Embedding", "Dense"):
            shapes = [weight.shape for weight in layer.get_weights()]
            layer.set_weights([rng.uniform(-1.0, 1.0, size=shape) for shape in shapes])
    return model
