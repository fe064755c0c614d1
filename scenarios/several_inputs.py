"""A model with two inputs of one shape, given as a list, a tuple or a dict.

Cause: the structure of the inputs is stored since Keras 3 alone, and a tuple comes back as a list.
Names and order differ on purpose: inputs that are exchanged give other outputs, and no error. In
`dict` the inputs are given by name, in `tuple` as a tuple.

Source: tensorflow/tensorflow issue 82372.
"""

from scenarios.framework import keras


def inputs(rng, variant):
    first, second = (rng.uniform(size=(8, 4)).astype("float32") for _ in range(2))
    if variant == "dict":
        return {"zulu": first, "alpha": second}
    return (first, second) if variant == "tuple" else [first, second]


def build_model(variant):
    layers = keras.layers
    first, second = layers.Input(shape=(4,), name="zulu"), layers.Input(shape=(4,), name="alpha")
    made = layers.Dense(3)(layers.Concatenate()([first, second]))
    if variant == "dict":
        return keras.models.Model({"zulu": first, "alpha": second}, made)
    return keras.models.Model((first, second) if variant == "tuple" else [first, second], made)
