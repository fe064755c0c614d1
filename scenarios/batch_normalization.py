"""Batch normalization with moving statistics of its own.

Cause: Keras 2 stores the `axis` of a built layer as a list, Keras 3 wants an integer; the
moving mean and variance are weights that training, not the gradient, changes, and a reader
that leaves them at 0 and 1 predicts something else without a word. `renorm` is an argument
of Keras 2 that older Keras 3 lacks.

In `.keras` the shape of the input, an argument of the first layer in Keras 2, is refused by
Keras 3 before the axis is; `input_layer` puts an `Input` before the layers.

Not reproduced: in `h5` no reader stops at the axis. What Keras 3 cannot read of these files, it
refuses for the arguments of the input before it comes to the axis; the other files come back as
they were. Nor was any moving statistic lost. The report on `renorm` is of a file older than the
versions measured here; what TensorFlow 1.15 writes, 2.3 and 2.15 read back as it was.

Source: keras-team/keras issue 20973; tensorflow/tensorflow issues 32398, 56556.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (8, 8, 3)


def build_model(variant):
    layers = keras.layers
    options = {"renorm": True} if variant == "renorm" else {}
    model = keras.Sequential(
        [
            *_first(layers, variant),
            layers.BatchNormalization(**options),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    # As after some training: neither zeros nor ones.
    rng = np.random.RandomState(7)
    normalization = next(each for each in model.layers if "batch_norm" in each.name)
    normalization.set_weights(
        [rng.uniform(0.5, 1.5, size=w.shape).astype("float32") for w in normalization.get_weights()]
    )
    return model


def _first(layers, variant):
    if variant == "input_layer":
        return [layers.Input(shape=INPUT_SHAPE), layers.Conv2D(4, 3)]
    return [layers.Conv2D(4, 3, input_shape=INPUT_SHAPE)]
