"""The seeds of a writer: which function of a framework draws them."""

from __future__ import annotations

import random
import types

import numpy as np

from runner.probe.keras_api import KerasApi


def api(*, is_keras3: bool, seeded: list[tuple[str, int]]) -> KerasApi:
    def note(name: str):
        return lambda number: seeded.append((name, number))

    made = object.__new__(KerasApi)
    made.is_keras3 = is_keras3
    made.keras = types.SimpleNamespace(
        utils=types.SimpleNamespace(set_random_seed=note("keras.utils"))
    )
    made.tf = types.SimpleNamespace(random=types.SimpleNamespace(set_seed=note("tf.random")))
    return made


def drawn() -> tuple[float, float]:
    # The frameworks draw from the global generators.
    return random.random(), float(np.random.random())  # noqa: NPY002


def test_keras_2_is_never_seeded_by_its_own_function():
    """tf-keras 2.18 on Python 3.12 could build no layer afterwards: it gave `randint` a float."""
    seeded: list[tuple[str, int]] = []
    api(is_keras3=False, seeded=seeded).seed(7)
    first = drawn()
    api(is_keras3=False, seeded=seeded).seed(7)

    assert seeded == [("tf.random", 7), ("tf.random", 7)]
    assert drawn() == first


def test_keras_3_seeds_its_backend():
    seeded: list[tuple[str, int]] = []
    api(is_keras3=True, seeded=seeded).seed(7)

    assert seeded == [("keras.utils", 7)]
