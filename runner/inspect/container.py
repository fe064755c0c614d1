"""The container of a file, by its first bytes; its name is never asked.

Input: a `Source`. Output: a `Kind`. A container that is recognised and not read further, such as a
pickle, has its row in `OTHERS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.inspect import checkpoint
from runner.inspect.description import Container
from runner.inspect.hdf5 import PLACES
from runner.inspect.hdf5 import SIGNATURE as HDF5
from runner.inspect.source import Source

HEAD = 4096
"""Bytes that are looked at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The container of a file."""

    container: Container
    title: str


OTHERS: tuple[tuple[bytes, int, Container, str], ...] = (
    (b"\x93NUMPY", 0, Container.OTHER, "NumPy array (.npy)"),
    (b"\x1f\x8b", 0, Container.OTHER, "gzip: unpack it first"),
    (b"BZh", 0, Container.OTHER, "bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", 0, Container.OTHER, "xz: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", 0, Container.OTHER, "7-Zip: unpack it first"),
    (b"Rar!\x1a\x07", 0, Container.OTHER, "RAR: unpack it first"),
    (b"ustar", 257, Container.OTHER, "tar: unpack it first"),
    (b"TFL3", 4, Container.OTHER, "TensorFlow Lite model: no Keras loads it"),
    (b"\x89PNG", 0, Container.OTHER, "PNG image"),
    (b"\xff\xd8\xff", 0, Container.OTHER, "JPEG image"),
    (b"%PDF", 0, Container.OTHER, "PDF document"),
    (b"\x7fELF", 0, Container.OTHER, "program (ELF)"),
    (b"CDF\x01", 0, Container.OTHER, "NetCDF 3"),
    (b"\x0e\x03\x13\x01", 0, Container.OTHER, "HDF4, which Keras never wrote"),
    (b"version https://git-lfs", 0, Container.LFS_POINTER, "Git LFS pointer: not the file itself"),
)
"""Bytes, their place, and the container they show."""
PICKLE = re.compile(rb"\x80[\x01-\x05][\x00-\xff]|c[\w.]{1,80}\n\w{1,80}\n|\((?:dp|lp|i)\w*")
"""The beginning of a pickle; protocol 0 is text."""
HTML = re.compile(
    rb"\s*(?:<!--.{0,200}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
CLASS_NAME = re.compile(rb"^[ \t]*(?:-[ \t]+)?class_name:[ \t]*\S", re.MULTILINE)
GRAPH = (b"\x08\x01\x12", b"\x08\x01\x0a")
"""A SavedModel's protocol buffer: schema version 1, then a graph."""
TEXT_GRAPH = re.compile(rb"\s*saved_model_schema_version:\s*\d|\s*meta_graphs\s*\{")


def recognise(source: Source) -> Kind:
    """Return the kind of a file."""
    head = source.head(HEAD)
    if not head:
        return Kind(Container.EMPTY, "empty file")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return Kind(Container.ZIP_OTHER, "zip")
    if _begins_hdf5(source):
        return Kind(Container.HDF5, "HDF5")
    return _recognise_bytes(head, source) or _recognise_text(head) or _recognise_rest(head)


def _recognise_bytes(head: bytes, source: Source) -> Kind | None:
    for content, place, container, title in OTHERS:
        if head[place : place + len(content)] == content:
            return Kind(container, title)
    if head.startswith(GRAPH):
        return Kind(Container.SAVED_MODEL, "SavedModel's graph (saved_model.pb)")
    if checkpoint.is_index(source):
        return Kind(Container.CHECKPOINT, "TensorFlow checkpoint (index)")
    return None


def _begins_hdf5(source: Source) -> bool:
    return any(source.read(place, 8) == HDF5 for place in PLACES if place + 8 <= source.size)


def _recognise_text(head: bytes) -> Kind | None:
    if HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return Kind(Container.HTML, "HTML page: a download that was not one")
    if TEXT_GRAPH.match(head):
        return Kind(Container.SAVED_MODEL, "SavedModel's graph as text (saved_model.pbtxt)")
    if b"\0" in head[:512]:
        return None
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"[", b'"'}:
        return Kind(Container.JSON, "JSON")
    if CLASS_NAME.search(head):
        return Kind(Container.YAML, "YAML")
    return None


def _recognise_rest(head: bytes) -> Kind:
    if PICKLE.match(head):
        return Kind(Container.PICKLE, "Python pickle: not opened, since opening executes it")
    if not head.strip(b"\0"):
        return Kind(Container.UNKNOWN, "nothing but zeros")
    shown = head[:16]
    words = shown.decode("ascii", "replace") if all(32 <= each < 127 for each in shown) else ""
    said = repr(words) if words else f"the bytes {shown.hex(' ')}"
    return Kind(Container.UNKNOWN, f"unknown: it begins with {said}")
