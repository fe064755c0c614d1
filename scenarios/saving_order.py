"""A model that is saved to H5 before it is saved to `.keras`.

Cause: saving to legacy H5 can change the live model (it writes the optimizer's learning rate back
into its configuration), and what is saved next is no longer what was trained.

Source: keras-team/keras pull request 23475.
"""

import tempfile

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


def build_model(variant):
    return keras.Sequential([keras.layers.Dense(3, input_shape=INPUT_SHAPE)])


def compile_model(model, variant):
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.07, momentum=0.8, nesterov=True),
        loss="mean_squared_error",
    )


def finish_model(model, variant):
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder + "/first.h5")
    return model
