"""Stage 1: scenarios/singletons.toml -> why cells stand alone among their neighbours.

Input: the explanations, each with globs of cells, the sentence that says why, and links. Output:
`Explained`s in file order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from runner.declare.documents import read_document, refuse_duplicates
from runner.domain.declaration import Text


class Explained(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cells that were looked at, and why they differ from their neighbours."""

    id: Text
    cells: Annotated[tuple[Text, ...], Meta(min_length=1)]
    """Selectors, as `--select` takes them."""
    why: Text
    links: tuple[Text, ...] = ()


def load_singletons(path: Path) -> tuple[Explained, ...]:
    """Read singletons.toml.

    Raises:
        ConfigurationError: the file is missing or malformed.
    """
    document = read_document(path, ("singleton",))
    found = tuple(entry.read(Explained) for entry in document.entries("singleton"))
    refuse_duplicates(document.place, "singleton", (each.id for each in found))
    return found
