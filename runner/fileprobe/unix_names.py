r"""The names of groups that Keras 2.12 to 2.15 wrote on Windows, as they are elsewhere.

A `.keras` archive keeps its weights in an HDF5 file. On Windows those versions joined the names
of its groups by backslashes: the group `layers\dense` stands at the root, where `dense` inside of
`layers` is looked for. Standard library and h5py alone: it can be copied beside one's code.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any

WEIGHTS = "model.weights.h5"
BACKSLASH = "\\"


def write(path: str) -> None:
    """Give the groups in an archive the names that they have elsewhere, in place.

    Raises:
        ValueError: no group has a backslash in its name, or two groups would get one name.
    """
    import h5py

    part = path + ".part"
    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read(WEIGHTS))
        with h5py.File(weights, "r+") as file:
            if not rename_groups(file):
                raise ValueError("no group of its weights has a backslash in its name")
        with zipfile.ZipFile(part, "w") as copy:
            for member in archive.infolist():
                new = member.filename == WEIGHTS
                copy.writestr(member, weights.getvalue() if new else archive.read(member))
    os.replace(part, path)


def rename_groups(group: Any) -> int:
    """Rename the groups inside of a group of an open HDF5 file; return how many there were."""
    count = 0
    # A parent comes before what is below it: its name is the beginning of theirs.
    for name in sorted(group):
        if hasattr(group[name], "keys"):
            count += rename_groups(group[name])
        if BACKSLASH in name:
            new = name.replace(BACKSLASH, "/")
            if new in group:
                raise ValueError("two groups of its weights are named %s" % new)
            group.move(name, new)
            count += 1
    return count
