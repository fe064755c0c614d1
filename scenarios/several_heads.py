"""A compiled model with two heads, each with its own loss and weight, one with a metric.

Cause: losses, their weights and metrics are stored by the names of the outputs, which several
versions replace when they load. A lost weight is another total loss, and no error. In `dict` the
model returns its outputs by name; in `nested_head` a head is a nested model, whose name is another
than that of the layer inside. In `targets_by_name` the outputs are a list and the targets a dict,
whose order is another: Keras 3.14.0 gives each metric the targets of the other head, and so, as
measured, does Keras 3.5.

Source: tensorflow/tensorflow issues 48692, 33641, 33686, 35665, 36492; keras-team/keras issues
10131, 16356, 22625.
"""

from scenarios.framework import keras

INPUT_SHAPE = (5,)


def targets(rng, variant):
    foo, bar = (
        rng.uniform(size=(8, 1)).astype("float32"),
        rng.uniform(size=(8, 1)).astype("float32"),
    )
    return {"foo": foo, "bar": bar} if variant in ("dict", "targets_by_name") else [foo, bar]


def build_model(variant):
    layers = keras.layers
    given = layers.Input(shape=INPUT_SHAPE)
    foo = layers.Dense(1, name="foo")(given)
    if variant == "nested_head":
        head = keras.Sequential(
            [layers.Dense(1, name="inner", input_shape=INPUT_SHAPE)], name="bar"
        )
        bar = head(given)
    else:
        bar = layers.Dense(1, name="bar")(given)
    return keras.models.Model(given, {"foo": foo, "bar": bar} if variant == "dict" else [foo, bar])


def compile_model(model, variant):
    model.compile(
        optimizer="sgd",
        loss={"foo": "mean_squared_error", "bar": "mean_squared_error"},
        loss_weights={"foo": 1.0, "bar": 0.2},
        metrics={"foo": ["mean_absolute_error"]},
    )
