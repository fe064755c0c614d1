"""Operations of TensorFlow between layers, as keras.ops computes them; NumPy stands for it here."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from runner.fileprobe.graph_ops import NoOperation, layer_operation

KERAS = SimpleNamespace(ops=np)
ROWS = np.arange(12.0).reshape(3, 4)


def run(function: str, first: object, **options: object) -> object:
    operation = layer_operation(KERAS, "TFOpLambda", {"function": function})
    assert operation is not None
    return operation(first, {"name": None, **options})


def test_a_layer_is_no_operation():
    assert layer_operation(KERAS, "Dense", {"units": 2}) is None


def test_arithmetic_is_that_of_the_arguments():
    assert np.array_equal(run("math.truediv", ROWS, y=2.0), ROWS / 2)
    assert np.array_equal(run("__operators__.subtract", 1.0, y=ROWS), 1 - ROWS)


def test_a_reduction_takes_its_axes_and_keeps_them():
    found = run("math.reduce_mean", ROWS, axis=[1], keepdims=True)
    assert np.array_equal(found, ROWS.mean(axis=1, keepdims=True))


def test_a_slice_is_read_as_the_configuration_writes_it():
    everything = {"start": None, "stop": None, "step": None}
    some = {"start": 1, "stop": None, "step": 2}
    found = run("__operators__.getitem", ROWS, slice_spec=[everything, some])
    assert np.array_equal(found, ROWS[:, 1::2])


def test_an_argument_that_would_be_left_out_is_an_error():
    with pytest.raises(NoOperation, match="beta=2"):
        run("math.tanh", ROWS, beta=2)


def test_an_operation_without_a_row_is_named():
    with pytest.raises(NoOperation, match=r"tf\.signal\.stft"):
        run("signal.stft", ROWS)


def test_a_node_gets_its_constants_where_they_stood():
    config = {
        "node_def": '{"op": "Sub", "name": "sub", "input": ["sub/x", "layer"], "attr": {}}',
        "constants": {"0": 1.0},
    }
    operation = layer_operation(KERAS, "TensorFlowOpLayer", config)
    assert operation is not None
    assert np.array_equal(operation(ROWS, {}), 1 - ROWS)


def test_a_node_that_reduces_reads_its_attributes():
    node = {"op": "Mean", "attr": {"keep_dims": {"b": True}}}
    operation = layer_operation(
        KERAS, "TensorFlowOpLayer", {"node_def": node, "constants": {"1": [0]}}
    )
    assert operation is not None
    assert np.array_equal(operation([ROWS], {}), ROWS.mean(axis=0, keepdims=True))
