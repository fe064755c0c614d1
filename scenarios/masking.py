"""A mask that an Embedding makes and an LSTM uses.

Cause: the mask travels beside the values and is not stored; a reader that does not carry it on
computes other outputs from the same weights. `custom_layer` has a layer of the user's own on the
way that says `supports_masking`: in a SavedModel that is loaded without the class, nothing says
so any more.

Not reproduced: a mask that is lost on the way through `h5` or `keras`, from one version or backend
to another. Wherever the file loads, the outputs are those of the writer.

Source: keras-team/keras issue 15510 (the custom layer); keras-team/keras issue 20750's layers.
"""

from scenarios.framework import keras


class Halved(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs * 0.5


def inputs(rng, variant):
    words = rng.randint(1, 9, size=(8, 6)).astype("int32")
    words[:, 3:] = 0
    return words


def build_model(variant):
    layers = keras.layers
    words = layers.Input(shape=(6,), dtype="int32")
    embedded = layers.Embedding(9, 4, mask_zero=True)(words)
    if variant == "custom_layer":
        # An average uses the mask as an LSTM does, and is no loop for a SavedModel to trace.
        return keras.models.Model(words, layers.GlobalAveragePooling1D()(Halved()(embedded)))
    return keras.models.Model(words, layers.Dense(3)(layers.LSTM(5)(embedded)))


def custom_objects(variant):
    return {"Halved": Halved} if variant == "custom_layer" else {}
