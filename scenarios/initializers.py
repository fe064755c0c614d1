"""Layers that name their initializers.

Cause: an initializer is stored with its class and its arguments, and a reader makes it again
although the weights are about to be overwritten. TensorFlow 1 stores a `dtype` with each, which
Keras 3 does not take; standalone Keras 2.3 stores and finds other classes than tf.keras. The
class behind `Orthogonal` is called `OrthogonalInitializer` in older Keras 3, which does not
know the other name (`orthogonal`); every LSTM and GRU has one by default.

Source: keras-team/keras issues 19828 and 20406 (Orthogonal); tensorflow/tfjs issue 798 (files of
tf.keras in standalone Keras).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    initializers = keras.initializers
    if variant == "orthogonal":
        options = {"kernel_initializer": initializers.Orthogonal()}
    else:
        options = {
            "kernel_initializer": initializers.RandomUniform(-0.5, 0.5),
            "bias_initializer": initializers.Constant(0.1),
        }
    return keras.Sequential(
        [keras.layers.Dense(6, input_shape=INPUT_SHAPE, **options), keras.layers.Dense(3)]
    )
