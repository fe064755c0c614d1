"""A file made to harm its reader; what it does here is harmless.

Cause: a `.keras` configuration names the Python module and function of each object, and a reader
that imports whatever is named lets the file's author choose what is executed. A lookup layer's
vocabulary may be a path, an HDF5 weight may be a link to another file, or claim a shape of
terabytes: a reader that follows gives away what it may read, or its memory.

How to read the outcome: the reader has none of this model's functions, and the file names
`operator.neg` in the place of the writer's `scale`; the vocabulary and the linked weight lie in a
file beside the model, with other values. So `diverged` means that the reader executed what the
file named, or read what it pointed to; `load_error`, that it refused or could not. No outcome of
these files is a good one but the refusal. Where a version reads HDF5 through a file object
(TensorFlow 2.15, tf-keras, every `.keras` archive), the library looks for a link's target in that
same file and finds nothing, which is luck and no refusal. The variants are `vocabulary`,
`external_link` and `huge_shape`.

Source: CVE-2025-1550, CVE-2025-8747 and CVE-2025-9906 (functions), CVE-2025-12058 (vocabularies),
CVE-2026-1669 with keras-team/keras pull request 22900 and keras-team/tf-keras pull request 921
(links), CVE-2026-0897 (shapes).
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def inputs(rng, variant):
    if variant == "vocabulary":
        return rng.randint(0, 9, size=(8, 4)).astype("int64")
    return rng.uniform(size=(8,) + INPUT_SHAPE).astype("float32")


def scale(x):
    return x * 2.0


def build_model(variant):
    layers = keras.layers
    if variant == "vocabulary":
        given = layers.Input(shape=(4,), dtype="int64")
        found = layers.IntegerLookup(vocabulary=[2, 3, 5, 7], output_mode="multi_hot")(given)
        return keras.models.Model(given, layers.Dense(3)(found))
    middle = [layers.Lambda(scale, output_shape=(6,))] if variant == "" else []
    return keras.Sequential([layers.Dense(6, input_shape=INPUT_SHAPE)] + middle + [layers.Dense(3)])
