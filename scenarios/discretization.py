"""Layers that turn numbers or words into categories.

Cause: Discretization stores `num_bins` and the boundaries it learnt by `adapt`; Keras 3 before 3.9
refuses a configuration with both. In `unadapted` there is nothing learnt yet, in `given` the
boundaries are an argument. `category`, `hashing` and `crossing` are the layers beside it: Hashing
and HashedCrossing have no state, but a salt and a function of the version.

Source: keras-team/keras pull request 20971, issues 20981, 21468; tensorflow/tensorflow issue 41552.
"""

import numpy as np

from scenarios.framework import keras


def inputs(rng, variant):
    if variant == "category":
        return rng.randint(0, 4, size=(8, 1)).astype("int64")
    if variant == "hashing":
        return np.array(["red", "green", "blue", "yellow"])[rng.randint(0, 4, size=(8, 1))]
    if variant == "crossing":
        return [rng.randint(0, 6, size=(8, 1)).astype("int64") for _ in range(2)]
    return rng.uniform(-1.0, 4.0, size=(8, 1)).astype("float32")


def build_model(variant):
    layers = keras.layers
    if variant == "crossing":
        given = [layers.Input(shape=(1,), dtype="int64") for _ in range(2)]
        made = layers.HashedCrossing(num_bins=5, output_mode="one_hot")(given)
    elif variant == "hashing":
        given = layers.Input(shape=(1,), dtype="string")
        made = layers.Hashing(num_bins=5)(given)
    elif variant == "category":
        given = layers.Input(shape=(1,), dtype="int64")
        made = layers.CategoryEncoding(num_tokens=4, output_mode="one_hot")(given)
    else:
        given = layers.Input(shape=(1,))
        made = _discretization(variant)(given)
    if variant in ("category", "crossing"):
        found = made
    else:
        found = layers.Flatten()(layers.Embedding(8, 4)(made))
    return keras.models.Model(given, layers.Dense(3)(found))


def _discretization(variant):
    if variant == "given":
        return keras.layers.Discretization(bin_boundaries=[0.5, 1.5, 2.5])
    made = keras.layers.Discretization(num_bins=4)
    if variant == "":
        made.adapt(np.array([[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]], "float32"))
    return made


def finish_model(model, variant):
    """Give the writer's model weights that tell the categories apart."""
    rng = np.random.RandomState(5)
    for layer in model.layers:
        if type(layer).__name__ in ("Embedding", "Dense"):
            shapes = [weight.shape for weight in layer.get_weights()]
            layer.set_weights([rng.uniform(-1.0, 1.0, size=shape) for shape in shapes])
    return model
