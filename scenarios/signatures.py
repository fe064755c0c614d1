"""A model whose inputs and outputs have names and types of their own.

Cause: programs that serve a model call it by the names of its signature, with the types that it
says. Formats and versions keep the names of layers, or number the outputs, or make one type of all
inputs. In `dict` the outputs are returned under names that are not those of the layers.

Source: keras-team/keras issues 19458, 20835; tensorflow/tensorflow issues 69307, 48157.
"""

from scenarios.framework import keras


def inputs(rng, variant):
    return [
        rng.uniform(size=(8, 4)).astype("float32"),
        rng.randint(0, 6, size=(8, 2)).astype("int32"),
    ]


def build_model(variant):
    layers = keras.layers
    numbers = layers.Input(shape=(4,), name="zulu")
    words = layers.Input(shape=(2,), name="alpha", dtype="int32")
    found = layers.Flatten()(layers.Embedding(6, 3)(words))
    foo, bar = layers.Dense(1, name="foo")(numbers), layers.Dense(2, name="bar")(found)
    outputs = {"score": foo, "label": bar} if variant == "dict" else [foo, bar]
    return keras.models.Model([numbers, words], outputs)
