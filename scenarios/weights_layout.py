"""Two layers of one class, whose weights are told apart by their place in the file alone.

Cause: the new layout of weights names a layer's group by its class and a running number, and the
numbering changed from TensorFlow 2.13 to 2.14 and 2.15.

Source: keras-team/keras issue 18830; tensorflow/tensorflow issue 62363; tf-keras issue 664.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    if variant == "one":
        return keras.Sequential([keras.layers.Dense(3, input_shape=INPUT_SHAPE)])
    return keras.Sequential(
        [
            keras.layers.Dense(6, input_shape=INPUT_SHAPE),
            keras.layers.Dense(6),
            keras.layers.Dense(3),
        ]
    )
