"""A plain function as the regularizer of a functional model.

Cause: the file keeps the function's name only; without `custom_objects` or a registration the
reader cannot find it. The `regularizer_class` variant is a `Regularizer` class with
`get_config`: its factor travels with the file, its code still does not.

Source: seed 001 (example 2).
"""

from scenarios.framework import keras, ops

INPUT_SHAPE = (10,)


def my_custom_regularizer(weight_matrix):
    return ops.sum(ops.abs(weight_matrix)) * 0.001


class AbsoluteRegularizer(keras.regularizers.Regularizer):
    def __init__(self, factor=0.5):
        self.factor = factor

    def __call__(self, x):
        return ops.sum(ops.abs(x)) * self.factor

    def get_config(self):
        return {"factor": float(self.factor)}


def build_model(variant):
    regularizer = my_custom_regularizer
    if variant == "regularizer_class":
        regularizer = AbsoluteRegularizer(factor=0.001)
    inputs = keras.layers.Input(shape=INPUT_SHAPE)
    hidden = keras.layers.Dense(32, activation="relu", kernel_regularizer=regularizer)(inputs)
    outputs = keras.layers.Dense(10, activation="softmax")(hidden)
    return keras.models.Model(inputs=inputs, outputs=outputs)


def custom_objects(variant):
    if variant == "regularizer_class":
        return {"AbsoluteRegularizer": AbsoluteRegularizer}
    return {"my_custom_regularizer": my_custom_regularizer}
