"""Losses and metrics of each output, by what its targets change."""

from __future__ import annotations

import types

import numpy as np

from runner.probe.heads import metrics_of_heads, shares_of_loss
from runner.probe.keras_api import Given

TARGETS = Given([np.array([[0.0], [1.0], [3.0]]), np.array([[1.0], [1.0], [5.0]])])
SCORES = np.array([[0.0], [1.0], [2.0]])


def evaluate(weights, owner=0):
    """Return what a model with two mean absolute errors evaluates; its metric is of one head."""

    def run(targets):
        errors = [float(np.abs(each - SCORES).mean()) for each in targets]
        return [sum(w * e for w, e in zip(weights, errors, strict=True)), errors[owner]]

    return run


class Metric:
    def __init__(self, **config):
        self.config = config

    def get_config(self):
        return self.config


class Holder:
    """Keras 3 keeps the metrics that were compiled in one object."""

    def __init__(self, *metrics):
        self.metrics = list(metrics)


def model(*metrics):
    return types.SimpleNamespace(optimizer=object(), metrics=list(metrics))


def test_a_weight_of_a_loss_shows_in_the_share_of_its_output_alone():
    one = shares_of_loss(model(), evaluate([1.0, 0.2]), TARGETS)
    other = shares_of_loss(model(), evaluate([1.0, 1.0]), TARGETS)
    assert one[0] == other[0] != 0
    assert np.isclose(one[1] * 5, other[1])
    assert one[1]


def test_a_metric_belongs_to_the_output_whose_targets_change_it():
    first = metrics_of_heads(model(), evaluate([1.0, 1.0], owner=0), TARGETS)["values"]
    second = metrics_of_heads(model(), evaluate([1.0, 1.0], owner=1), TARGETS)["values"]
    assert [len(each) for each in first] == [1, 0]
    assert [len(each) for each in second] == [0, 1]


def test_targets_keep_their_structure():
    seen = []

    def run(targets):
        seen.append((targets.names, targets.as_tuple))
        return [0.0]

    by_name = Given({"foo": np.zeros((2, 1)), "bar": np.ones((2, 1))})
    shares_of_loss(model(), run, by_name)
    assert seen == [(["bar", "foo"], False)] * 3


def test_a_model_that_is_not_compiled_has_neither():
    bare = types.SimpleNamespace(optimizer=None)
    assert shares_of_loss(bare, evaluate([1.0, 1.0]), TARGETS) is None
    assert metrics_of_heads(bare, evaluate([1.0, 1.0]), TARGETS) is None


def test_arguments_are_those_of_objects_wherever_the_model_keeps_them():
    metrics = [Metric(name="loss"), Metric(thresholds=[0.2], top_k=None), "accuracy"]
    plain = metrics_of_heads(model(*metrics), evaluate([1.0, 1.0]), TARGETS)
    held = metrics_of_heads(model(Holder(*metrics)), evaluate([1.0, 1.0]), TARGETS)
    assert plain["arguments"] == held["arguments"] == [["Metric", {"thresholds": 0.2}]]
