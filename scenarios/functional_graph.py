"""What a functional model's graph can hold beside plain layers.

Cause: the graph is stored call by call. Operators become layers of their own
(`TFOpLambda`, `SlicingOpLambda`, `TensorFlowOpLayer`, or operations of Keras 3) under names the
other generation does not have; a model inside a model, outputs in nested lists, and a slash in a
name are each stored in a form that changed; and the class is called `Model` in older files,
`Functional` in newer ones, with the module it comes from in `.keras` archives.

Source: keras-team/keras issues 19089 and 21663 (module), 18676 (operators), 19670 (nested
outputs), 19669 and 22800 (nested models); tensorflow/tensorflow issues 64685, 66381 (input
layer), 70866, 41929.
"""

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


def build_model(variant):
    layers = keras.layers
    inputs = layers.Input(shape=INPUT_SHAPE)
    hidden = layers.Dense(6, activation="relu")(inputs)
    return keras.models.Model(inputs, _OUTPUTS[variant](layers, hidden))


def _plain(layers, hidden):
    return layers.Dense(3)(hidden)


def _operators(layers, hidden):
    return layers.Dense(3)(hidden * 2.0 + 1.0)


def _function(layers, hidden):
    return layers.Dense(3)(ops.relu(hidden))


def _slice(layers, hidden):
    return layers.Dense(3)(hidden[:, :4])


def _slash(layers, hidden):
    return layers.Dense(3, name="block/dense")(hidden)


def _nested_outputs(layers, hidden):
    first, second, third = (layers.Dense(2)(hidden) for _ in range(3))
    return [first, [second], third]


def _nested_model(layers, hidden):
    inner_inputs = layers.Input(shape=(6,))
    inner = keras.models.Model(inner_inputs, layers.Dense(4)(inner_inputs), name="backbone")
    return layers.Dense(3)(inner(hidden))


_OUTPUTS = {
    "": _plain,
    "operators": _operators,
    "function": _function,
    "slice": _slice,
    "slash": _slash,
    "nested_outputs": _nested_outputs,
    "nested_model": _nested_model,
}
