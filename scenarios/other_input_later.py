"""A subclassed model that was called with a dict first and with a tensor later.

Cause: a SavedModel holds a traced function for each kind of input that the model was called with;
which of them the loaded model offers depends on the call that was made before saving.

Source: huggingface/transformers issues 3627, 4444.
"""

import numpy as np

from scenarios.framework import keras


def inputs(rng, variant):
    return rng.uniform(-1.0, 1.0, size=(8, 6)).astype("float32")


class Encoder(keras.models.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(5, activation="tanh")
        self.result = keras.layers.Dense(3)

    def call(self, inputs):
        given = inputs["features"] if isinstance(inputs, dict) else inputs
        return self.result(self.hidden(given))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def build_model(variant):
    model = Encoder()
    given = inputs(np.random.RandomState(1), variant)
    model({"features": given})
    return model


def custom_objects(variant):
    return {"Encoder": Encoder}
