"""Which cells an audit draws: a sample over all strata, the same for the same seed. Pure.

Input: the stratum of each cell. Output: the places of the cells drawn, in the order in which they
run, which is not that of the run that is audited.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Hashable, Sequence


def draw_sample(strata: Sequence[Hashable], size: int, seed: int) -> list[int]:
    """Draw `size` places, or all there are; `strata` has the stratum of each place.

    A stratum gets a share by the root of its size, so that the rare ways of loading are tried as
    well as the common ones. Places are taken at equal steps along the strata, from a random start
    (systematic sampling with unequal probabilities); who would be taken twice is taken once, and
    the rest is drawn from all.
    """
    chance = random.Random(seed)  # noqa: S311 - a sample
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, stratum in enumerate(strata):
        places[stratum].append(place)
    line: list[int] = []
    reach: list[float] = []
    total = 0.0
    for members in places.values():
        chance.shuffle(members)
        for place in members:
            total += 1 / math.sqrt(len(members))
            line.append(place)
            reach.append(total)
    size = min(size, len(line))
    if not size:
        return []
    step = total / size
    chosen = dict.fromkeys(_at_steps(line, reach, step, chance.random() * step))
    left = [place for place in line if place not in chosen]
    drawn = [*chosen, *chance.sample(left, size - len(chosen))]
    chance.shuffle(drawn)
    return drawn


def _at_steps(line: Sequence[int], reach: Sequence[float], step: float, mark: float) -> list[int]:
    """Return the places at which the marks fall that are a step apart."""
    found = []
    for place, end in zip(line, reach, strict=True):
        if mark < end:
            found.append(place)
            mark += step * math.ceil((end - mark) / step)
    return found
