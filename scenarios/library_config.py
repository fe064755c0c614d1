"""A library's layer whose configuration the reader's program cannot use.

Cause: a configuration is more than Keras' own keys. In `newer_key` the reader has an older release
of the library, whose layer lacks an argument; in `gone_file` the configuration names a file that is
not where the model is read, as with a layer of TF Hub; in `function_name` the layer stored its
functions by name and gets texts back, as in TF Probability; in `wrapper` it wraps another layer and
adds weights of its own that are not trained, as pruning does; in `own_from_config` the layer
makes its regularizer in a `from_config` of its own; in `gone_module` its code imports a library
that the reader does not have.

Source: keras-team/keras-hub issues 1131, 1696, 2375, 1042; tensorflow/tensorflow issue 26835;
tensorflow/probability issues 755, 1402, 325; keras-team/keras issue 16873, keras-team/tf-keras
issue 494; seed 000 (from_config), seed 003 (libraries that are missing).
"""

import importlib
import pathlib
import sys
import types

import numpy as np

from scenarios.framework import keras, ops

INPUT_SHAPE = (6,)
_MODULE = "library_of_the_writer"
_FILE = "handle.npy"


class _Scaled(keras.layers.Layer):
    """Multiplies by a weight."""

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=(int(input_shape[-1]),), initializer="ones"
        )
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape


class Backbone(_Scaled):
    """The writer's release of the library."""

    def __init__(self, norm_mean=0.0, **kwargs):
        super().__init__(**kwargs)
        self.norm_mean = norm_mean

    def call(self, inputs):
        return super().call(inputs - self.norm_mean)

    def get_config(self):
        return dict(super().get_config(), norm_mean=self.norm_mean)


class _OlderBackbone(_Scaled):
    """The reader's release, which has no such argument."""


class KerasLayer(_Scaled):
    """Adds the numbers of a file that its configuration names."""

    def __init__(self, handle, **kwargs):
        super().__init__(**kwargs)
        self.handle = handle
        self.numbers = np.load(handle)

    def call(self, inputs):
        return super().call(inputs) + self.numbers

    def get_config(self):
        return dict(super().get_config(), handle=self.handle)


def prior(inputs):
    return ops.tanh(inputs)


class DistributionLayer(_Scaled):
    """Calls a function, whose name alone it stores."""

    def __init__(self, make_prior, **kwargs):
        super().__init__(**kwargs)
        self.make_prior = make_prior

    def call(self, inputs):
        return self.make_prior(super().call(inputs))

    def get_config(self):
        return dict(super().get_config(), make_prior=prior.__name__)


class PruneLowMagnitude(keras.layers.Wrapper):
    """Multiplies the kernel of the wrapped layer by a mask."""

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        shape = tuple(int(size) for size in self.layer.kernel.shape)
        add = self.add_weight
        self.mask = add(name="mask", shape=shape, initializer="ones", trainable=False)
        self.threshold = add(name="threshold", shape=(), initializer="zeros", trainable=False)
        self.built = True

    def call(self, inputs):
        return ops.matmul(inputs, self.layer.kernel * self.mask) + self.layer.bias

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


class Regularized(_Scaled):
    """Makes its regularizer anew when it is read."""

    def __init__(self, factor=0.01, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.penalty = keras.regularizers.l1_l2(l1=factor, l2=factor)

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale",
            shape=(int(input_shape[-1]),),
            initializer="ones",
            regularizer=self.penalty,
        )
        self.built = True

    def get_config(self):
        return dict(super().get_config(), penalty={"l1": self.factor, "l2": self.factor})

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        return cls(factor=config.pop("penalty")["l1"], **config)


class NeedsLibrary(_Scaled):
    """Imports a library when it is made."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.factor = importlib.import_module(_MODULE).FACTOR

    def call(self, inputs):
        return self.factor * super().call(inputs)


_CLASSES = {
    "newer_key": Backbone,
    "gone_file": KerasLayer,
    "function_name": DistributionLayer,
    "wrapper": PruneLowMagnitude,
    "own_from_config": Regularized,
    "gone_module": NeedsLibrary,
}


def _layer(variant):
    made = _CLASSES[variant]
    if variant == "newer_key":
        return made(norm_mean=0.5)
    if variant == "gone_file":
        np.save(_FILE, np.arange(6, dtype="float32"))
        return made(str(pathlib.Path.cwd() / _FILE))
    if variant == "function_name":
        return made(prior)
    if variant == "wrapper":
        return made(keras.layers.Dense(4))
    if variant == "gone_module":
        sys.modules[_MODULE] = types.ModuleType(_MODULE)
        sys.modules[_MODULE].FACTOR = 2.0
    return made()


def build_model(variant):
    """Return the model of the writer, who has the library and the file."""
    layers = keras.layers
    given = layers.Input(shape=INPUT_SHAPE)
    try:
        return keras.models.Model(given, layers.Dense(3)(_layer(variant)(given)))
    finally:
        # Readers in the same process do not have it.
        sys.modules.pop(_MODULE, None)


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-1.0, 1.0, size=w.shape) for w in model.get_weights()])
    return model


def custom_objects(variant):
    return {_CLASSES[variant].__name__: _CLASSES[variant]}


def reader_custom_objects(variant):
    if variant == "newer_key":
        return {"Backbone": _OlderBackbone}
    return custom_objects(variant)
