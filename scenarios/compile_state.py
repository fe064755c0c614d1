"""A trained model: optimizer with its state, loss and metrics.

Cause: beside architecture and weights a file holds the arguments of `compile` and the
optimizer's slots. Names of losses, argument names of optimizers and the layout of the slots
changed between versions: a load can refuse them, or drop them and go on with a fresh
optimizer. The learning rates are large and the optimizers have a memory (Adam's moments,
SGD's momentum), so a lost state shows in the very next training step.

Variants: none is Adam with a loss and a metric by full name; `mse_mae_strings` has the
abbreviations `'mse'` and `'mae'`, which legacy H5 keeps as written and some readers cannot
look up (`custom_objects` is the way out people pass on); `objects` gives loss, metric and
optimizer as objects.

Source: seeds 002 (example 3, the abbreviations) and 003 (example 2); keras-team/keras #19330.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    model = keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", input_shape=INPUT_SHAPE),
            keras.layers.Dense(4, activation="sigmoid"),
        ]
    )
    # "accuracy" can come back as another kind of accuracy. With these weights no two kinds agree
    # on the eight samples; with random ones they do at times, and the change would go unseen.
    rng = np.random.RandomState(3)
    model.set_weights([rng.uniform(-0.5, 0.5, size=w.shape) for w in model.get_weights()])
    return model


def compile_model(model, variant):
    if variant == "mse_mae_strings":
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse", metrics=["mae"]
        )
    elif variant == "objects":
        model.compile(
            optimizer=keras.optimizers.SGD(learning_rate=0.05, momentum=0.9),
            loss=keras.losses.MeanSquaredError(),
            metrics=[keras.metrics.MeanAbsoluteError()],
        )
    else:
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate=0.01),
            loss="binary_crossentropy",
            metrics=["accuracy"],
        )


def custom_objects(variant):
    """Return what is passed around for the abbreviations; nothing here is custom."""
    if variant == "mse_mae_strings":
        return {
            "mse": keras.losses.mean_squared_error,
            "mae": keras.metrics.mean_absolute_error,
        }
    return {}


def targets(rng, variant):
    return rng.randint(0, 2, size=(8, 4)).astype(np.float32)
