"""Custom layers that hold other layers.

Cause: the reader makes the outer layer from its configuration and then looks for weights. Layers
made in the constructor but built by nobody's `build` have none yet ; `built` is the corrected
form. Layers in lists of lists are found in some versions only (`containers`). A layer
handed to the constructor comes back as a dictionary where the class has no `from_config`
(`layer_in_config`).

Source: keras-team/keras issues 18823, 18875 (children not built), 20598, 22362, 22891 (nested
containers).
"""

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


class Block(keras.layers.Layer):
    def __init__(self, units=6, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = keras.layers.Dense(units, activation="relu")
        self.second = keras.layers.Dense(units)

    def call(self, inputs):
        return self.second(self.first(inputs))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config


class BuiltBlock(Block):
    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(tuple(input_shape[:-1]) + (self.units,))
        super().build(input_shape)


class Containers(keras.layers.Layer):
    def __init__(self, units=6, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        dense = keras.layers.Dense
        self.blocks = [[dense(units), dense(units)], [dense(units)]]

    def call(self, inputs):
        for block in self.blocks:
            for layer in block:
                inputs = layer(inputs)
        return inputs

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config


class Residual(keras.layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def build(self, input_shape):
        self.inner.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return inputs + ops.tanh(self.inner(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config["inner"] = self.inner
        return config


_CLASSES = {
    "": Block,
    "built": BuiltBlock,
    "containers": Containers,
    "layer_in_config": Residual,
}


def build_model(variant):
    if variant == "layer_in_config":
        layer = Residual(keras.layers.Dense(6))
    else:
        layer = _CLASSES[variant](6)
    return keras.Sequential(
        [keras.layers.Dense(6, input_shape=INPUT_SHAPE), layer, keras.layers.Dense(3)]
    )


def custom_objects(variant):
    layer = _CLASSES[variant]
    return {layer.__name__: layer}
