"""Python code inside the file: Lambda layers.

Cause: a Lambda around an unnamed function is stored as Python bytecode. Bytecode belongs to one
version of Python, and whoever loads it executes what the file's author wrote: `.keras` readers
refuse it unless told `safe_mode=False`, legacy H5 readers long did not ask. A named function is
stored by its name and must be there in the reader. Keras 3 does not find out the output's shape of
a Lambda of Keras 2 by itself: `output_shape` says it. `named_function` and `closure` are the
other two kinds of function.

`marker` is the harmless form of an attack: its code makes a file in the working folder and prints
`code of the file was executed`, which is then in the observation's output, also where the load
failed in the end. Where a bare load of it is `equivalent`, this version executed a stranger's code.

Source: keras-team/keras issues 14875, 18284, 19151; tf-keras issue 44; CVE-2024-3660,
CVE-2025-9905.
"""

from scenarios.framework import keras

INPUT_SHAPE = (10,)


def scale(x):
    return x * 2.0


def build_model(variant):
    return keras.Sequential(
        [
            keras.layers.Dense(6, input_shape=INPUT_SHAPE),
            _LAMBDAS[variant](),
            keras.layers.Dense(3),
        ]
    )


def _unnamed():
    return keras.layers.Lambda(lambda x: x * 2.0)


def _output_shape():
    return keras.layers.Lambda(lambda x: x * 2.0, output_shape=(6,))


def _named():
    return keras.layers.Lambda(scale)


def _closure():
    factor = 2.0
    return keras.layers.Lambda(lambda x: x * factor)


def _marker():
    return keras.layers.Lambda(
        lambda x: (
            __import__("io").open("marker", "a").close(),
            __import__("sys").stdout.write("code of the file was executed\n"),
            x * 2.0,
        )[2],
        output_shape=(6,),
    )


_LAMBDAS = {
    "": _unnamed,
    "output_shape": _output_shape,
    "named_function": _named,
    "closure": _closure,
    "marker": _marker,
}


def custom_objects(variant):
    return {"scale": scale} if variant == "named_function" else {}
