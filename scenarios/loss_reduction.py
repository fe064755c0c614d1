"""A loss that is summed, and a loss and a metric given as functions.

Cause: legacy H5 keeps `compile`'s arguments as JSON. A loss object carries its `reduction`, whose
other values were renamed while `sum` kept its name: a reader that falls back to the default
trains on without a word, with gradients smaller by the size of the batch. A function of the
framework's own is wrapped in an object by `compile` (`functions`) and stored as its name.

Source: keras-team/keras issue 19330; tensorflow/tensorflow issue 70263.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(6, activation="relu", input_shape=INPUT_SHAPE),
            keras.layers.Dense(3),
        ]
    )


def compile_model(model, variant):
    losses = keras.losses
    # Plain SGD has no slots: what differs is the loss's doing.
    optimizer = keras.optimizers.SGD()
    if variant == "functions":
        model.compile(optimizer, losses.mean_squared_error, [losses.mean_absolute_error])
    else:
        model.compile(optimizer, losses.MeanSquaredError(reduction="sum"))
