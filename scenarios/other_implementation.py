"""Another implementation under the same name in the reader's code.

Cause: a file names classes and functions; their code is the reader's. In `scalar_scale` the
writer's normalization has one scale for all channels, the reader's one for each, as in the
libraries that followed each other: loading by name and skipping what does not fit is the advice
that is passed on, and leaves the reader's fresh scales in place. In `formula` the weights fit and
the formula is another; in `loss` it is the loss function.

Source: keras-team/keras pull request 8462; fizyr/keras-retinanet issue 232; seeds 002 and 003
(other implementations under the same name).
"""

import numpy as np

from scenarios.framework import keras, ops


def _is_image(variant):
    return variant == "scalar_scale"


def inputs(rng, variant):
    shape = (8, 6, 6, 3) if _is_image(variant) else (8, 6)
    return rng.uniform(-1.0, 1.0, size=shape).astype("float32")


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


class _Normalization(keras.layers.Layer):
    """Scales and shifts each channel of an image by itself."""

    per_channel = False

    def build(self, input_shape):
        shape = (int(input_shape[-1]),) if self.per_channel else (1,)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        mean = ops.mean(inputs, axis=(1, 2), keepdims=True)
        spread = ops.mean(ops.square(inputs - mean), axis=(1, 2), keepdims=True)
        return self.gamma * (inputs - mean) / (spread + 0.1) + self.beta

    def compute_output_shape(self, input_shape):
        return input_shape


class InstanceNormalization(_Normalization):
    """The writer's."""


class _PerChannel(_Normalization):
    """The reader's, which the mapping names as the writer's."""

    per_channel = True


class _Gated(keras.layers.Layer):
    def build(self, input_shape):
        width = int(input_shape[-1])
        self.kernel = self.add_weight(
            name="kernel", shape=(width, width), initializer="glorot_uniform"
        )
        super().build(input_shape)

    def gate(self, inputs):
        return ops.sigmoid(inputs)

    def call(self, inputs):
        return inputs * self.gate(ops.matmul(inputs, self.kernel))

    def compute_output_shape(self, input_shape):
        return input_shape


class Gated(_Gated):
    """The writer's."""


class _TanhGated(_Gated):
    """The reader's, which the mapping names as the writer's."""

    def gate(self, inputs):
        return ops.tanh(inputs)


def own_error(y_true, y_pred):
    """The writer's."""
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def _other_error(y_true, y_pred):
    """The reader's, which the mapping names as the writer's."""
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


# A model shows the names of its classes, which are the same in both programs.
_PerChannel.__name__ = InstanceNormalization.__name__
_TanhGated.__name__ = Gated.__name__
_other_error.__name__ = own_error.__name__


def _made(variant, normalization, gated):
    layers = keras.layers
    if _is_image(variant):
        given = layers.Input(shape=(6, 6, 3))
        found = normalization(name="norm")(layers.Conv2D(4, 3, name="before")(given))
        return keras.models.Model(given, layers.Dense(3, name="last")(layers.Flatten()(found)))
    given = layers.Input(shape=(6,))
    if variant == "formula":
        return keras.models.Model(given, layers.Dense(3)(gated(name="gate")(given)))
    return keras.models.Model(given, layers.Dense(3)(given))


def build_model(variant):
    return _made(variant, InstanceNormalization, Gated)


def reader_model(variant):
    return _made(variant, _PerChannel, _TanhGated)


def compile_model(model, variant):
    if variant == "loss":
        model.compile(optimizer="sgd", loss=own_error)


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model


def custom_objects(variant):
    return {
        "scalar_scale": {"InstanceNormalization": InstanceNormalization},
        "formula": {"Gated": Gated},
        "loss": {"own_error": own_error},
    }[variant]


def reader_custom_objects(variant):
    return {
        "scalar_scale": {"InstanceNormalization": _PerChannel},
        "formula": {"Gated": _TanhGated},
        "loss": {"own_error": _other_error},
    }[variant]
