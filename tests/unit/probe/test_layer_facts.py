"""Facts of single layers, each read from the places where versions keep it."""

from __future__ import annotations

import types

import numpy as np

from runner.probe.layer_facts import RecurrentStates, constraints, learnt_state, seeds


def layer(**parts):
    return types.SimpleNamespace(name="layer", **parts)


class Api:
    """Values are arrays; assigning writes into them."""

    @staticmethod
    def value(array):
        return array.copy()

    @staticmethod
    def constant(array):
        return array

    @staticmethod
    def assign(array, value):
        array[...] = value


def test_words_are_those_a_layer_has_a_number_for():
    text = layer(get_vocabulary=lambda: ["", "[UNK]", b"red", "green"])
    numbers = layer(get_vocabulary=lambda: [-1, 2, 3])
    assert learnt_state([text, layer()]) == [[0, "layer", {"words": ["red", "green"]}]]
    assert learnt_state([numbers]) == [[0, "layer", {"words": ["2", "3"]}]]


def test_bins_and_statistics_are_numbers():
    bins = layer(bin_boundaries=[0, 1.5])
    normal = layer(adapt=print, mean=np.array([[0.5, 1.0]]), variance=None)
    assert learnt_state([bins]) == [[0, "layer", {"bins": [0.0, 1.5]}]]
    assert learnt_state([normal]) == [[0, "layer", {"mean": [0.5, 1.0]}]]
    # The mean of a layer that learns nothing is an argument.
    assert learnt_state([layer(mean=3.0)]) == []


def test_constraints_are_known_by_their_effect():
    dense = layer(kernel_constraint=lambda x: np.maximum(x, 0), bias_constraint=None)
    kernel, bias = constraints(Api, [layer(), dense])
    assert kernel[:2] == ("1/kernel", "layer kernel")
    assert kernel[2].min() == 0 < kernel[2].max()
    # A layer made up from a SavedModel has neither, and does not say that there is none.
    assert bias == ("1/bias", "layer bias", None)


def test_a_seed_is_the_layers_or_that_of_its_cell():
    cell = types.SimpleNamespace(seed=7)
    found = seeds([layer(seed=3), layer(cell=cell), layer(seed=None), layer()])
    assert found == [[0, "layer", 3], [1, "layer", 7], [2, "layer", None]]


def test_states_are_those_before_the_call_and_are_put_back():
    h, c = np.ones(2), np.zeros(2)
    stateful = layer(stateful=True, states=[h, c])
    states = RecurrentStates(Api, [layer(), stateful, layer(stateful=False, states=[h])])
    h += 5
    states.put_back()
    assert h.tolist() == [1.0, 1.0]
    (place, _, values), forgetful = states.values
    assert place == 1
    assert forgetful == (2, "layer", None)
    assert [each.tolist() for each in values] == [[1.0, 1.0], [0.0, 0.0]]


def test_states_that_are_not_made_yet_are_none():
    states = RecurrentStates(Api, [layer(stateful=True, states=[None]), layer(stateful=True)])
    states.put_back()
    assert states.values == [(0, "layer", [None])]
