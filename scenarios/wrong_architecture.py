"""A file of weights, and code that has changed since it was written.

Cause: a file of weights says little about the model it belongs to. Legacy H5 counts layers and
goes by their order, the newer layout by names of classes with a running number, a checkpoint by
the path of each object: what they compare, they refuse; what they do not, they load into the wrong
place. The writer's model has one layer more than the code the reader has; `weight_count`: biases
the code no longer has; `order`: the same layers in another order, with the same shapes;
`other_units`: a layer of another width.

No load can give back what was saved, so the question is whether the reader is told: `diverged`
means that it was not.

Source: keras-team/keras issues 10265, 21404 (mismatches that are not reported, or always are).
"""

from scenarios.framework import keras

INPUT_SHAPE = (8,)


def build_model(variant):
    """Return the model of the reader's code."""
    layers = keras.layers
    if variant == "weight_count":
        made = [layers.Dense(8, use_bias=False, input_shape=INPUT_SHAPE), layers.Dense(3)]
    elif variant == "order":
        made = [
            layers.Dense(8, activation="tanh", input_shape=INPUT_SHAPE),
            layers.Dense(8, activation="relu"),
        ]
    else:
        made = [layers.Dense(8, input_shape=INPUT_SHAPE), layers.Dense(3)]
    return keras.Sequential(made)


def finish_model(model, variant):
    """Return the model of the writer's code, which is what is saved."""
    layers = keras.layers
    # The layers' running numbers start anew, as in the program of another day.
    keras.backend.clear_session()
    if variant == "weight_count":
        made = [layers.Dense(8, input_shape=INPUT_SHAPE), layers.Dense(3)]
    elif variant == "order":
        made = [
            layers.Dense(8, activation="relu", input_shape=INPUT_SHAPE),
            layers.Dense(8, activation="tanh"),
        ]
    elif variant == "other_units":
        made = [layers.Dense(8, input_shape=INPUT_SHAPE), layers.Dense(5)]
    else:
        made = [
            layers.Dense(8, input_shape=INPUT_SHAPE),
            layers.Dense(8),
            layers.Dense(3),
        ]
    return keras.Sequential(made)
