"""Something else under the model's name, or the model in another wrapping.

Cause: a download that brought a web page or a Git LFS pointer instead of the file; an archive that
was unpacked, or packed again with a folder above its files; a bit or a block that a disk lost.
The model is that of `plain_dense`; what is done to its file is `damage` in the catalogue (an HTML
page, or the variants `lfs_pointer`, `nested_folder`, `unpacked`).

Source: the specification of Git LFS pointers; the HDF5 format's signature.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(32, activation="relu", input_shape=INPUT_SHAPE),
            keras.layers.Dense(4, activation="sigmoid"),
        ]
    )
