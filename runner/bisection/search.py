"""The search for the first bad of a row of commits, some of which cannot be judged.

Pure, but for the judging, which is asked of a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What is known of one commit."""

    GOOD = "good"
    """As the good end."""
    BAD = "bad"
    """As the bad end: the same outcome for the same cause."""
    UNKNOWN = "unknown"
    """Anything else: not measurable, or another failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Two neighbours, but for commits between them that cannot be judged."""

    last_good: int
    first_bad: int
    states: Mapping[int, State]
    """Of every commit that was tried."""

    @property
    def between(self) -> list[int]:
        """The commits between the two: each may be the first bad one."""
        return list(range(self.last_good + 1, self.first_bad))


def find_first_bad(count: int, judge: Callable[[int], State]) -> Found:
    """Halve the row until good and bad are neighbours; 0 is good, `count` - 1 is bad.

    Beside a commit that cannot be judged, the next one is tried at another fraction of what is
    left: what breaks the tool most often breaks the neighbours as well.
    """
    states = {0: State.GOOD, count - 1: State.BAD}
    good, bad = 0, count - 1
    while True:
        left = [each for each in range(good + 1, bad) if each not in states]
        if not left:
            return Found(last_good=good, first_bad=bad, states=states)
        skipped = bad - good - 1 - len(left)
        place = left[int(len(left) * fraction(skipped + 1))]
        states[place] = judge(place)
        if states[place] is State.GOOD:
            good = place
        elif states[place] is State.BAD:
            bad = place


def fraction(number: int) -> float:
    """Return 1/2, 1/4, 3/4, 1/8, 5/8, ... for 1, 2, 3, ...: spread over 0 to 1."""
    found, part = 0.0, 0.5
    while number:
        found += part * (number & 1)
        number >>= 1
        part /= 2
    return found
