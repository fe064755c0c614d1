"""A file of one format under the name of another.

Cause: a rename, or a version that writes HDF5 under `.keras`. Loaders go by the suffix, by the
first bytes, or by both in turn. The model is saved the way its true format is saved and renamed by
its user: HDF5 named `.keras`, and `archive_named_h5`.

Source: what TensorFlow 2.12 and earlier wrote under `.keras`; keras-team/keras issue 20259 and
keras-team/tf-keras issue 780 (files that are there, and "File not found").
"""

import shutil

from scenarios.framework import keras

INPUT_SHAPE = (10,)
_TRUE_SUFFIX = {"": ".h5", "archive_named_h5": ".keras"}


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(6, activation="relu", input_shape=INPUT_SHAPE),
            keras.layers.Dense(3),
        ]
    )


def finish_model(model, variant):
    return _Renaming(model, _TRUE_SUFFIX[variant])


class _Renaming:
    """The model, whose files are renamed after they were saved."""

    def __init__(self, model, suffix):
        self._model = model
        self._suffix = suffix

    def save(self, path):
        self._model.save(path + self._suffix)
        shutil.move(path + self._suffix, path)

    def __call__(self, *arguments, **options):
        return self._model(*arguments, **options)

    def __getattr__(self, name):
        return getattr(self._model, name)
