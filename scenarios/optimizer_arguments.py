"""Optimizers with more than a learning rate.

Cause: a file names an optimizer, its arguments and its slots in an order. Arguments came and went
(`decay`, `clipnorm`, `use_ema`, `weight_decay`), and the slots changed their order: in Keras 3.10
those of each kind stood together for some days. In `decay` the count of steps is part of the rate,
and Keras before 2.3 does not store it for RMSprop.

Source: keras-team/keras issue 13027, pull requests 21232, 21247; tensorflow/tensorflow issue 58801.
"""

import inspect

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (6,)


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


def build_model(variant):
    model = keras.models.Sequential(
        [
            keras.layers.Dense(5, activation="tanh", input_shape=INPUT_SHAPE),
            keras.layers.Dense(3),
        ]
    )
    rng = np.random.RandomState(3)
    model.set_weights([rng.uniform(-0.5, 0.5, size=w.shape) for w in model.get_weights()])
    return model


def _make(name, **arguments):
    made = getattr(keras.optimizers, name)
    named = inspect.signature(made.__init__).parameters
    rate = "learning_rate" if "learning_rate" in named else "lr"
    return made(**dict(arguments, **{rate: 0.05}))


def compile_model(model, variant):
    if variant == "decay":
        optimizer = _make("RMSprop", decay=0.5)
    elif variant == "clipnorm":
        optimizer = _make("RMSprop", clipnorm=0.1)
    elif variant == "average":
        optimizer = _make("RMSprop", use_ema=True, ema_momentum=0.5)
    elif variant == "weight_decay":
        optimizer = _make("Nadam", weight_decay=0.1)
    else:
        optimizer = _make({"": "Adamax", "nadam": "Nadam", "adagrad": "Adagrad"}[variant])
    model.compile(optimizer=optimizer, loss="mean_squared_error")
