"""The store: environments, artifacts and observations kept between runs, by default `.matrix/`.

Input: records and files of any stage. Output: the same, after a crash, a `kill -9`, a
full disk or a second run as well. Modules: `files` (atomic writes, disk errors), `lock`
(one run at a time), `database` (opened, checked, recovered), `journal` (observations by
what they depend on), `artifacts` (the folders of saved models), `space` (room on the disk).
docs/formats.md describes every file.
"""

from runner.store.artifacts import Manifest, Place
from runner.store.files import (
    TEMPORARY_PREFIX,
    atomic_write_bytes,
    atomic_write_text,
    emptied,
)
from runner.store.journal import Journal, Record
from runner.store.space import RESERVE_MB, START_MB, require_space, require_space_for
from runner.store.store import Store, open_store

__all__ = [
    "RESERVE_MB",
    "START_MB",
    "TEMPORARY_PREFIX",
    "Journal",
    "Manifest",
    "Place",
    "Record",
    "Store",
    "atomic_write_bytes",
    "atomic_write_text",
    "emptied",
    "open_store",
    "require_space",
    "require_space_for",
]
