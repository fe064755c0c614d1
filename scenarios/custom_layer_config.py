"""What a custom layer puts into its configuration.

Cause: a configuration is stored as JSON. A NumPy scalar is no JSON everywhere, an object without a
configuration of its own never is (`object`), and a layer that reads `dtype` from its configuration
gets a string from older files and a policy object from Keras 3.4 on (`dtype`).

Source: keras-team/keras issues 2333 (NumPy scalars), 19711 (dtype policies).
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (10,)


class Scaled(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * float(self.factor)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config["factor"] = self.factor
        return config


class Factor:
    """A value with no configuration of its own."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return self.value


class ReadsDtype(keras.layers.Layer):
    def __init__(self, factor=2.0, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.factor = factor
        self.bits = int(str(dtype)[len("float") :])

    def call(self, inputs):
        return inputs * (self.factor * self.bits)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config["factor"] = self.factor
        return config


def build_model(variant):
    made = {
        "": lambda: Scaled(np.float32(1.5)),
        "object": lambda: Scaled(Factor(1.5)),
        "dtype": ReadsDtype,
    }
    return keras.Sequential(
        [keras.layers.Dense(6, input_shape=INPUT_SHAPE), made[variant](), keras.layers.Dense(3)]
    )


def custom_objects(variant):
    layer = ReadsDtype if variant == "dtype" else Scaled
    return {layer.__name__: layer}
