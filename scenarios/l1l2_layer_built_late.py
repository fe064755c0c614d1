"""`l1_l2` held as a member; the Dense that uses it is made in `build`.

Cause: until `build` ran the layer has no Dense, and after `build` that Dense still has no
weights: those appear at the first call. A loader that restores weights between the two has
nowhere to put them. The regularizer is a constant of the class and not in the file.

Variants: `corrected` takes the regularizer as an argument, writes it into its configuration
and builds the Dense within its own `build`; `factors_lost` is the corrected layer with the
factors as arguments and without them in `get_config`, so they fall back to the defaults
without an error. That last one is ours: a constant is nothing a configuration could lose.

Source: seed 000 (example 3).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


class LateDense(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.regularizer = keras.regularizers.l1_l2(l1=0.01, l2=0.01)

    def build(self, input_shape):
        self.dense = keras.layers.Dense(
            units=self.units, activation="relu", kernel_regularizer=self.regularizer
        )
        super().build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


class CorrectedLateDense(keras.layers.Layer):
    def __init__(self, units, regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape):
        self.dense = keras.layers.Dense(
            units=self.units, activation="relu", kernel_regularizer=self.regularizer
        )
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
                "regularizer": keras.regularizers.serialize(self.regularizer),
            }
        )
        return config


class FactorsLostDense(CorrectedLateDense):
    def __init__(self, units, l1=0.01, l2=0.01, **kwargs):
        super().__init__(units, regularizer=keras.regularizers.l1_l2(l1=l1, l2=l2), **kwargs)

    def get_config(self):
        config = super().get_config()
        del config["regularizer"]
        return config


def build_model(variant):
    if variant == "corrected":
        regularizer = keras.regularizers.l1_l2(l1=0.01, l2=0.01)
        custom = CorrectedLateDense(32, regularizer=regularizer, input_shape=INPUT_SHAPE)
    elif variant == "factors_lost":
        custom = FactorsLostDense(32, l1=0.03, l2=0.05, input_shape=INPUT_SHAPE)
    else:
        custom = LateDense(32, input_shape=INPUT_SHAPE)
    return keras.Sequential([custom, keras.layers.Dense(10, activation="softmax")])


LAYERS = {"": LateDense, "corrected": CorrectedLateDense, "factors_lost": FactorsLostDense}


def custom_objects(variant):
    return {LAYERS[variant].__name__: LAYERS[variant]}
