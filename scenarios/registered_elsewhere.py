"""A class that the reader registers under another package than the writer did.

Cause: a file stores a registered class as `package>name`. The class is there in the reader and
registered, but under the package's new name, so the stored one finds nothing.

The writer's class is registered in `build_model`, which a reader does not execute.

Source: aertslab/CREsted issue 187; keras-team/keras issue 19899.
"""

import functools

from scenarios.framework import keras, register

INPUT_SHAPE = (10,)


# Once for each package: some versions refuse a second registration.
@functools.lru_cache(maxsize=None)
def registered_class(package):
    @register(package=package)
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

        def compute_output_shape(self, input_shape):
            return input_shape

    return Doubled


Doubled = registered_class("company")


def build_model(variant):
    doubled = registered_class("former_company")()
    return keras.Sequential(
        [keras.layers.Dense(6, input_shape=INPUT_SHAPE), doubled, keras.layers.Dense(3)]
    )


def custom_objects(variant):
    if variant == "full_name":
        return {"former_company>Doubled": Doubled}
    return {"Doubled": Doubled}
