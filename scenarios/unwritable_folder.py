"""An archive in a folder where nothing can be written.

Cause: Keras 3.4 unpacks the weights beside the archive before it reads them. Where it cannot, 3.4.0
gives up; every other release reads them inside the archive. Here a folder stands in the place of
the file that would be unpacked: writing is refused as on a disk that is read-only, also to an
administrator.

Source: keras-team/keras issue 19921, pull request 19924; tensorflow/tensorflow issue 70273.
"""

import pathlib

from scenarios.framework import keras

INPUT_SHAPE = (6,)


def before_loading(path, variant):
    """Put a folder in the place where the weights would be unpacked."""
    place = pathlib.Path(path).with_name("model.weights.h5")
    if place.is_file():
        # Keras 3.4.0 leaves it there when it saves.
        place.unlink()
    place.mkdir(exist_ok=True)


def build_model(variant):
    layers = keras.layers
    return keras.models.Sequential(
        [layers.Dense(5, activation="tanh", input_shape=INPUT_SHAPE), layers.Dense(3)]
    )
