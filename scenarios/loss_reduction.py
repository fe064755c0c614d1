"""A loss that is summed, and a loss and a metric given as functions.

Cause: legacy H5 keeps `compile`'s arguments as JSON. A loss object carries its `reduction`, whose
default was renamed while `sum` kept its name. TensorFlow 2.15 also stores the function the loss
wraps (`fn`), which TensorFlow 2.12 and Keras 3 refuse. A function of the framework's own is
wrapped in an object by `compile` (`functions`) and stored as its name. Keras 3 cannot train what
it loaded from H5, not even its own file: there the case ends at the first step.

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
        model.compile(
            optimizer=optimizer,
            loss=losses.mean_squared_error,
            metrics=[losses.mean_absolute_error],
        )
    else:
        model.compile(optimizer=optimizer, loss=losses.MeanSquaredError(reduction="sum"))
