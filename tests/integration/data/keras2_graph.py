"""Write models that Keras 3 does not load from the file of Keras 2; runs in TensorFlow 2.15.

    python keras2_graph.py MODEL.h5
    python keras2_graph.py FOLDER
    python keras2_graph.py FOLDER-any

A folder gets a SavedModel with a layer whose code nobody else has, or a function that takes numbers
of any shape. The model in HDF5 has a model as a layer, a layer called twice, an operation of
TensorFlow between layers, locally connected layers, and a recurrent layer that begins with the
states of another one, and with a mask.
"""

import sys

import numpy as np
import tensorflow as tf
from tensorflow import keras

layers = keras.layers


def build():
    """Return the model, with weights of its own."""
    inner_input = keras.Input((4,), name="part")
    twice = layers.Dense(4, activation="tanh", name="twice")
    inner = keras.Model(inner_input, twice(twice(inner_input)), name="inner")
    steps, start = keras.Input((5, 4), name="steps"), keras.Input((4,), name="start")
    scaled = (steps / 2.0 - 1.0)[:, 1:]
    _, *states = layers.LSTM(3, return_state=True, name="reads")(
        layers.LocallyConnected1D(3, 2, activation="tanh", name="local")(scaled)
    )
    masked = layers.Masking(name="masked")(layers.ReLU(name="cut")(steps))
    written = layers.LSTM(3, name="writes")(masked, initial_state=states)
    both = layers.Concatenate(name="both")([written, inner(start)])
    outer = keras.Sequential(
        [layers.Dense(6, "tanh"), keras.Sequential([layers.Dense(2)], name="last")], name="outer"
    )
    placed = keras.Sequential(
        [
            layers.Reshape((7, 1, 1), input_shape=(7,)),
            layers.LocallyConnected2D(2, (3, 1), strides=(2, 1)),
            layers.Flatten(),
        ],
        name="placed",
    )
    model = keras.Model([steps, start], outer(placed(both)))
    rng = np.random.RandomState(1)
    model.set_weights([rng.normal(size=each.shape) for each in model.get_weights()])
    return model


class Nobodys(layers.Layer):
    """A layer of one's own."""

    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(shape[-1], 3))

    def call(self, x):
        return keras.backend.relu(keras.backend.dot(x, self.scale)) - 0.5


def build_with_code():
    """Return a model with that layer behind a convolution."""
    layout = [
        keras.Input((6, 6, 2)),
        layers.Conv2D(4, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        Nobodys(),
    ]
    model = keras.Sequential(layout)
    rng = np.random.RandomState(1)
    model.set_weights([rng.uniform(0.1, 1, size=each.shape) for each in model.get_weights()])
    return model


class Any(tf.Module):
    """A function that asks for no shape, as those of TensorFlow 1 often do."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="x")])
    def __call__(self, x):
        return {"y": x * self.factor + 0.5}


if sys.argv[1].endswith("-any"):
    tf.saved_model.save(Any(), sys.argv[1])
    sys.exit()
(build() if sys.argv[1].endswith(".h5") else build_with_code()).save(sys.argv[1])
