"""`Rescaling` with a scale for each channel.

Cause: Keras 3.11 works out the shape of Rescaling's output from the shapes of scale and input, and
gets it wrong unless both scale and offset are numbers. The layers behind it are then built
for an input of another shape. EfficientNet has such a layer. In `numbers` scale and offset are
numbers. In `tensor` the scale is a tensor, as EfficientNet had it in TensorFlow 2.10 to 2.12, which
JSON cannot hold.

Source: keras-team/keras issue 21529, from pull request 21351, which was reverted; keras-team/keras
issues 17199, 18218.
"""

from scenarios.framework import keras

INPUT_SHAPE = (8, 8, 3)


def _tensor(numbers):
    if hasattr(keras, "ops"):
        return keras.ops.convert_to_tensor(numbers)
    return keras.backend.constant(numbers)


def build_model(variant):
    layers = keras.layers
    given = layers.Input(shape=INPUT_SHAPE)
    if variant == "tensor":
        scaled = layers.Rescaling(scale=_tensor([0.5, 1.0, 2.0]))(given)
    elif variant == "numbers":
        scaled = layers.Rescaling(scale=0.5, offset=0.25)(given)
    else:
        scaled = layers.Rescaling(scale=[0.5, 1.0, 2.0])(given)
    return keras.models.Model(given, layers.Conv2D(4, 3)(scaled))
