"""The groups of xdist: all pairs of one reader go to one process, by their ids alone.

Input: the id of a test, as the process that gives out work knows it. Output: its group. xdist tells
the mark `xdist_group` by an inner name of pytest that not every version has; the ids say the same.
"""

from __future__ import annotations

import re
from typing import Any

from xdist.scheduler import LoadGroupScheduling

_PAIR = re.compile(r"\[[^\[\]/]+/[a-z0-9_]+/[^\[\]/>]+->(?P<reader>[^\[\]/]+)/[^\[\]/]+\](@.*)?$")


def group_of(nodeid: str) -> str:
    """Return the reader of a pair's test; empty for any other test."""
    found = _PAIR.search(nodeid)
    return found["reader"] if found else ""


class GroupedByReader(LoadGroupScheduling):  # type: ignore[misc]
    """xdist's own groups, and one for each reader."""

    def _split_scope(self, nodeid: str) -> Any:
        return group_of(nodeid) or super()._split_scope(nodeid)
