"""Where the time of a job goes: seconds by part, each counted once.

A part within another is taken off the outer one. One job runs at a time in a process, so the
module keeps the parts of the job at work.
"""

from __future__ import annotations

import time
from typing import Dict, List

PARTS = ("import", "clear", "prepare", "save", "load", "call", "fetch", "train", "compare")
"""The rest of a job's time is bookkeeping: files copied, digests, warnings."""

_spent: Dict[str, float] = {}
_inner: List[float] = []


def begin() -> None:
    """Forget the parts of the job before."""
    _spent.clear()
    del _inner[:]


def spent() -> Dict[str, float]:
    """Return the seconds of each part that the job had."""
    return {part: round(seconds, 4) for part, seconds in sorted(_spent.items())}


class timed:  # noqa: N801 - used as a statement: `with timed("load"):`
    """Add the time within to one of PARTS, whatever is raised."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.began = 0.0

    def __enter__(self) -> None:
        _inner.append(0.0)
        self.began = time.time()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        seconds = time.time() - self.began
        _spent[self.part] = _spent.get(self.part, 0.0) + max(0.0, seconds - _inner.pop())
        if _inner:
            _inner[-1] += seconds
