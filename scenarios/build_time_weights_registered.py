"""A registered layer whose weight is made in `build`.

Cause: as in `build_time_weights` with the missing class out of the way, for writer and reader
both register it. What then still fails is the fault of the late weight, which is what the
article's claim (registering is the cure) stands or falls with.

The class is the article's: no `get_config`, no name for the weight. The `corrected` variant
has both.

Source: seed 004 (example 3, the registered class).
"""

from scenarios.framework import keras, ops, register

INPUT_SHAPE = (10,)


@register()
class SubclassedLayerRegistered(keras.layers.Layer):
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


@register()
class CorrectedSubclassedLayerRegistered(keras.layers.Layer):
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
        first = CorrectedSubclassedLayerRegistered(16, input_shape=INPUT_SHAPE)
    else:
        first = SubclassedLayerRegistered(32, input_shape=INPUT_SHAPE)
    return keras.Sequential([first, keras.layers.Dense(10, activation="softmax")])


LAYERS = {"": SubclassedLayerRegistered, "corrected": CorrectedSubclassedLayerRegistered}


def custom_objects(variant):
    return {LAYERS[variant].__name__: LAYERS[variant]}
