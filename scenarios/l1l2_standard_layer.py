"""`l1_l2` on layers that Keras ships.

Cause: a regularizer is stored as a class name and its factors inside the layer's
configuration; the name (`L1L2`, `L1`, `L2`) and the way it is wrapped differ between versions.
Left uncompiled so that nothing but the regularizer is at issue; what is compared is the
regularization loss. The `conv2d` variant puts one on a convolution's kernel and on its bias
(made of ones, for a bias of zeros has no loss to lose).

Source: seed 000 (example 1, and its remark on `Conv2D` and `bias_regularizer`).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def _dense_model():
    return keras.Sequential(
        [
            keras.layers.Dense(
                32,
                activation="relu",
                kernel_regularizer=keras.regularizers.l1_l2(l1=0.01, l2=0.01),
                input_shape=INPUT_SHAPE,
            ),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def _conv2d_model():
    return keras.Sequential(
        [
            keras.layers.Conv2D(
                4,
                (3, 3),
                kernel_regularizer=keras.regularizers.l1_l2(l1=0.01, l2=0.02),
                bias_initializer="ones",
                bias_regularizer=keras.regularizers.l1_l2(l1=0.03, l2=0.04),
                input_shape=(6, 6, 3),
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ]
    )


def inputs(rng, variant):
    shape = (6, 6, 3) if variant == "conv2d" else INPUT_SHAPE
    return rng.uniform(size=(8,) + shape).astype("float32")


def build_model(variant):
    return _conv2d_model() if variant == "conv2d" else _dense_model()
