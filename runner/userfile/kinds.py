"""The kinds of files that a whole model is loaded from, for `check` and `migrate`. Pure.

Input: the description of a file. Output: its kind, and what only some files of a kind have.
"""

from __future__ import annotations

from runner.domain import Format
from runner.inspect import Container, Description
from runner.inspect.description import WRITTEN_ON

PACKED, FOLDER = "packed", "folder"
"""A zip that is none of Keras' own with one model in it; a `.keras` archive that was unpacked."""


def model_kind(description: Description) -> str:
    """Return what the file is to a reader; empty where it holds no whole model."""
    container = description.container
    if container is Container.HDF5 and description.layout == "model":
        return Format.H5
    if container is Container.ZIP_V3:
        return Format.KERAS
    if container is Container.SAVED_MODEL:
        return Format.SAVED_MODEL
    if container is Container.FOLDER_V3:
        return FOLDER
    if container is Container.ZIP_OTHER and any(n.about == "inside" for n in description.notes):
        return PACKED
    return ""


def has_windows_names(description: Description) -> bool:
    """Whether groups of its weights are named as Keras 2.12 to 2.15 named them on Windows."""
    return any(each.about == WRITTEN_ON for each in description.notes)
