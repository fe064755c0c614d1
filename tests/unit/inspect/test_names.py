from __future__ import annotations

import pytest

from runner.inspect.names import class_origin, function_origin, keras_names


@pytest.mark.parametrize(
    ("name", "module", "registered", "custom"),
    [
        ("Dense", "", "", False),
        ("Dense", "keras.layers", "", False),
        ("Dense", "my_package.layers", "", True),
        ("Dense", "", "mine>Dense", True),
        ("mine>Dense", "", "", True),
        ("Convolution2D", "", "", False),
        ("MaxoutDense", "", "", False),
        ("TFOpLambda", "", "", False),
        ("Functional", "keras.src.engine.functional", "", False),
        ("Transformer", "", "", True),
        ("Custom>Adam", "", "", False),
        ("Custom>Mine", "", "", True),
    ],
)
def test_classes_are_keras_own_or_not(name, module, registered, custom):
    found, source = class_origin(name, module, registered)
    assert found is custom
    assert source


@pytest.mark.parametrize(
    ("name", "custom"),
    [
        ("relu", False),
        ("mse", False),
        ("accuracy", False),
        ("zeros", False),
        ("mish", False),
        ("scale", True),
        ("company>relu", True),
    ],
)
def test_functions_are_keras_own_or_not(name, custom):
    assert function_origin(name)[0] is custom


def test_names_are_filed_by_generation():
    names = keras_names()
    assert names.classes["LSTM"] == ("keras2", "keras3")
    assert names.classes["LocallyConnected1D"] == ("keras2",)
    assert names.classes["DTypePolicy"] == ("keras3",)
    assert {"LSTM", "Lambda"} <= names.layers
    assert "MatMul" in names.operations
