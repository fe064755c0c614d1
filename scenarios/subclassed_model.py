"""A subclassed model whose layers are made in `build`.

Cause: a `.keras` file stores the class and the input's shape; the reader must call `build` with it
before there is anything to put the weights into.

Source: keras-team/keras-core issue 334.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


class Classifier(keras.models.Model):
    def __init__(self, units=6, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.hidden = keras.layers.Dense(self.units, activation="relu")
        self.hidden.build(input_shape)
        self.head = keras.layers.Dense(3)
        self.head.build((input_shape[0], self.units))
        self.built = True

    def call(self, inputs):
        return self.head(self.hidden(inputs))

    def get_config(self):
        return {"units": self.units}


def build_model(variant):
    return Classifier()


def custom_objects(variant):
    return {"Classifier": Classifier}
