"""An L2 factor in a model that computes in double precision.

Cause: a factor of 0.01 is a Python float. A version that takes it through float32 has
0.009999999776 instead, and the loss changes in its eighth digit: too little to see in float32,
so this model is float64 and compared to the tenth digit. JAX has no float64 unless it is asked
for, and on PyTorch such a layer's outputs are right to seven digits only: neither writes it.

The report is on what 3.14.0 writes. Measured with 3.14.1 and 3.15: the file has the factor as it
was given, but the loss is computed with the other one, so it differs between 3.13 and 3.14 in
both directions.

Source: keras-team/keras issue 22438.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def inputs(rng, variant):
    # Numbers that float32 has too: Keras 3 keeps its inputs so, whatever the layers compute in.
    return rng.uniform(size=(8,) + INPUT_SHAPE).astype("float32")


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(
                6,
                dtype="float64",
                kernel_regularizer=keras.regularizers.l2(0.01),
                input_shape=INPUT_SHAPE,
            ),
            keras.layers.Dense(3, dtype="float64"),
        ]
    )
