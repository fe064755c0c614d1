"""How a reader stands to a writer: older or newer, neighbours, one version on two backends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from runner.domain.claims import Pair
from runner.domain.environments import Family
from runner.domain.selector import minor_of

_ID = re.compile(r"(?P<line>[a-z-]+\d+)\.(?P<minor>\d+)(?:-(?P<backend>\w+))?")
"""`tf2.15`, `keras3.15-torch`: the line of releases, the minor number, the backend."""


@dataclass(frozen=True, slots=True)
class Version:
    """An environment as pairs are told by it."""

    id: str
    family: Family
    released: date
    """The day of its minor version."""
    line: str
    """Its line of releases, such as `tf2`; the id itself where that names no version."""
    minor: int
    """Its number in the line."""
    backend: str
    """The backend that its id names; empty for TensorFlow."""


def read_version(name: str, family: Family, released: date) -> Version:
    """Return an environment as pairs are told by it, by its id; a release as its minor."""
    match = _ID.fullmatch(minor_of(name))
    if not match:
        return Version(name, family, released, line=name, minor=0, backend="")
    minor, backend = int(match["minor"]), match["backend"] or ""
    return Version(name, family, released, line=match["line"], minor=minor, backend=backend)


def is_pair(kind: Pair, writer: Version, reader: Version) -> bool:
    """Return whether the two stand so to each other."""
    same = writer.id == reader.id
    one_line = writer.line == reader.line
    found = {
        Pair.ANY: True,
        Pair.SAME_ENVIRONMENT: same,
        Pair.OTHER_ENVIRONMENT: not same,
        Pair.SAME_FAMILY: writer.family is reader.family,
        Pair.OTHER_FAMILY: writer.family is not reader.family,
        Pair.READER_NEWER: reader.released > writer.released,
        Pair.READER_OLDER: reader.released < writer.released,
        Pair.READER_NOT_OLDER: same or reader.released > writer.released,
        Pair.NEIGHBOURING: one_line
        and writer.backend == reader.backend
        and abs(writer.minor - reader.minor) == 1,
        Pair.OTHER_BACKEND: one_line
        and writer.minor == reader.minor
        and writer.backend != reader.backend,
    }
    return found[kind]
