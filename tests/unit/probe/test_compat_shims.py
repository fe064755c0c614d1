"""The shims on small classes that take arguments as those of Keras 2 and of Keras 3 do."""

from __future__ import annotations

import ast
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from runner.probe import compat_shims


class Object:
    """What is made from its configuration, and keeps it."""

    def __init__(self, name=None):
        self.made_with = {}

    @classmethod
    def from_config(cls, config):
        made = cls.__new__(cls)
        made.made_with = config
        return made


class Initializer(Object):
    pass


class OrthogonalInitializer(Initializer):
    def __init__(self, seed=None):
        """Take a seed."""


class Layer(Object):
    def call(self, inputs):
        """Be called with one argument."""

    def __init__(self, name=None, trainable=True, dtype=None, **kwargs):
        """Take what every layer takes."""


class OldInput(Layer):
    def __init__(self, input_shape=None, sparse=None, **kwargs):
        """Take an input as Keras 2 does."""


class NewInput(Layer):
    def __init__(self, batch_shape=None, **kwargs):
        """Take an input as Keras 3 does."""


OldInput.__name__ = NewInput.__name__ = "InputLayer"


class Dense(Layer):
    def __init__(self, units, activation=None, kernel_initializer=None, **kwargs):
        """Take what a dense layer takes."""

    def call(self, inputs, mask=None, scale=None):
        """Be called with more than one argument."""


class Activation(Layer):
    def __init__(self, activation, **kwargs):
        """Take a function's name."""

    def __call__(self, tensor):
        return tensor + " computed"


class BatchNormalization(Layer):
    def __init__(self, axis=-1, **kwargs):
        """Take an axis."""


class Model(Layer):
    single: ClassVar = ["x", 0, 0]

    def __init__(self, inputs, outputs, name=None):
        if outputs is inputs:
            # Keras 3.12 and 3.13.
            raise ValueError("`inputs` not connected to `outputs`")
        super().__init__()

    def get_config(self):
        return {"input_layers": self.single}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = cls.__new__(cls)
        made.made_with = config
        made.custom_objects = custom_objects
        return made


class Loss(Object):
    def __init__(self, reduction="sum", name=None):
        """Take a reduction."""


def relu(x, max_value=None):
    return min(max(x, 0.0), max_value)


def keras(*, new):
    made = SimpleNamespace(
        models=SimpleNamespace(
            Model=type("Model", (Model,), {}), Sequential=type("Sequential", (Model,), {})
        ),
        layers=SimpleNamespace(
            Input=lambda shape, name: name,
            Layer=Layer,
            InputLayer=NewInput if new else OldInput,
            Dense=Dense,
            Activation=Activation,
            BatchNormalization=BatchNormalization,
        ),
        initializers=SimpleNamespace(
            Initializer=Initializer, OrthogonalInitializer=OrthogonalInitializer
        ),
        regularizers=SimpleNamespace(L1L2=lambda l1=0.0, l2=0.0: (l1, l2)),
        constraints=SimpleNamespace(),
        optimizers=SimpleNamespace(Adam=type("Adam", (Object,), {})),
        losses=SimpleNamespace(Loss=Loss),
        metrics=SimpleNamespace(),
        activations=SimpleNamespace(relu=relu),
    )
    if new:
        made.ops = SimpleNamespace()
    return made


class TensorFlowOptimizer:
    """One of Keras 2 that reads no configuration: no class method."""

    def from_config(self, config):
        raise NotImplementedError


def test_the_keras_of_2017_has_no_classes_at_its_top_and_methods_that_read_nothing():
    subject = keras(new=False)
    subject.optimizers.TFOptimizer = TensorFlowOptimizer
    del subject.initializers, subject.regularizers.L1L2
    subject.regularizers.L1L2Regularizer = Object
    before = vars(TensorFlowOptimizer)["from_config"]
    with compat_shims.installed(subject, "2.3.1") as shims:
        assert vars(TensorFlowOptimizer)["from_config"] is before
        assert shims["Functional"] is subject.models.Model
        assert "L1L2" not in shims


def translated(config, *, layer="Dense", new=True, wrote="2.15.0"):
    subject = keras(new=new)
    with compat_shims.installed(subject, wrote):
        return getattr(subject.layers, layer).from_config(config).made_with


def test_an_argument_goes_where_its_value_says_what_the_class_does_anyway():
    harmless = {
        "groups": 1,
        "time_major": False,
        "quantization_config": None,
        "implementation": 2,
        "use_gate": False,
        "ragged": False,
        "dilation_rate": (1, 1),
        "renorm": False,
        "renorm_momentum": 0.99,
    }
    assert translated({"units": 3, **harmless}) == {"units": 3}


