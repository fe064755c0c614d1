"""Models inside models, as programs that reuse a trained one make them.

Cause: a model is a layer, and its graph and its weights are stored a level deeper. Without a
variant a functional model is inside a Sequential. Reported for Keras 3.4 as an input too many for
the layer behind it. As measured: Keras 3.4, and 3.11 and later for files of earlier ones, give that
layer a list.
`classifier` is a Sequential of a Sequential that ends a functional model with depthwise
convolutions, as tools for image classifiers in a browser export it; `time_distributed` repeats a
convolution for each step.

Source: keras-team/keras issues 19959, 20084, 18830; tensorflow/tensorflow issues 63853,
74439; googlecreativelab/teachablemachine-community issue 84.
"""

import numpy as np

from scenarios.framework import keras


def inputs(rng, variant):
    shape = (2, 5, 5, 3) if variant == "time_distributed" else (8, 8, 3)
    return rng.uniform(-1.0, 1.0, size=(8,) + shape).astype("float32")


def build_model(variant):
    layers = keras.layers
    if variant == "time_distributed":
        given = layers.Input(shape=(2, 5, 5, 3))
        found = layers.TimeDistributed(layers.Conv2D(3, 3))(given)
        found = layers.TimeDistributed(layers.Conv2D(2, 3))(found)
        return keras.models.Model(given, layers.Dense(3)(layers.Flatten()(found)))
    if variant == "classifier":
        return _classifier()
    return keras.models.Sequential(
        [layers.Input(shape=(8, 8, 3)), _branched(), layers.Flatten(), layers.Dense(3)]
    )


def _branched():
    layers = keras.layers
    given = layers.Input(shape=(8, 8, 3))
    first = layers.Conv2D(4, 3, padding="same")(given)
    second = layers.Conv2D(4, 3, padding="same", activation="relu")(first)
    return keras.models.Model(given, layers.Add()([first, second]))


def _classifier():
    layers = keras.layers
    given = layers.Input(shape=(8, 8, 3))
    found = layers.Conv2D(4, 3, use_bias=False)(given)
    found = layers.DepthwiseConv2D(3, use_bias=False)(found)
    found = layers.ReLU(6.0)(layers.BatchNormalization()(found))
    features = keras.models.Sequential(
        [keras.models.Model(given, found), layers.GlobalAveragePooling2D()]
    )
    head = keras.models.Sequential(
        [
            layers.Dense(5, activation="relu", input_shape=(4,)),
            layers.Dense(3, activation="softmax", use_bias=False),
        ]
    )
    return keras.models.Sequential([features, head])


def finish_model(model, variant):
    """Give the writer's model weights that no initializer draws."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(0.1, 1.0, size=w.shape) for w in model.get_weights()])
    return model
