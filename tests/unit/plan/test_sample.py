"""Samples over strata: complete, repeatable, and rare strata get more than their share."""

from __future__ import annotations

from collections import Counter

from runner.plan.sample import draw_sample

SIZES = {"common": 9000, "usual": 900, "rare": 100, "single": 1}
STRATA = [name for name, size in SIZES.items() for _ in range(size)]


def test_a_sample_has_the_size_asked_for_and_no_cell_twice():
    for size in (0, 1, 10, 500, 10_001, 20_000):
        drawn = draw_sample(STRATA, size, 1)
        assert len(drawn) == len(set(drawn)) == min(size, len(STRATA))
        assert all(0 <= place < len(STRATA) for place in drawn)


def test_the_same_seed_draws_the_same_in_the_same_order_and_another_does_not():
    assert draw_sample(STRATA, 100, 7) == draw_sample(STRATA, 100, 7)
    assert set(draw_sample(STRATA, 100, 7)) != set(draw_sample(STRATA, 100, 8))


def test_a_stratum_gets_a_share_by_the_root_of_its_size():
    found = Counter(STRATA[place] for place in draw_sample(STRATA, 141, 3))
    # The roots are 94.9, 30, 10 and 1: of 141 draws one more or less than that.
    assert abs(found["common"] - 98.5) <= 2
    assert abs(found["usual"] - 31) <= 2
    assert abs(found["rare"] - 10) <= 2
    assert found["single"] <= 1


def test_every_place_can_be_drawn():
    few = ["a"] * 3 + ["b"] * 2
    seen = {place for seed in range(50) for place in draw_sample(few, 1, seed)}
    assert seen == set(range(5))


def test_the_order_is_not_that_of_the_run():
    drawn = draw_sample(STRATA, 200, 1)
    assert drawn != sorted(drawn)
