"""A shard: one of the equal parts that a plan is split into, for a machine each."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_SHARDS = 10_000
_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Part `index` of `of`, counted from 1."""

    index: int
    of: int

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


def parse_shard(text: str) -> Shard:
    """Return the shard that `i/n` names.

    Raises:
        ValueError: it is none; the text says why.
    """
    found = _SHARD.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is not of the form i/n, such as 3/12")
    index, of = int(found[1]), int(found[2])
    if not 1 <= of <= MOST_SHARDS:
        raise ValueError(f"{text[:40]!r}: there may be 1 to {MOST_SHARDS} shards")
    if not 1 <= index <= of:
        raise ValueError(f"{text[:40]!r}: the first of {of} is 1/{of}, the last {of}/{of}")
    return Shard(index, of)
