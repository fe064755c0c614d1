"""The evaluation of a model with several outputs: the same numbers in each generation."""

from __future__ import annotations

import contextlib
import types

import numpy as np

from runner.probe.measure import _evaluate

ARRAY = np.zeros((8, 1))


class Named:
    """Names its results, and lists the loss of each output, as TensorFlow 2.2 and later do."""

    def test_on_batch(self, x, y, return_dict=False):
        assert return_dict
        return {"loss": 1.5, "foo_loss": 1.0, "bar_loss": 2.5, "foo_mae": 0.25}


class Positional:
    """Has a list of numbers, and their names beside it, as TensorFlow 1.15 has."""

    metrics_names = ("loss", "foo_loss", "bar_loss", "foo_mean_absolute_error")

    def test_on_batch(self, x, y):
        return [1.5, 1.0, 2.5, 0.25]


def test_several_outputs_give_the_total_loss_and_the_metrics():
    api = types.SimpleNamespace(without_tracing=contextlib.nullcontext)
    found = [_evaluate(api, model, [ARRAY], [ARRAY, ARRAY]) for model in (Named(), Positional())]
    assert found == [[1.5, 0.25], [1.5, 0.25]]
