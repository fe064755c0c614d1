"""Makes runner/inspect/keras_names.json: names that are Keras' own, from real environments.

    python tests/capture_names.py .matrix/environments/*-*

Each argument is the folder of a built environment. Its interpreter imports the framework and
says the public names of the modules that a configuration can name, and every subclass of what
is serialized there. A name is filed under the generations that have it: `keras2` and `keras3`;
`operations` are those of TensorFlow's graphs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

OUT = Path(__file__).parents[1] / "runner/inspect/keras_names.json"

INSIDE = r"""
import importlib, inspect, json, sys
family = sys.argv[1]
keras = importlib.import_module("tensorflow").keras if family == "tf.keras" else (
    importlib.import_module("tf_keras" if family == "tf-keras" else "keras"))
found = {}
def note(name, kind):
    if not name.startswith("_"):
        found.setdefault(name, kind)
MODULES = "layers optimizers losses metrics initializers regularizers constraints activations"
parts = [getattr(keras, name) for name in MODULES.split()]
for path in ("layers.experimental.preprocessing", "optimizers.schedules", "mixed_precision",
             "mixed_precision.experimental", "optimizers.legacy", "quantizers", "dtype_policies"):
    part = keras
    for name in path.split("."):
        part = getattr(part, name, None)
    parts += [part] if part is not None else []
roots = []
for part in parts:
    for name in dir(part):
        value = getattr(part, name, None)
        if inspect.isclass(value):
            note(name, "class")
            note(value.__name__, "class")
            roots.append(value)
        elif inspect.isfunction(value):
            note(name, "function")
for value in (keras.Model, getattr(keras, "Sequential", None), getattr(keras, "Operation", None)):
    roots += [value] if value is not None else []
for module in ("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.core",
               "keras.src.ops.math", "keras.src.ops.image", "keras.src.ops.linalg",
               "keras.src.models.functional"):
    if family == "keras3":
        try:
            importlib.import_module(module)
        except ImportError:
            pass
own = ("keras.", "tf_keras.", "tensorflow.", "tensorflow_core.")
seen, layers, optimizers = set(), set(), set()
while roots:
    one = roots.pop()
    if one in seen or one is object or one is type:
        continue
    seen.add(one)
    if (one.__module__ + ".").startswith(own):
        note(one.__name__, "class")
        if issubclass(one, keras.layers.Layer):
            layers.add(one.__name__)
        if issubclass(one, keras.optimizers.Optimizer):
            optimizers.add(one.__name__)
    for base in one.__mro__:
        if (base.__module__ + ".").startswith(own) and base not in seen:
            roots.append(base)
    try:
        roots += one.__subclasses__()
    except TypeError:
        pass
operations = []
if family != "keras3":
    import tensorflow
    if hasattr(tensorflow, "raw_ops"):
        operations = [name for name in dir(tensorflow.raw_ops) if name[0].isupper()]
print("NAMES " + json.dumps([found, sorted(layers), sorted(optimizers), operations]))
"""


def main(folders: list[str]) -> int:
    """Ask every environment, and write the file."""
    classes: dict[str, set[str]] = {}
    functions: dict[str, set[str]] = {}
    layers: set[str] = set()
    optimizers: set[str] = set()
    operations: set[str] = set()
    for folder in folders:
        declared = Path(folder).name.rpartition("-")[0]
        family = next(f for f in ("tf-keras", "keras3", "keras2", "tf") if declared.startswith(f))
        family = "tf.keras" if family == "tf" else family
        done = subprocess.run(
            [f"{folder}/bin/python", "-c", INSIDE, family],
            capture_output=True,
            text=True,
            check=True,
            env={"CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": backend(declared)},
        )
        line = next(one for one in done.stdout.splitlines() if one.startswith("NAMES "))
        generation = "keras3" if family == "keras3" else "keras2"
        found, inside, moving, raw = json.loads(line[6:])
        optimizers.update(moving)
        layers.update(inside)
        operations.update(raw)
        for name, kind in found.items():
            (classes if kind == "class" else functions).setdefault(name, set()).add(generation)
        print(declared, len(classes), len(functions))
    text = json.dumps(
        {
            "classes": {name: sorted(classes[name]) for name in sorted(classes)},
            "functions": {name: sorted(functions[name]) for name in sorted(functions)},
            "layers": sorted(layers),
            "optimizers": sorted(optimizers),
            "operations": sorted(operations),
        },
        separators=(",", ":"),
    )
    # Lines of some length, so that a change of it can be read.
    lines = textwrap.wrap(text.replace(",", ", "), 99, break_long_words=False)
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def backend(environment: str) -> str:
    """Return the backend that an id names."""
    named = environment.rpartition("-")[2]
    return named if named in {"jax", "torch"} else "tensorflow"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
