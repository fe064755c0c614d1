"""Made the files beside it: run in tf1.15, tf2.12, tf2.15 and keras3.15, with the id as argument."""

import json
import os
import shutil
import sys
import tempfile

import numpy as np

name = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
if name.startswith("tf"):
    import tensorflow

    keras = tensorflow.keras
else:
    import keras

model = keras.Sequential([keras.layers.Dense(4, input_shape=(6,)), keras.layers.Dense(2)])
rng = np.random.RandomState(1)
model.set_weights([rng.uniform(size=w.shape).astype("float32") for w in model.get_weights()])
listing = {}
work = tempfile.mkdtemp()
for what, save in (
    ("h5", lambda path: model.save(path + ".h5")),
    ("keras", lambda path: model.save(path + ".keras")),
    ("saved_model", lambda path: model.save(path, save_format="tf")),
    ("export", lambda path: model.export(path)),
    ("checkpoint", lambda path: model.save_weights(path + "/weights", save_format="tf")),
):
    path = os.path.join(work, what)
    try:
        save(path)
    except Exception as error:
        print(what, type(error).__name__)
        continue
    for suffix in (".h5", ".keras"):
        if os.path.isfile(path + suffix):
            shutil.copy(path + suffix, os.path.join(here, name + suffix))
        elif os.path.isdir(path + suffix):
            listing[what] = sorted(os.listdir(path + suffix))
    if os.path.isdir(path):
        listing[what] = sorted(os.listdir(path))
shutil.rmtree(work)
np.savez(os.path.join(here, name + ".npz"), *model.get_weights())
with open(os.path.join(here, name + ".json"), "w") as out:
    json.dump(listing, out, indent=1, sort_keys=True)
