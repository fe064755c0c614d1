"""A model fine-tuned in another float precision.

Cause: a weight's type is stored twice, with the values and as each layer's `dtype` (a name, or
a policy that newer versions write as an object). A reader that misses the second makes
float32 weights and casts the values into them without a word; one that cannot read it fails.

Variants: none holds float16 weights throughout; `mixed_policy` computes in float16 and keeps
its weights in float32 (`mixed_float16`), where `compile` also wraps the optimizer for loss
scaling. TensorFlow 1.15 and Keras 2.3 have no such policy for a layer, and Keras 2.3 trains in
one precision for the whole program (`set_floatx`), so it writes neither.

Source: seed 003 (its remark on data types after fine-tuning with another precision).
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def inputs(rng, variant):
    dtype = np.float32 if variant == "mixed_policy" else np.float16
    return rng.uniform(size=(8,) + INPUT_SHAPE).astype(dtype)


def build_model(variant):
    dtype = "mixed_float16" if variant == "mixed_policy" else "float16"
    return keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", dtype=dtype, input_shape=INPUT_SHAPE),
            keras.layers.Dense(4, dtype=dtype),
        ]
    )


def compile_model(model, variant):
    # Not Adam: its epsilon of 1e-7 is next to nothing in float16.
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.05, momentum=0.9),
        loss="mean_squared_error",
    )


def targets(rng, variant):
    dtype = np.float32 if variant == "mixed_policy" else np.float16
    return rng.uniform(size=(8, 4)).astype(dtype)
