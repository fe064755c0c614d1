"""`l1_l2` made in the constructor of a custom layer.

Cause: the layer holds a Dense with a regularizer of its own making. The file names the
custom class and its `units`; the regularizer is nowhere in it and comes back only because the
constructor makes it again. Whoever loads needs the class, and whoever changes the constant in
the constructor changes the loss of every old file. The Dense inside is not built by the
layer's own `build`, so where weights are restored before the first call there is nothing to
put them into.

The `corrected` variant takes the regularizer as an argument, writes it into its
configuration and builds its Dense itself.

Source: seed 000 (example 2, with its advice to pass `custom_objects` and to prefer SavedModel).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


class CustomDense(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_regularizer = keras.regularizers.l1_l2(l1=0.01, l2=0.01)
        self.dense = keras.layers.Dense(
            units=units, activation="relu", kernel_regularizer=self.kernel_regularizer
        )

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


class CorrectedDense(keras.layers.Layer):
    def __init__(self, units, kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.dense = keras.layers.Dense(
            units=units, activation="relu", kernel_regularizer=self.kernel_regularizer
        )

    def build(self, input_shape):
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1]) + (self.units,)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "units": self.units,
                "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            }
        )
        return config


def build_model(variant):
    if variant == "corrected":
        regularizer = keras.regularizers.l1_l2(l1=0.01, l2=0.01)
        custom = CorrectedDense(32, kernel_regularizer=regularizer, input_shape=INPUT_SHAPE)
    else:
        custom = CustomDense(32, input_shape=INPUT_SHAPE)
    return keras.Sequential([custom, keras.layers.Dense(10, activation="softmax")])


def custom_objects(variant):
    layer = CorrectedDense if variant == "corrected" else CustomDense
    return {layer.__name__: layer}
