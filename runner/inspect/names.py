"""The names that are Keras' own: `keras_names.json`, by tests/capture_names.py, and Keras 1's.

Input: a class or function name as a configuration has it. Output: whether it is Keras' own, and
why that is said.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

NAMES = Path(__file__).with_name("keras_names.json")
KERAS = ("keras", "tf_keras", "tensorflow", "tensorflow_core", "keras_core", "keras_src")
"""Packages whose classes are Keras' own."""
PLAIN = ("builtins", "__main__", "")
KERAS1 = frozenset(
    [
        "AtrousConv1D",
        "AtrousConv2D",
        "AtrousConvolution1D",
        "AtrousConvolution2D",
        "AutoEncoder",
        "Convolution1D",
        "Convolution2D",
        "Convolution3D",
        "Cropping1D",
        "Deconvolution2D",
        "Deconvolution3D",
        "Graph",
        "Highway",
        "LambdaMerge",
        "MaxoutDense",
        "Merge",
        "ParametricSoftplus",
        "SeparableConvolution2D",
        "Siamese",
        "TimeDistributedDense",
        "TimeDistributedMerge",
        "Transpose",
    ]
)
"""Layers that Keras 1 had and no environment has (its documentation, releases 0.3 to 1.2)."""
VERSIONED = re.compile(r"(?:V[12]|_v[12])$")
"""Ends of the names of classes that TensorFlow 1.13 to 2.1 had twice and wrote by their inner name:
`BatchNormalizationV1`."""
UNIFIED = frozenset(["UnifiedLSTM", "UnifiedGRU"])
"""Names that previews of TensorFlow 2.0 wrote."""
SHORT = frozenset(["accuracy", "acc", "ce", "crossentropy", "loss", "linear"])
"""Names that `compile` and layers take and no module has."""


class Names(msgspec.Struct, frozen=True):
    """Names by the generations of Keras that have them."""

    classes: Mapping[str, tuple[str, ...]]
    functions: Mapping[str, tuple[str, ...]]
    layers: frozenset[str]
    optimizers: frozenset[str]
    operations: frozenset[str]
    """Of TensorFlow's graphs."""


@functools.cache
def keras_names() -> Names:
    """Return the names that were captured."""
    return msgspec.json.decode(NAMES.read_bytes(), type=Names)


UNKNOWN = "no version of Keras that was asked has the name"
MARKERS = frozenset({"TensorShape", "TypeSpec", "CompositeTensor", "slice"})
"""Values that are serialized like objects, beside those named `__tuple__` and alike."""
OWN_REGISTERED = "Custom>"
"""Keras 2.11 and 2.12 write their own optimizers as if a user had registered them."""


def is_marker(class_name: str) -> bool:
    """Whether the name stands for a plain value, such as a tuple."""
    return class_name in MARKERS or (class_name.startswith("__") and class_name != "__lambda__")


def class_origin(class_name: str, module: str, registered: str) -> tuple[bool, str]:
    """Return whether a class is not Keras' own, and why."""
    top = module.split(".", maxsplit=1)[0]
    if _is_own_optimizer(registered or class_name):
        return False, "an optimizer of Keras, as Keras 2.11 and 2.12 write it"
    if ">" in (registered or class_name):
        return True, f"it is registered as {registered or class_name}"
    if module and top not in PLAIN:
        return top not in KERAS, f"its module is {module}"
    known = _generation(class_name)
    return not known, known or UNKNOWN


def _generation(class_name: str) -> str:
    """Return in words which Keras has a class; empty where none has."""
    generations = keras_names().classes.get(class_name, ())
    if generations:
        return f"a name of {' and '.join(generations)}"
    if class_name in KERAS1:
        return "a name of Keras 1"
    plain = VERSIONED.sub("", class_name)
    if class_name in UNIFIED or (plain != class_name and plain in keras_names().classes):
        return "the inner name of a class of TensorFlow 1.13 to 2.1"
    return ""


def _is_own_optimizer(name: str) -> bool:
    known = keras_names()
    return name.startswith(OWN_REGISTERED) and name.removeprefix(OWN_REGISTERED) in known.optimizers


def function_origin(name: str, module: str = "") -> tuple[bool, str]:
    """Return whether a function is not Keras' own, and why."""
    if module.split(".", maxsplit=1)[0] in KERAS and ">" not in name:
        return False, f"its module is {module}"
    if ">" in name:
        return True, f"it is registered as {name}"
    known = keras_names()
    if name in known.functions or name in known.classes or name.lower() in SHORT:
        return False, "a name of Keras"
    if name in known.operations:
        return False, "an operation of TensorFlow"
    return True, UNKNOWN
