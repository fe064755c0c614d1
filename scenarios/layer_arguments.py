"""Layers whose stored arguments grew from release to release.

Cause: a newer version writes an argument older ones do not know (`lora_rank`,
`quantization_config`, `use_gate`, `dtype` as an object): within Keras 3, newer files into older
versions.

Source: keras-team/keras issues 21928, 21341.
"""

from scenarios.framework import keras


def inputs(rng, variant):
    if variant == "":
        return rng.randint(0, 9, size=(8, 6)).astype("int32")
    return rng.uniform(size=(8, 6, 4)).astype("float32")


def build_model(variant):
    layers = keras.layers
    made = {
        "": lambda: [layers.Embedding(9, 4, input_shape=(6,))],
        "convolution": lambda: [layers.Conv1D(4, 3, input_shape=(6, 4))],
        "layer_normalization": lambda: [layers.LayerNormalization(input_shape=(6, 4))],
    }
    return keras.Sequential(made[variant]() + [layers.Flatten(), layers.Dense(3)])
