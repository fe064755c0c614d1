import time

import pytest

from runner.probe import clock


def _fail():
    with clock.timed("train"):
        time.sleep(0.02)
        raise ValueError("train")


def test_a_part_within_another_counts_once_and_an_error_ends_it():
    clock.begin()
    began = time.time()
    with clock.timed("compare"):
        with clock.timed("call"):
            time.sleep(0.02)
        with pytest.raises(ValueError, match="train"):
            _fail()
    spent = clock.spent()
    assert set(spent) == {"compare", "call", "train"}
    assert min(spent["call"], spent["train"]) >= 0.019
    assert sum(spent.values()) <= time.time() - began + 0.001
    clock.begin()
    assert clock.spent() == {}
