"""A model made for a device that the reader does not have.

Cause: TensorFlow can write into a graph where an operation shall run. The article fears that
a model from a GPU build does not load in a CPU-only one. A `with device(...)` around the
construction of layers leaves nothing in a configuration, nor (looked up in TensorFlow 2.15 and
Keras 3.15) in the graph that is traced when the model is saved. The `in_call` variant enters
the device inside a layer's `call`: there the MatMul and Relu of `saved_model` and `export` do
name `/device:GPU:0`.

What it cannot show: the writer has no GPU either. It asks for `/GPU:0` and TensorFlow, allowed
to, places it on the CPU; kernels, layouts and libraries of a real GPU are not exercised. On
JAX and PyTorch the request itself is refused.

Source: seed 003 (its section on hardware; example 2 loads under `/CPU:0`).
"""

from scenarios.framework import device, keras, ops

INPUT_SHAPE = (10,)
DEVICE = "/GPU:0"


class PlacedLayer(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            name="w",
            shape=(input_shape[-1], self.units),
            initializer="random_normal",
            trainable=True,
        )
        super().build(input_shape)

    def call(self, inputs):
        with device(DEVICE):
            return ops.relu(ops.matmul(inputs, self.w))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


def build_model(variant):
    if variant == "in_call":
        first = PlacedLayer(16, input_shape=INPUT_SHAPE)
        return keras.Sequential([first, keras.layers.Dense(4)])
    with device(DEVICE):
        return keras.Sequential(
            [
                keras.layers.Dense(16, activation="relu", input_shape=INPUT_SHAPE),
                keras.layers.Dense(4),
            ]
        )


def custom_objects(variant):
    return {"PlacedLayer": PlacedLayer} if variant == "in_call" else {}
