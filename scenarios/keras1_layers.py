"""Layers and arguments of Keras 1.

Cause: Keras 2 renamed the layers and their arguments (`Convolution2D`, `border_mode`,
`dim_ordering`, `output_dim`) and kept converters for files of Keras 1; later versions dropped them.
In `merge` the model adds two branches with the layer Merge, in `modes` a BatchNormalization has its
`mode`.

Source: keras-team/keras issues 6382, 10377, 5680.
"""

import numpy as np

from scenarios.framework import keras


def inputs(rng, variant):
    shape = (6,) if variant == "merge" else (6, 6, 3)
    return rng.uniform(-1.0, 1.0, size=(8,) + shape).astype("float32")


def build_model(variant):
    layers = keras.layers
    if variant == "merge":
        given = layers.Input(shape=(6,))
        branches = [layers.Dense(4)(given), layers.Dense(4, activation="tanh")(given)]
        return keras.models.Model(given, layers.Dense(3)(layers.Merge(mode="sum")(branches)))
    convolution = layers.Convolution2D(
        4, 3, 3, border_mode="valid", dim_ordering="tf", input_shape=(6, 6, 3)
    )
    made = [convolution]
    if variant == "modes":
        made.append(layers.BatchNormalization(mode=0, epsilon=1e-3))
    return keras.models.Sequential(made + [layers.Flatten(), layers.Dense(3)])


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(0.1, 1.0, size=w.shape) for w in model.get_weights()])
    return model
