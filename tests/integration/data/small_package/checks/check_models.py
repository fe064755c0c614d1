"""The models of this package, saved and loaded by other versions of Keras."""

import pytest
import small_package

SIZE = 4


def hidden_layer(keras):
    return keras.layers.Dense(8, activation="relu", input_shape=(SIZE,))


@pytest.mark.compat(writers="tf2.15,keras3.15", readers="tf2.15,keras3.15", formats="h5")
def small_model(keras):
    """Two layers and no code of our own."""
    return keras.Sequential([hidden_layer(keras), keras.layers.Dense(2)])


def custom_objects(keras):
    class Twice(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    return {"Twice": Twice}


@pytest.mark.compat(
    writers="keras3.15",
    readers="keras3.15",
    formats="keras",
    remedies="none,custom_objects",
    custom_objects=custom_objects,
)
def doubling_model(keras):
    """A layer of our own, which the bare load does not know."""
    twice = custom_objects(keras)["Twice"]
    return keras.Sequential([hidden_layer(keras), twice()])


def test_the_models_have_the_size_of_the_package():
    assert small_package.SIZE == SIZE