def test_an_argument_that_asks_for_something_stays():
    asked = {
        "groups": 2,
        "time_major": True,
        "use_gate": True,
        "sliding_window": 4,
        "dilation_rate": (2, 2),
        "renorm": True,
        "renorm_momentum": 0.99,
        "never_heard_of": None,
    }
    assert translated(dict(asked)) == asked
    # True equals 1, and is no number of groups.
    assert translated({"groups": True}) == {"groups": True}


def test_an_argument_the_class_knows_stays_whatever_it_says():
    assert translated({"input_shape": None, "sparse": False}, layer="InputLayer", new=False) == {
        "input_shape": None,
        "sparse": False,
    }


@pytest.mark.parametrize(
    ("new", "layer", "given", "expected"),
    [
        (False, "InputLayer", {"batch_shape": [None, 3]}, {"batch_input_shape": [None, 3]}),
        (True, "InputLayer", {"batch_input_shape": [None, 3]}, {"batch_shape": [None, 3]}),
        (True, "Dense", {"batch_input_shape": [None, 3]}, {"input_shape": (3,)}),
        (True, "Dense", {"input_shape": [None, None, 3]}, {"input_shape": (None, 3)}),
        (True, "Dense", {"input_shape": (None, 3)}, {"input_shape": (None, 3)}),
        (False, "Dense", {"batch_input_shape": [None, 3]}, {"batch_input_shape": [None, 3]}),
        (True, "BatchNormalization", {"axis": [3]}, {"axis": 3}),
        (True, "BatchNormalization", {"axis": [1, 2]}, {"axis": [1, 2]}),
        (
            False,
            "Dense",
            {"dtype": {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}},
            {"dtype": "mixed_float16"},
        ),
    ],
)
def test_what_has_another_form_is_written_that_way(new, layer, given, expected):
    assert translated(given, layer=layer, new=new) == expected


def test_a_policy_that_is_more_than_its_name_stays():
    policy = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "name": "x"}}
    assert translated({"dtype": policy})["dtype"] == policy


@pytest.mark.parametrize(
    ("new", "wrote", "at_one"),
    # Keras 2: 0.2 x + 0.5; Keras 3: relu6(x + 3) / 6.
    [(True, "2.15.0", 0.7), (False, "3.8.0", 4 / 6)],
)
def test_a_function_whose_meaning_changed_brings_the_writers_formula(new, wrote, at_one):
    subject = keras(new=new)
    with compat_shims.installed(subject, wrote) as shims:
        made = subject.layers.Dense.from_config({"activation": "hard_sigmoid"}).made_with
        _check_formulas(subject, made, shims, at_one)


def _check_formulas(subject, made, shims, at_one):
    for function in (made["activation"], shims["hard_sigmoid"]):
        assert function(1.0) == pytest.approx(at_one)
        assert (function(-9.0), function(9.0)) == (0.0, 1.0)
        # Saved under the old name, it would be loaded with the other formula, and nobody told.
        assert function.__name__ != "hard_sigmoid"
        assert shims[function.__name__](1.0) == function(1.0)
        saved = {"activation": {"class_name": "function", "config": function.__name__}}
        loaded = subject.layers.Dense.from_config(saved).made_with["activation"]
        assert loaded(1.0) == function(1.0)


@pytest.mark.parametrize(
    ("new", "wrote"), [(True, "3.8.0"), (False, "2.15.0"), (False, "2.2.4-tf")]
)
def test_a_function_that_means_the_same_stays_a_name(new, wrote):
    subject = keras(new=new)
    with compat_shims.installed(subject, wrote) as shims:
        made = subject.layers.Dense.from_config({"activation": "hard_sigmoid"}).made_with
    assert made == {"activation": "hard_sigmoid"}
    assert "hard_sigmoid" not in shims


def test_an_initializer_is_found_under_its_other_name():
    given = {"module": "keras.initializers", "class_name": "Orthogonal", "config": {"seed": 4}}
    made = translated({"kernel_initializer": given})["kernel_initializer"]
    assert isinstance(made, OrthogonalInitializer)
    assert made.made_with == {"seed": 4}


def test_a_loss_averages_as_it_did():
    subject = keras(new=True)
    config = {"reduction": "auto", "fn": "mean_squared_error", "dtype": "float32"}
    with compat_shims.installed(subject, "2.15.0"):
        made = subject.losses.Loss.from_config(config).made_with
    assert made == {"reduction": "sum_over_batch_size"}


def test_the_names_only_other_versions_look_up():
    subject = keras(new=False)
    with compat_shims.installed(subject, "2.15.0") as shims:
        assert shims["Functional"] is subject.models.Model
        assert shims["Custom>Adam"] is subject.optimizers.Adam
        assert shims["L2"](l2=0.5) == (0.0, 0.5)
        assert "Dense" not in shims
    with compat_shims.installed(keras(new=True), "2.15.0") as shims:
        # An architecture's JSON of Keras 2 names classes without their module.
        assert shims["Dense"] is Dense
        assert {"Model", "Sequential"} <= set(shims)


