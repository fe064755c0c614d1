"""A quantized layer, and one with a low-rank addition to its kernel.

Cause: `quantize("int8")` replaces a float kernel by an integer one and a scale, and the
configuration then has another policy of types. `lora` adds two small matrices to the kernel, which
saving adds up. Both are in Keras 3 alone, and each release stores them another way.

Source: keras-team/keras issue 19381, pull request 19711; keras-team/keras-hub pull request 2367.
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (6,)


def build_model(variant):
    layers = keras.layers
    return keras.models.Sequential(
        [layers.Input(shape=INPUT_SHAPE), layers.Dense(8, activation="tanh"), layers.Dense(3)]
    )


def finish_model(model, variant):
    """Return the model with weights that no initializer draws, quantized or extended."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    if variant == "lora":
        for layer in model.layers:
            layer.enable_lora(2)
            shape = layer.lora_kernel_b.shape
            layer.lora_kernel_b.assign(rng.uniform(-1.0, 1.0, size=shape).astype("float32"))
    else:
        model.quantize("int8")
    return model
