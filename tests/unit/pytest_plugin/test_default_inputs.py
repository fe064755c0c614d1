"""The inputs that are drawn for a model, by what the model says of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from runner.pytest_plugin.default_inputs import _MatrixModels


class OldShape:
    def as_list(self):
        return [None, 3]


def tensor(shape, dtype="float32"):
    return SimpleNamespace(shape=shape, dtype=dtype)


def drawn(*inputs):
    models = _MatrixModels(lambda: SimpleNamespace(inputs=list(inputs)))
    return models.inputs(np.random.RandomState(1), "")


def test_one_input_is_an_array_of_the_shape_that_the_model_says():
    found = drawn(tensor((None, 3)))

    assert (found.shape, found.dtype) == ((8, 3), np.dtype("float32"))
    assert 0 < found.std() < 1


def test_shapes_and_types_of_old_versions_are_read():
    found = drawn(tensor(OldShape(), SimpleNamespace(name="float16_ref")))

    assert (found.shape, found.dtype) == ((8, 3), np.dtype("float16"))


def test_several_inputs_are_a_list_and_open_dimensions_have_a_size():
    first, second = drawn(tensor((None, None)), tensor((4, 2), "int64"))

    assert first.shape == (8, 8)
    assert (second.shape, second.dtype) == ((4, 2), np.dtype("int64"))
    assert set(np.unique(second)) <= {0, 1}


@pytest.mark.parametrize(
    ("inputs", "message"), [([tensor((None, 1), "string")], "of the type string"), ([], "input")]
)
def test_what_cannot_be_drawn_is_to_be_given(inputs, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        drawn(*inputs)
    assert "`inputs=`" in str(caught.value)


def test_the_model_that_was_looked_at_is_the_first_one_and_no_other():
    built = []

    def build():
        built.append(SimpleNamespace(inputs=[tensor((None, 1))]))
        return built[-1]

    models = _MatrixModels(build)
    models.inputs(np.random.RandomState(1), "")
    first, second = models.build_model(""), models.build_model("")
    models.inputs(np.random.RandomState(1), "")

    assert first is built[0]
    assert second is built[1]
    assert len(built) == 2
