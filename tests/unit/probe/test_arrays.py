"""Arrays of a file of weights: given to the layer they are of, to none where that is unclear."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from runner.probe import arrays

END = arrays.VALUE


class Layer:
    def __init__(self, *names):
        self.weights = [SimpleNamespace(name=name) for name in names]
        self.given = None

    def set_weights(self, given):
        self.given = [np.asarray(each).tolist() for each in given]


class Dense(Layer):
    pass


class Dropout(Layer):
    pass


def model(*layers):
    return SimpleNamespace(layers=list(layers))


@pytest.fixture
def checkpoint(monkeypatch):
    def hold(**values):
        reader = SimpleNamespace(
            get_variable_to_shape_map=lambda: {key.replace("__", "/"): () for key in values},
            get_tensor=lambda key: values[key.replace("/", "__")],
        )
        train = SimpleNamespace(load_checkpoint=lambda _prefix: reader)
        monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(train=train))

    return hold


def key(text):
    return (text + END).replace("/", "__")


def test_a_checkpoint_gives_each_layer_its_arrays_by_name(checkpoint):
    checkpoint(
        **{
            key("layer_with_weights-1/cell/kernel"): [3],
            key("layer_with_weights-0/bias"): [1],
            key("layer_with_weights-0/kernel"): [2],
            key("layer_with_weights-0/kernel/.OPTIMIZER_SLOT/optimizer/m"): [9],
            key("optimizer/iter"): [9],
            "_CHECKPOINTABLE_OBJECT_GRAPH": [9],
        }
    )
    first, second = Layer("dense/kernel:0", "dense/bias:0"), Layer("kernel")
    arrays.set_from_checkpoint(model(first, Layer(), second), "prefix")
    assert (first.given, second.given) == ([[2], [1]], [[3]])


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        # Another number of layers, or of weights.
        (["layer_with_weights-1/kernel"], ["kernel"]),
        (["layer_with_weights-0/kernel", "layer_with_weights-0/bias"], ["kernel"]),
        # Two arrays of one name: each half of a bidirectional layer has a kernel.
        (
            ["layer_with_weights-0/forward/kernel", "layer_with_weights-0/backward/kernel"],
            ["kernel", "kernel"],
        ),
        # A name that the file does not have, and a model within the model.
        (["layer_with_weights-0/w"], ["kernel"]),
        (["layer_with_weights-0/layer_with_weights-0/kernel"], ["kernel"]),
    ],
)
def test_nothing_is_guessed(checkpoint, keys, names):
    checkpoint(**{key(each): [0] for each in keys})
    layer = Layer(*names)
    with pytest.raises(arrays.Unclear):
        arrays.set_from_checkpoint(model(layer), "prefix")
    assert layer.given is None


class Group(dict):
    """A group of an HDF5 file, as far as h5py's is used."""

    def __init__(self, members=(), name="", **attrs):
        super().__init__(members)
        self.name, self.attrs = name, attrs

    def visititems(self, visit, before=""):
        for name, item in self.items():
            visit(before + name, item)
            if isinstance(item, Group):
                item.visititems(visit, f"{before}{name}/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def hdf5(monkeypatch):
    def hold(file):
        monkeypatch.setitem(sys.modules, "h5py", SimpleNamespace(File=lambda *_: file))

    return hold


def held(*values):
    return Group({"vars": Group({str(number): each for number, each in enumerate(values)})})


def test_the_layout_of_keras_3_is_read_by_classes_counted(hdf5):
    drawn = Group({"seed_generator": held([7])})
    hdf5(Group({"layers": Group({"dense_1": held([2]), "dense": held([1]), "dropout": drawn})}))
    first, second = Dense("kernel"), Dense("kernel")
    arrays.set_from_hdf5(model(first, Dropout(), second), "path")
    assert (first.given, second.given) == ([[1]], [[2]])


def test_the_older_layouts_are_read(hdf5):
    layer = Dense("kernel")
    hdf5(Group({arrays.OLDER_GROUP + "\\dense": held([1])}))
    arrays.set_from_hdf5(model(layer), "path")
    assert layer.given == [[1]]
    # As TensorFlow 2.12.1 names them for two layers: the numbers have gaps.
    first, second = Dense("kernel"), Dense("kernel")
    hdf5(Group({arrays.OLDER_GROUP: Group({"dense_2": held([2]), "dense": held([1])})}))
    arrays.set_from_hdf5(model(first, Dropout(), second), "path")
    assert (first.given, second.given) == ([[1]], [[2]])
    with pytest.raises(arrays.Unclear, match="more layers"):
        arrays.set_from_hdf5(model(Dense("kernel")), "path")
    weights = Group({"dense/kernel:0": [5]}, weight_names=["dense/kernel:0"])
    inputs = Group(weight_names=[])
    hdf5(Group({"dense": weights, "input": inputs}, layer_names=["input", "dense"]))
    arrays.set_from_hdf5(model(layer), "path")
    assert layer.given == [[5]]


def test_a_layer_that_holds_others_and_a_file_of_other_layers_are_unclear(hdf5):
    both = Group({"forward": held([1]), "backward": held([2])})
    for layers in ({"dense": both}, {"conv2d": held([1])}):
        hdf5(Group({"layers": Group(layers)}))
        with pytest.raises(arrays.Unclear):
            arrays.set_from_hdf5(model(Dense("kernel")), "path")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Conv2D", "conv2d"), ("BatchNormalization", "batch_normalization"), ("LSTM", "lstm")],
)
def test_classes_are_called_as_keras_calls_their_groups(name, expected):
    assert arrays.snake_case(name) == expected
