"""A registered loss function.

Cause: a registered function was stored by its bare name in Keras before 3.7 and by its registered
one, `package>name`, since.

Source: keras-team/keras issue 20806.
"""

from scenarios.framework import keras, ops, register

INPUT_SHAPE = (10,)


@register(package="company")
def scaled_error(y_true, y_pred):
    return 3.0 * ops.mean(ops.square(y_true - y_pred), axis=-1)


def targets(rng, variant):
    return rng.uniform(size=(8, 3)).astype("float32")


def build_model(variant):
    return keras.Sequential([keras.layers.Dense(3, input_shape=INPUT_SHAPE)])


def compile_model(model, variant):
    model.compile(optimizer="sgd", loss=scaled_error)


def custom_objects(variant):
    return {"scaled_error": scaled_error}
