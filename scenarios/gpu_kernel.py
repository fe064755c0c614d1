"""Weights of a recurrent layer for GPU kernels, read into the plain layer.

Cause: CuDNNLSTM keeps the kernel of each gate transposed and two biases, one for the inputs and
one for the state. Keras 2 turns them into those of LSTM where its code calls for the plain layer,
and skips that inside some wrappers and nested models. Keras 3 has no such conversion.

No GPU is needed here: the writer's layer is a stand-in that computes the formula of cuDNN with the
weights in cuDNN's order. The reader's code has LSTM in its place. As the weights are others by
design, only the outputs are compared. In `nested` the layer is in a nested model; in
`hard_sigmoid` the reader's layer has the recurrent activation that was the default, which is not
the kernel's.

Source: keras-team/keras issues 9463, 8860, 11785, 10080, 10356, 15258; tensorflow/tensorflow issue
49214.
"""

import numpy as np

from scenarios.framework import keras, ops

_STEPS = 4
_UNITS = 5
# As many as units: then cuDNN's order of an input kernel is that of a recurrent one.
_FEATURES = _UNITS
INPUT_SHAPE = (_STEPS, _FEATURES)


class CuDNNLSTM(keras.layers.Layer):
    """The formula of the GPU kernel, step by step."""

    def __init__(self, units=_UNITS, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        features, width = int(input_shape[-1]), 4 * self.units
        add = self.add_weight
        self.kernel = add(name="kernel", shape=(features, width), initializer="zeros")
        self.recurrent_kernel = add(
            name="recurrent_kernel", shape=(self.units, width), initializer="zeros"
        )
        self.bias = add(name="bias", shape=(2 * width,), initializer="zeros")
        super().build(input_shape)

    def _gates(self, kernel):
        """Return a kernel's four gates, which cuDNN stores transposed."""
        units = self.units
        return [ops.transpose(kernel[:, i * units : (i + 1) * units]) for i in range(4)]

    def call(self, inputs):
        units = self.units
        kernels, recurrent = self._gates(self.kernel), self._gates(self.recurrent_kernel)
        biases = [
            self.bias[i * units : (i + 1) * units] + self.bias[(i + 4) * units : (i + 5) * units]
            for i in range(4)
        ]
        state = carry = None
        for step in range(_STEPS):
            x = inputs[:, step, :]
            made = [ops.matmul(x, kernels[i]) + biases[i] for i in range(4)]
            if state is not None:
                made = [made[i] + ops.matmul(state, recurrent[i]) for i in range(4)]
            update, forget = ops.sigmoid(made[0]), ops.sigmoid(made[1])
            fresh = update * ops.tanh(made[2])
            carry = fresh if carry is None else forget * carry + fresh
            state = ops.sigmoid(made[3]) * ops.tanh(carry)
        return state

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.units)

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config


def _model(made, nested):
    layers = keras.layers
    given = layers.Input(shape=INPUT_SHAPE)
    if nested:
        inner = keras.models.Model(given, made(given), name="inner")
        outer = layers.Input(shape=INPUT_SHAPE)
        return keras.models.Model(outer, layers.Dense(3)(inner(outer)))
    return keras.models.Model(given, layers.Dense(3)(made(given)))


def build_model(variant):
    return _model(CuDNNLSTM(_UNITS, name="recurrent"), variant == "nested")


def _plain(variant):
    activation = "hard_sigmoid" if variant == "hard_sigmoid" else "sigmoid"
    return keras.layers.LSTM(_UNITS, recurrent_activation=activation, name="recurrent")


def reader_model(variant):
    return _model(_plain(variant), variant == "nested")


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model


def custom_objects(variant):
    return {"CuDNNLSTM": CuDNNLSTM}


def reader_custom_objects(variant):
    return {"CuDNNLSTM": keras.layers.LSTM}
