"""The free space of the disk, checked before it is needed.

Input: a folder, or a job's texts. Output: nothing, or a `StoreError`. A small write may
succeed on a disk where a model no longer fits: without this, a full disk would be taken for
many models that cannot be saved.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from runner.domain.errors import StoreError
from runner.store.files import disk_errors

START_MB = 100
"""Free space without which a run does not begin."""
RESERVE_MB = 20
"""Free space below which a run stops: the probes at work may still end in order."""
_FULL = re.compile(r"No space left on device|Disk quota exceeded|\berrno = 28\b|\[Errno 28\]")
_QUOTA = re.compile(r"Disk quota exceeded")
_MB = 1_000_000


def require_space(folder: Path, needed_mb: int) -> None:
    """Return if so much is free where the folder is.

    Raises:
        StoreError: it is not.
    """
    free_mb = _free_mb(folder)
    if free_mb < needed_mb:
        raise _full(folder, f"{free_mb:.0f} MB are left, {needed_mb} MB are needed")


def require_space_for(folder: Path, texts: Iterable[str]) -> None:
    """Return unless a job failed for want of space: then it says nothing of its model.

    `texts` are the job's. It may lack space elsewhere, so the disk is asked as well.

    Raises:
        StoreError: the disk is full.
    """
    said = next(filter(None, map(_FULL.search, texts)), None)
    if said is not None and (_QUOTA.search(said[0]) or _free_mb(folder) < START_MB):
        raise _full(folder, f"a job failed with {said[0]!r}")


def _free_mb(folder: Path) -> float:
    with disk_errors(folder, "ask how much is free"):
        found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize / _MB


def _full(folder: Path, detail: str) -> StoreError:
    return StoreError(
        f"{folder}: the disk is full: {detail}",
        cause="environments and saved models take space; earlier records are kept",
        next_step="free some space (or choose another store with --store) and run the same "
        "command again: it goes on where it was",
    )
