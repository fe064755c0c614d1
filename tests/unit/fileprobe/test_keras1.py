"""Arguments as Keras 1.1 and 1.2 wrote them."""

from __future__ import annotations

from runner.fileprobe.keras1 import edited

DENSE = {
    "class_name": "Dense",
    "config": {
        "W_constraint": {"m": 2, "axis": 0, "name": "MaxNorm"},
        "W_regularizer": {"l1": 0.0, "l2": 0.10000000149011612, "name": "L1L2Regularizer"},
        "b_regularizer": None,
        "input_dtype": "float32",
        "name": "dense_1",
        "output_dim": 3,
    },
}


def test_objects_get_a_class_and_the_type_of_an_input_goes():
    (found,) = edited([DENSE])
    assert found["config"] == {
        "W_constraint": {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
        "W_regularizer": {
            "class_name": "L1L2",
            "config": {"l1": 0.0, "l2": 0.10000000149011612},
        },
        "b_regularizer": None,
        "name": "dense_1",
        "output_dim": 3,
    }


def test_a_layer_of_keras_1_alone_is_written_as_what_took_its_place():
    told = {
        "name": "t",
        "input_dim": None,
        "input_length": None,
        "output_dim": 3,
        "trainable": True,
        "batch_input_shape": [None, 5, 4],
    }
    found = edited({"class_name": "TimeDistributedDense", "config": told})
    assert found == {
        "class_name": "TimeDistributed",
        "config": {
            "name": "t",
            "trainable": True,
            "batch_input_shape": [None, 5, 4],
            "layer": {"class_name": "Dense", "config": {"name": "t_inner", "output_dim": 3}},
        },
    }


def test_what_keras_2_writes_stays():
    told = {"kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.1, "l2": 0.0}}}
    assert edited(told) == told
