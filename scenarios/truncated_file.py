"""A file that ends too early.

Cause: a full disk, a broken transfer, a save that was killed half way. HDF5 stores its own
length and a zip archive has its directory at the end, so both should refuse; an empty file
and one that holds nothing but a beginning are refused for other reasons and with other
words. The model is that of `plain_dense`; the file is cut by the probe after saving, as
`damage` in the catalogue says (variants `half`, `most`, `header`, `empty`, `interrupted`).

Source: seed 003 (its section on corrupted files: storage errors, interrupted and partial saves).
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
