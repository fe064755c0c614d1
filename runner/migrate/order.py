"""What is asked of a migration, and the orders that it gives to a probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.domain import Format
from runner.userfile.orders import LoadOrder

SUFFIXES: Mapping[str, Format] = {
    ".keras": Format.KERAS,
    ".h5": Format.H5,
    ".hdf5": Format.H5,
    "": Format.SAVED_MODEL,
}
"""Ending of the new file -> its format."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A migration, as the user asks for it."""

    file: Path
    target: str
    """Id of the environment that shall read the new file."""
    out: Path
    custom_objects: Path | None = None
    allow_code: bool = False
    force: bool = False
    """Whether an existing file at `out` is replaced."""
    keep: Path | None = None
    """Folder for the files between; None keeps none."""
    free_size: int = 0
    """Sizes that the model does not fix, in the seeded inputs; 0 for the usual ones."""

    @property
    def format(self) -> Format | None:
        """The format of the new file; None for an ending that Keras has no format for."""
        return SUFFIXES.get(self.out.suffix.lower())


class ConvertOrder(LoadOrder, frozen=True, kw_only=True, tag_field="kind", tag="file_convert"):
    """Load a file by one way, measure it, and save it again.

    Beside what a load hands over there are `saved/NAME` for each format, and in `report.json`
    `saved`: format -> `{"file": ..., "error": ...}`, and `changes`: sentences.
    """

    save: tuple[str, ...] = ()
    """The formats to save in."""
    native: bool = False
    """Whether functions of a shim are first replaced by the reader's own, weights adapted."""


def encode(order: msgspec.Struct) -> bytes:
    """Return an order's JSON, the same for equal orders: what an attempt is filed under."""
    return msgspec.json.encode(order, order="deterministic")