def test_the_classes_are_as_before_afterwards_whatever_happened_inside():
    subject = keras(new=True)
    before = {cls: dict(vars(cls)) for cls in compat_shims.built_in_classes(subject)}

    def stop():
        with compat_shims.installed(subject, "2.15.0"):
            assert {cls: dict(vars(cls)) for cls in before} != before
            raise KeyError

    with pytest.raises(KeyError):
        stop()
    after = {cls: dict(vars(cls)) for cls in compat_shims.built_in_classes(subject)}
    assert after == before


def test_a_model_hands_custom_objects_on():
    subject = keras(new=True)
    with compat_shims.installed(subject, "2.15.0"):
        made = subject.models.Model.from_config({"name": "m"}, custom_objects={"a": 1})
    assert made.custom_objects == {"a": 1}


def tensor(name):
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 3], "dtype": "float32", "keras_history": [name, 0, 0]},
    }


NEW_GRAPH = {
    "layers": [
        {"class_name": "InputLayer", "inbound_nodes": []},
        {
            "class_name": "Dense",
            "inbound_nodes": [{"args": [tensor("x")], "kwargs": {"mask": None}}],
        },
        {
            "class_name": "Concatenate",
            "inbound_nodes": [{"args": [[tensor("x"), tensor("y")]], "kwargs": {}}],
        },
        {
            "class_name": "Dense",
            "inbound_nodes": [{"args": [tensor("x"), tensor("y")], "kwargs": {"scale": 2}}],
        },
    ],
    "input_layers": ["x", 0, 0],
    "output_layers": [["y", 0, 0], ["z", 0, 0]],
}


def test_a_graph_of_keras_3_is_written_as_keras_2_does():
    subject = keras(new=False)
    with compat_shims.installed(subject, "3.8.0"):
        made = subject.models.Model.from_config(NEW_GRAPH).made_with
    assert [layer["inbound_nodes"] for layer in made["layers"]] == [
        [],
        [[["x", 0, 0, {}]]],
        [[["x", 0, 0, {}], ["y", 0, 0, {}]]],
        [[["x", 0, 0, {"scale": 2, "mask": ["y", 0, 0]}]]],
    ]
    assert made["input_layers"] == [["x", 0, 0]]
    assert made["output_layers"] == [["y", 0, 0], ["z", 0, 0]]
    assert compat_shims.old_graph(made, subject.layers) == made


def test_a_call_that_keras_2_cannot_write_is_refused():
    node = {"args": [tensor("x"), tensor("y")], "kwargs": {}}
    layers = [{"class_name": "NotEqual", "inbound_nodes": [node]}]
    graph = {"layers": layers, "input_layers": [], "output_layers": []}
    with pytest.raises(ValueError, match="Keras 2 has no form"):
        compat_shims.old_graph(graph, SimpleNamespace())


def test_tensors_among_the_arguments_by_name_are_no_lists_in_keras_3():
    node = [["x", 0, 0, {"value": ["y", 0, 0], "training": False}]]
    plain = [["x", 0, 0, {}]]
    layers = [{"class_name": "A", "inbound_nodes": [node, plain]}]
    graph = {"layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}
    made = compat_shims.new_graph(graph)["layers"][0]["inbound_nodes"]
    assert made[1] == plain
    assert made[0]["args"][0]["config"]["keras_history"] == ["x", 0, 0]
    assert made[0]["kwargs"]["value"]["config"]["keras_history"] == ["y", 0, 0]
    assert made[0]["kwargs"]["training"] is False


@pytest.mark.parametrize(
    ("single", "expected"), [([["x", 0, 0]], [["x", 0, 0]]), (["x", 0, 0], ["x", 0, 0])]
)
def test_the_ends_of_a_graph_are_written_as_the_reader_writes_them(single, expected):
    subject = keras(new=True)
    subject.models.Model.single = single
    with compat_shims.installed(subject, "3.15.0"):
        made = subject.models.Model.from_config({**NEW_GRAPH, "layers": []}).made_with
    assert made["input_layers"] == expected
    assert made["output_layers"] == [["y", 0, 0], ["z", 0, 0]]


def test_the_version_is_read_from_the_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
    (tmp_path / "a.json").write_text(json.dumps({"keras_version": "3.8.0"}))
    assert compat_shims.written_by(str(tmp_path / "m.keras")) == "2.15.0"
    assert compat_shims.written_by(str(tmp_path / "a.json")) == "3.8.0"


def test_the_module_can_be_copied_beside_a_program():
    tree = ast.parse(Path(compat_shims.__file__).read_text(), feature_version=(3, 7))
    imported = {
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported == {
        "contextlib",
        "inspect",
        "io",
        "json",
        "zipfile",
        "typing",
        "h5py",
        "__future__",
    }
