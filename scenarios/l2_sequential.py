"""A Sequential model with `l2` on its first layer.

Cause: the factor travels in the layer's configuration, not in the weights, and its penalty is
part of the training loss only. A load that lost it would still predict the same; only the
comparison of the losses tells.

Source: seed 001 (example 1), which checks no more than `summary()`.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(
                32,
                activation="relu",
                kernel_regularizer=keras.regularizers.l2(0.01),
                input_shape=INPUT_SHAPE,
            ),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
