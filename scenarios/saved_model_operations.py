"""An operation of TensorFlow in a functional model, as a SavedModel.

Cause: Keras wraps the operation into a layer of its own, of another class in each era:
`TensorFlowOpLayer` up to TensorFlow 2.3, `TFOpLambda` after. The SavedModel's metadata names
that class, and its graph may use operations an older TensorFlow does not have. From 2.4 to 2.2
there is no error: the model loads, and its outputs are others.

Source: tensorflow/tensorflow issues 45288, 58485.
"""

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


def build_model(variant):
    inputs = keras.Input(INPUT_SHAPE)
    hidden = ops.relu(keras.layers.Dense(6)(inputs))
    return keras.Model(inputs, keras.layers.Dense(3)(hidden))
