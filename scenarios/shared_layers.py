"""A layer that is called twice.

Cause: the graph is put together call by call. Where a layer's second call waits for a layer between
its two calls, several versions give up too early. In `siamese` an inner model is called on two
inputs.

Source: keras-team/keras issues 20307, 13324, 10608, 13465.
"""

from scenarios.framework import keras


def inputs(rng, variant):
    made = [rng.uniform(size=(8, 10)).astype("float32") for _ in range(2)]
    return made if variant == "siamese" else made[:1]


def build_model(variant):
    layers = keras.layers
    first = layers.Input(shape=(10,))
    if variant == "siamese":
        second = layers.Input(shape=(10,))
        inner = keras.Sequential([layers.Dense(6, activation="tanh", input_shape=(10,))])
        made = layers.Dense(3)(layers.Subtract()([inner(first), inner(second)]))
        return keras.models.Model([first, second], made)
    twice = layers.Dense(10, activation="tanh")
    return keras.models.Model(first, twice(layers.Dense(10)(twice(first))))
