"""Names and types of inputs and outputs, of models and of signatures."""

from __future__ import annotations

import types

import numpy as np

from runner.probe.interface import describe_model, describe_signature

EAGER = types.SimpleNamespace(graph_mode=False)
GRAPH = types.SimpleNamespace(graph_mode=True)


def tensor(name, dtype):
    return types.SimpleNamespace(name=name, dtype=dtype)


FLOAT = types.SimpleNamespace(name="float32")
"""A type of TensorFlow has a name, one of Keras 3 is a text."""
MODEL = types.SimpleNamespace(
    inputs=[tensor("zulu:0", FLOAT), tensor("alpha", "int32")],
    outputs=[tensor("foo/BiasAdd:0", FLOAT), tensor("keras_tensor_3", "float32")],
    output_names=["foo", "bar"],
)


def test_inputs_have_the_names_of_their_tensors_and_outputs_those_of_their_layers():
    found = describe_model(EAGER, MODEL, {"two": np.zeros(1), "one": np.zeros(1)})
    assert found == {
        "inputs": [["zulu", "float32"], ["alpha", "int32"]],
        "outputs": [["foo", "float32"], ["bar", "float32"]],
        "keys": ["one", "two"],
    }


def test_an_input_without_a_name_has_that_of_its_layer():
    history = types.SimpleNamespace(operation=types.SimpleNamespace(name="input_layer"))
    given = types.SimpleNamespace(name="keras_tensor", dtype="float32", _keras_history=history)
    model = types.SimpleNamespace(inputs=[given], outputs=None)
    assert describe_model(EAGER, model, [])["inputs"] == [["input_layer", "float32"]]


def test_what_a_version_does_not_tell_is_none():
    sequential = types.SimpleNamespace(inputs=[], outputs=[tensor("x", "float32")])
    found = describe_model(GRAPH, sequential, [np.zeros(1)])
    assert found == {"inputs": None, "outputs": [[None, "float32"]], "keys": None}


def test_a_signature_is_that_of_the_saved_model_or_of_the_layer_around_it():
    serve = types.SimpleNamespace(
        structured_input_signature=((), {"zulu": tensor("z", FLOAT), "alpha": tensor("a", FLOAT)}),
        structured_outputs={"output_0": tensor("output_0", FLOAT)},
    )
    saved = types.SimpleNamespace(signatures={"serving_default": serve})
    found = describe_signature(saved)
    assert found["inputs"] == [["alpha", "float32"], ["zulu", "float32"]]
    assert found["outputs"] == [["output_0", "float32"]]
    assert describe_signature(types.SimpleNamespace(_reloaded_obj=saved)) == found


def test_without_a_signature_nothing_is_told():
    assert describe_signature(object())["inputs"] is None
