"""A layer whose weight is made in `build`, from the shape of its input.

Cause: when the layer is made again from its configuration it has no weight yet. It gets one
when the loader builds the model, which needs the input's shape to be in the file, and only
then can the saved values be put in. The article blames this for failing loads; the class is
unregistered as well, so `custom_objects` tells the two causes apart.

The class is the article's: no `get_config`, no name for the weight. The `corrected` variant
has both.

Source: seed 004 (example 3).
"""

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


class SubclassedLayer(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel = None

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)


class CorrectedSubclassedLayer(keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel = None

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer="random_normal",
            trainable=True,
        )
        super().build(input_shape)

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


def build_model(variant):
    if variant == "corrected":
        first = CorrectedSubclassedLayer(16, input_shape=INPUT_SHAPE)
    else:
        first = SubclassedLayer(32, input_shape=INPUT_SHAPE)
    return keras.Sequential([first, keras.layers.Dense(10, activation="softmax")])


def custom_objects(variant):
    layer = CorrectedSubclassedLayer if variant == "corrected" else SubclassedLayer
    return {layer.__name__: layer}
