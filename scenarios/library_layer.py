"""A layer of a library that holds Keras' layers, read without that library.

Cause: a SavedModel keeps the traced functions of a custom layer and the layers it holds. Without
the class, Keras makes up a layer from them. Where the held layers are made anew from their
configuration, the functions may go on with variables that were never restored. The library
registers its classes under its own package, as KerasHub, TF Ranking and others do; `attention`
holds a MultiHeadAttention, as the report has it. In `imported` and `attention_imported` the reader
imported the library first, which is the correction.

Not reproduced: predictions of an untrained layer. Where a SavedModel loads without the library, a
layer is made up from the traced functions, and its outputs and weights are those that were saved.

Source: keras-team/keras-hub issue 717; alike: tensorflow/ranking issue 252, keras-team/keras issue
17383, tensorflow/tensorflow issue 36883.
"""

import numpy as np

from scenarios.framework import keras, register

_STEPS = 4
_FEATURES = 6
INPUT_SHAPE = (_STEPS, _FEATURES)


@register(package="lib")
class Block(keras.layers.Layer):
    """Two dense layers, made when the block is built."""

    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.hidden = keras.layers.Dense(self.units, activation="tanh", name="hidden")
        self.hidden.build(input_shape)
        self.result = keras.layers.Dense(int(input_shape[-1]), name="result")
        self.result.build(tuple(input_shape[:-1]) + (self.units,))
        super().build(input_shape)

    def call(self, inputs):
        return inputs + self.result(self.hidden(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config


@register(package="lib")
class AttentionBlock(Block):
    """A block with attention before its dense layers."""

    def build(self, input_shape):
        self.attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3, name="attention")
        builder = getattr(self.attention, "_build_from_signature", self.attention.build)
        builder(input_shape, input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return super().call(inputs + self.attention(inputs, inputs))


def build_model(variant):
    layers = keras.layers
    given = layers.Input(shape=INPUT_SHAPE)
    block = AttentionBlock(8) if "attention" in variant else Block(8)
    return keras.models.Model(given, layers.Dense(3)(layers.Flatten()(block(given))))


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model


def custom_objects(variant):
    if "attention" in variant:
        return {"lib>AttentionBlock": AttentionBlock}
    return {"lib>Block": Block}
