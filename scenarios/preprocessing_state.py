"""Layers whose state is learnt by `adapt`, not by training.

Cause: mean, variance and vocabulary are not weights of the usual kind: legacy H5 may lose them, and
the vocabulary of `lookup` (numbers), `strings` and `text` lives in a table outside the variables.
A loaded layer can know its table and no longer its vocabulary, which shows when it is saved once
more (`saved_again`). In `unadapted` the reader's code makes the layer without a vocabulary, which
a checkpoint is then expected to bring.

Not reproduced: a vocabulary that is lost without a word. Where `lookup`, `strings` and `text` load,
their tables are whole, also when the SavedModel is saved once more; where a vocabulary is missing,
the loading stops.

Source: keras-team/keras issues 20168 (Normalization), 18376, 15508; tensorflow/tensorflow issues
61369, 56054 (vocabularies).
"""

import tempfile

import numpy as np

from scenarios.framework import keras

WORDS = ["red", "green", "blue", "yellow"]


def inputs(rng, variant):
    if variant == "":
        return rng.uniform(5.0, 9.0, size=(8, 4)).astype("float32")
    if variant == "lookup":
        return rng.randint(0, 6, size=(8, 4)).astype("int64")
    words = np.array(WORDS + ["purple"])[rng.randint(0, 5, size=(8, 2))]
    return np.char.add(words[:, :1], " " + WORDS[0]) if variant == "text" else words


def build_model(variant):
    layers = keras.layers
    rng = np.random.RandomState(3)
    if variant == "":
        made = layers.Normalization()
        made.adapt(rng.uniform(4.0, 10.0, size=(64, 4)).astype("float32"))
        given = layers.Input(shape=(4,))
    elif variant == "unadapted":
        given = layers.Input(shape=(2,), dtype="string")
        found = layers.Embedding(6, 4)(layers.StringLookup()(given))
        return keras.models.Model(given, layers.Dense(3)(layers.Flatten()(found)))
    elif variant in ("strings", "saved_again"):
        made = layers.StringLookup(vocabulary=WORDS, output_mode="multi_hot")
        given = layers.Input(shape=(2,), dtype="string")
    elif variant == "text":
        made = layers.TextVectorization(output_mode="multi_hot")
        made.adapt(np.array([" ".join(WORDS), WORDS[0]]))
        given = layers.Input(shape=(1,), dtype="string")
    else:
        made = layers.IntegerLookup(vocabulary=[2, 3, 5, 7], output_mode="multi_hot")
        given = layers.Input(shape=(4,), dtype="int64")
    return keras.models.Model(given, layers.Dense(3)(made(given)))


def finish_model(model, variant):
    if variant == "unadapted":
        model.layers[1].adapt(np.array(WORDS))
    elif variant == "saved_again":
        with tempfile.TemporaryDirectory() as folder:
            model.save(folder + "/first", save_format="tf")
            return keras.models.load_model(folder + "/first")
    return model
