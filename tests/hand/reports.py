"""Five public reports, checked by hand: plain Keras as a user writes it, nothing of this project.

    python reports.py KERAS write FOLDER        saves the models, with their outputs
    python reports.py KERAS read FOLDER ...     loads them; prints a word for each, and the error

KERAS is `tensorflow.keras`, `keras` or `tf_keras`. The word is `not_written`, `load_raises`,
`call_raises`, or of the outputs `same` or `other`. `compare.py` runs this in many versions.
"""

import importlib
import os
import shutil
import sys
import traceback

import numpy as np


def import_keras(name):
    if name == "tensorflow.keras":
        return importlib.import_module("tensorflow").keras
    return importlib.import_module(name)


def hard_sigmoid(keras):
    """The formula of the activation is another in Keras 3; its name is not."""
    given = keras.layers.Input(shape=(6,))
    hidden = keras.layers.Dense(6, activation="hard_sigmoid")(given)
    return keras.models.Model(given, keras.layers.Dense(2)(hidden))


def frozen(keras):
    """Transfer learning: a nested model whose first layer is frozen."""
    return nested(keras, True)


def nested(keras, frozen_first):
    layers = keras.layers
    inner = keras.models.Sequential(
        [
            layers.Dense(5, activation="tanh", input_shape=(5,)),
            layers.Dense(5, activation="tanh"),
        ]
    )
    inner.layers[0].trainable = not frozen_first
    given = layers.Input(shape=(5,))
    return keras.models.Model(given, layers.Dense(2)(inner(given)))


def rescaling(keras):
    """Images scaled by channel, as in every EfficientNet."""
    layers = keras.layers
    given = layers.Input(shape=(6, 6, 3))
    scaled = layers.Rescaling(scale=[0.5, 1.0, 2.0])(given)
    return keras.models.Model(given, layers.Conv2D(2, 3)(scaled))


def vocabulary(keras):
    """Words that `adapt` learnt."""
    layers = keras.layers
    lookup = layers.StringLookup()
    lookup.adapt(np.array([["red", "green", "blue", "red"]]))
    given = layers.Input(shape=(2,), dtype="string")
    found = layers.Flatten()(layers.Embedding(6, 3)(lookup(given)))
    return keras.models.Model(given, layers.Dense(2)(found))


def library(keras):
    """A layer of a library that the reader does not import."""
    saving = getattr(keras, "saving", None)
    register = getattr(saving, "register_keras_serializable", None)
    register = register or keras.utils.register_keras_serializable

    @register(package="somelibrary")
    class Head(keras.layers.Layer):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.inner = keras.layers.Dense(self.units, activation="tanh")
            self.inner.build(input_shape)
            super().build(input_shape)

        def call(self, inputs):
            return self.inner(inputs)

        def get_config(self):
            return dict(super().get_config(), units=self.units)

    given = keras.layers.Input(shape=(5,))
    return keras.models.Model(given, keras.layers.Dense(2)(Head(4)(given)))


def numbers(*shape):
    return np.linspace(-1.0, 1.0, int(np.prod(shape))).reshape(shape).astype("float32")


CASES = {
    "hard_sigmoid": (hard_sigmoid, numbers(8, 6), ("model.h5", "model.keras")),
    "frozen": (frozen, numbers(8, 5), ("model.weights.h5",)),
    "rescaling": (rescaling, numbers(8, 6, 6, 3), ("model.h5", "model.keras")),
    "vocabulary": (vocabulary, np.array([["red", "blue"], ["green", "red"]]), ("model.h5",)),
    "library": (library, numbers(8, 5), ("model",)),
}
"""The model, the input, and the files that are tried."""

FILES = [(name, file) for name in sorted(CASES) for file in CASES[name][2]]


def write(keras, folder):
    for name, file in FILES:
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        path = os.path.join(folder, name, file)
        try:
            _write_one(keras, name, path)
        except Exception:  # what a version cannot write is no file
            traceback.print_exc()
            remove(path)


def _write_one(keras, name, path):
    model = CASES[name][0](keras)
    rng = np.random.RandomState(1)
    # Large enough that hard_sigmoid goes beyond its kinks.
    model.set_weights([rng.uniform(-3.0, 3.0, size=each.shape) for each in model.get_weights()])
    np.save(path + ".npy", call(model, CASES[name][1]))
    if path.endswith(".weights.h5"):
        model.save_weights(path)
    elif path.endswith("model"):
        model.save(path, save_format="tf")
    else:
        model.save(path)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def call(model, given):
    """Return the outputs; text has to be a tensor in some versions."""
    if given.dtype.kind == "U":
        return np.asarray(model(importlib.import_module("tensorflow").constant(given)))
    return np.asarray(model.predict(given))


def read(keras, name, path):
    """Return the word and the error."""
    if not os.path.exists(path):
        return "not_written", ""
    try:
        if path.endswith(".weights.h5"):
            # The reader's code freezes nothing.
            model = nested(keras, False)
            model.predict(CASES[name][1])
            model.load_weights(path)
        else:
            model = keras.models.load_model(path)
    except Exception as error:  # what it raises is the finding
        return "load_raises", repr(error)
    try:
        outputs = call(model, CASES[name][1])
    except Exception as error:  # what it raises is the finding
        return "call_raises", repr(error)
    same = np.allclose(outputs, np.load(path + ".npy"), rtol=1e-4, atol=1e-5)
    return ("same" if same else "other"), ""


def main():
    keras = import_keras(sys.argv[1])
    if sys.argv[2] == "write":
        write(keras, sys.argv[3])
        return
    for folder in sys.argv[3:]:
        for name, file in FILES:
            word, error = read(keras, name, os.path.join(folder, name, file))
            found = [os.path.basename(folder), name, file, word, " ".join(error.split())[:200]]
            print("HAND " + "\t".join(found))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
