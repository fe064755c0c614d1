"""The inputs made for a user's file."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from runner.inspect import Container, Description
from runner.inspect.description import OF_SIGNATURE, Basis, ClassCount, Item, Role, TensorShape
from runner.userfile.inputs import (
    GUESSED_SHAPES,
    Input,
    described_inputs,
    guessed_inputs,
    make_inputs,
    reported_inputs,
)


def described(*shapes, items=()):
    inputs = tuple(
        TensorShape(name=f"in_{i}", shape=shape, dtype=dtype, basis=Basis.READ, source="config")
        for i, (shape, dtype) in enumerate(shapes)
    )
    return Description(
        path="m.h5", container=Container.HDF5, title="HDF5", inputs=inputs, items=items
    )


def test_the_same_inputs_are_made_each_time_and_fit_the_file(tmp_path):
    inputs = described_inputs(described(((None, 5), "float32"), ((2, None, None, 3), "float32")))

    first, second = make_inputs(inputs, "the file"), make_inputs(inputs, "the file")
    first.write(tmp_path / "in.npz")

    assert [a.shape for a in first.arrays] == [(8, 5), (2, 64, 64, 3)]
    assert all(np.array_equal(a, b) for a, b in zip(first.arrays, second.arrays, strict=True))
    with np.load(Path(tmp_path / "in.npz")) as stored:
        assert sorted(stored.files) == ["i0000", "i0001"]


def signature(name, key, dtype="float32"):
    source = f"saved_model.pb{OF_SIGNATURE}{name}"
    return TensorShape(name=key, shape=(None, 1), dtype=dtype, basis=Basis.READ, source=source)


def test_of_the_functions_of_a_saved_model_the_one_that_is_called_counts():
    # As tensorflow/serving's half_plus_two has them.
    functions = (
        signature("classify_x_to_y", "inputs", "string"),
        signature("regress_x2_to_y3", "inputs"),
        signature("serving_default", "x"),
    )
    one = Description(path="m", container=Container.SAVED_MODEL, title="", inputs=functions)
    assert [each.name for each in described_inputs(one)] == ["x"]
    others = msgspec.structs.replace(one, inputs=functions[:2])
    assert described_inputs(others) == ()
    # Of plain TensorFlow: nobody calls `train`. A model's `inference` takes what the model takes.
    alone = msgspec.structs.replace(one, inputs=functions[:1])
    assert described_inputs(alone) == ()
    layers = (ClassCount(class_name="Dense", count=1, custom=False, source=""),)
    model = msgspec.structs.replace(alone, layers=layers)
    assert [each.name for each in described_inputs(model)] == ["inputs"]


def test_what_layers_cut_off_is_left_of_sizes_that_the_file_does_not_fix():
    # As SpliceAI has them.
    layer = Item(role=Role.LAYER, class_name="Cropping1D", config={"cropping": [5000, 5000]})
    (one,) = described_inputs(described(((None, None, 4), "float32"), items=(layer,)))
    assert make_inputs([one], "the file").arrays[0].shape == (2, 10012, 4)
    assert make_inputs([one], "the file", 20000).arrays[0].shape == (2, 20000, 4)
    # A size that a model of images needs is kept where it is enough.
    layer = Item(role=Role.LAYER, class_name="Cropping2D", config={"cropping": [[1, 2], [0, 3]]})
    (one,) = described_inputs(described(((None, None, None, 3), "float32"), items=(layer,)))
    assert make_inputs([one], "the file").arrays[0].shape == (8, 64, 64, 3)


def test_values_lie_on_both_sides_of_the_kinks():
    (array,) = make_inputs((Input(name="x", shape=(None, 50)),), "the file").arrays

    assert array.min() < -3 < 3 < array.max()
    assert (np.abs(array) < 0.5).mean() > 0.2


def test_an_embedding_gets_words_that_it_knows():
    embedding = Item(role=Role.LAYER, class_name="Embedding", config={"input_dim": 4})
    read = described(((None, 30), "float32"), items=(embedding,))

    (array,) = make_inputs(described_inputs(read), "the file").arrays

    assert array.dtype == "float32"
    assert set(array.ravel()) == {0.0, 1.0, 2.0, 3.0}


@pytest.mark.parametrize(("dtype", "kind"), [("string", "U"), ("bool", "b"), ("int64", "i")])
def test_other_types(dtype, kind):
    (array,) = make_inputs((Input(name="x", shape=(None, 3), dtype=dtype),), "the file").arrays

    assert array.dtype.kind == kind


def test_absurd_shapes_are_refused():
    with pytest.raises(ValueError, match="too large"):
        make_inputs((Input(name="x", shape=(None, 10**9)),), "the file")


def test_a_loaded_model_may_say_its_inputs_instead():
    said = [{"name": "x", "shape": [None, 3], "dtype": "float32"}]

    assert reported_inputs(said, described())[0].shape == (None, 3)
    assert reported_inputs([{"name": "x", "shape": None}], described()) == ()
    assert described_inputs(described((None, "float32"))) == ()


def test_shapes_are_guessed_where_nobody_says_any_and_only_there():
    read = described((None, "float32"), ((None, 3), "int32"))

    guesses = [[each.shape for each in one] for one in guessed_inputs(read)]

    assert guesses == [[guess, (None, 3)] for guess in GUESSED_SHAPES]
    assert [each.dtype for each in next(guessed_inputs(read))] == ["float32", "int32"]
    assert not list(guessed_inputs(described(((None, 3), "float32"))))
    assert not list(guessed_inputs(described()))
