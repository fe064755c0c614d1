"""An optimizer and a metric of a library that the reader does not have.

Cause: the class of the optimizer is named in the training configuration. Whether `compile=False`
frees the model of it depends on the format: a SavedModel restores what the optimizer tracked.
`metric` has a registered metric whose state is a vector in its place.

Source: keras-team/keras issue 14209; tensorflow/addons issues 844, 2028; tensorflow/tensorflow
issues 43478, 57722.
"""

import numpy as np

from scenarios.framework import keras, ops, register

INPUT_SHAPE = (6,)


def _optimizer_class():
    @register(package="Addons")
    class OwnSGD(keras.optimizers.SGD):
        """Plain gradient descent under another name."""

    return OwnSGD


def _metric_class():
    @register(package="Addons")
    class PerOutputError(keras.metrics.Metric):
        """Mean absolute error of each output, and their largest as the result."""

        def __init__(self, name="per_output_error", outputs=3, **kwargs):
            super().__init__(name=name, **kwargs)
            self.outputs = outputs
            self.total = self.add_weight(shape=(outputs,), name="total", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign(ops.mean(ops.abs(y_true - y_pred), axis=0))

        def result(self):
            return ops.mean(self.total)

        def reset_state(self):
            self.total.assign(np.zeros((self.outputs,), "float32"))

        reset_states = reset_state

        def get_config(self):
            return dict(super().get_config(), outputs=self.outputs)

    return PerOutputError


_MADE = {}


def _class(variant):
    if variant not in _MADE:
        _MADE[variant] = _metric_class() if variant == "metric" else _optimizer_class()
    return _MADE[variant]


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


def build_model(variant):
    model = keras.models.Sequential([keras.layers.Dense(3, input_shape=INPUT_SHAPE)])
    rng = np.random.RandomState(3)
    model.set_weights([rng.uniform(-0.5, 0.5, size=w.shape) for w in model.get_weights()])
    return model


def compile_model(model, variant):
    if variant == "metric":
        model.compile(optimizer="sgd", loss="mean_squared_error", metrics=[_class(variant)()])
    else:
        model.compile(optimizer=_class(variant)(), loss="mean_squared_error")


def custom_objects(variant):
    made = _class(variant)
    return {made.__name__: made, "Addons>" + made.__name__: made}
