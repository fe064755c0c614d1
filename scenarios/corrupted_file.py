"""A file in which some bytes are no longer what was written.

Cause: a fault of a disk, a transfer or a program. What happens depends on where it hits: an
HDF5 file's header and tree are needed to open it, a damaged architecture no longer parses,
and inside a weight plain HDF5 has no checksum that would tell, where the zip archive of
`.keras` has one. The model is that of `plain_dense`; the bytes are written over by the
probe after saving, as `damage` in the catalogue says: the article's 100 bytes at offset 1000,
or at a place named by its variant (`header`, `config`, `weight`, `directory_bit`, `index_bit`,
`weight_bit`, `zeroed_block`). The flipped bit of a weight is in a number's exponent: one of its
last digits would be a difference that nobody sees.

Source: seed 003 (example 3).
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
