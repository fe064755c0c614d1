"""The container of a file, by its first bytes; its name is never asked.

Input: a `Source`. Output: a `Kind`. A container that is recognised and not read further, such as a
pickle, has its row in `OTHERS` or `PATTERNS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.inspect import checkpoint
from runner.inspect.description import Container
from runner.inspect.hdf5 import PLACES
from runner.inspect.hdf5 import SIGNATURE as HDF5
from runner.inspect.protobuf import varint
from runner.inspect.source import Source

HEAD = 4096
"""Bytes that are looked at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The container of a file."""

    container: Container
    title: str
    damage: str = ""
    """Why it cannot be read on, where its first bytes show that already."""


NOT_KERAS = "not a Keras file: "
OTHERS: tuple[tuple[bytes, int, Container, str], ...] = (
    (b"\x93NUMPY", 0, Container.OTHER, "NumPy array (.npy)"),
    (b"\x1f\x8b", 0, Container.OTHER, "gzip: unpack it first"),
    (b"BZh", 0, Container.OTHER, "bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", 0, Container.OTHER, "xz: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", 0, Container.OTHER, "7-Zip: unpack it first"),
    (b"Rar!\x1a\x07", 0, Container.OTHER, "RAR: unpack it first"),
    (b"ustar", 257, Container.OTHER, "tar: unpack it first"),
    (b"TFL3", 4, Container.OTHER, f"{NOT_KERAS}TensorFlow Lite model"),
    (b"\x89PNG", 0, Container.OTHER, "PNG image"),
    (b"\xff\xd8\xff", 0, Container.OTHER, "JPEG image"),
    (b"%PDF", 0, Container.OTHER, "PDF document"),
    (b"\x7fELF", 0, Container.OTHER, "program (ELF)"),
    (b"CDF\x01", 0, Container.OTHER, "NetCDF 3"),
    (b"\x0e\x03\x13\x01", 0, Container.OTHER, "HDF4, which Keras never wrote"),
    (b"version https://git-lfs", 0, Container.LFS_POINTER, "Git LFS pointer: not the file itself"),
    (b"version https://hawser", 0, Container.LFS_POINTER, "Git LFS pointer: not the file itself"),
    (b"outs:\n- ", 0, Container.OTHER, "DVC pointer: not the file itself"),
    (b"PAR1", 0, Container.OTHER, f"{NOT_KERAS}Parquet table"),
    (b"SQLite format 3\0", 0, Container.OTHER, f"{NOT_KERAS}SQLite database"),
    (b"RIFF", 0, Container.OTHER, f"{NOT_KERAS}sound or film (RIFF)"),
    (b"GIF8", 0, Container.OTHER, f"{NOT_KERAS}GIF image"),
    (b"iUhERg0KGgo", 0, Container.OTHER, "HDF5 as base64 text: decode it first"),
    (b"UEsDB", 0, Container.OTHER, "zip as base64 text: decode it first"),
)
"""Bytes, their place, and the container they show."""
PATTERNS: tuple[tuple[re.Pattern[bytes], Container, str], ...] = (
    (
        re.compile(rb"\x08[\x01-\x20](?:\x12.{0,64}|:.{0,400})(?i:onnx|pytorch|cntk)", re.DOTALL),
        Container.OTHER,
        f"{NOT_KERAS}ONNX model",
    ),
    (re.compile(rb".{4}\0{4}\{\s*\"", re.DOTALL), Container.OTHER, f"{NOT_KERAS}SafeTensors"),
    (
        # A graph whose first node has a name and an operation: GraphDef.
        re.compile(rb"\n[\x02-\xff]{1,4}?\n[\x01-\x7f][\w./:-]{1,127}\x12[\x03-\x40][A-Z]\w{2,63}"),
        Container.OTHER,
        f"{NOT_KERAS}TensorFlow graph alone (GraphDef, frozen graph)",
    ),
    (
        re.compile(rb"\n.{1,40}?_tf_keras_", re.DOTALL),
        Container.SAVED_MODEL,
        "SavedModel's metadata alone (keras_metadata.pb)",
    ),
    (
        re.compile(rb"\x78[\x01\x5e\x9c\xda][^\x00-\x1f]?.", re.DOTALL),
        Container.OTHER,
        "zlib data, as joblib compresses a pickle: not opened",
    ),
    (re.compile(rb"[./]*(?:\.git)?/annex/objects/"), Container.OTHER, "git-annex pointer"),
)
"""Beginnings that take more than fixed bytes, in this order."""
SERVER = re.compile(
    rb"\s*(?:\d{3}[: ]+)?(?:not found|access denied|forbidden|unauthorized|bad gateway|"
    rb"<\?xml[^>]*>\s*<error>)",
    re.IGNORECASE,
)
CONVERTED = {
    b"\x89HDF\r\r\n\x1a\r\n": "its line ends were changed to those of Windows",
    b"\x89HDF\n\x1a\n": "its line ends were changed to those of Unix",
    b"\xc2\x89HDF": "it was re-encoded from Latin-1 to UTF-8",
    b"\xef\xbf\xbdHDF": "it was read as UTF-8 text, which lost every other byte",
    b"?HDF\r\n\x1a\n": "it was read as ASCII text, which lost bytes",
}
"""Signatures of HDF5 after a transfer as text."""
PICKLE = re.compile(rb"\x80[\x01-\x05][\x00-\xff]|c[\w.]{1,80}\n\w{1,80}\n|\((?:dp|lp|i)\w*")
"""The beginning of a pickle; protocol 0 is text."""
HTML = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,200}?-->\s*)?"
    rb"<(?:!doctype\s+html|html|head|body|script|meta|title|div)\b",
    re.IGNORECASE | re.DOTALL,
)
CLASS_NAME = re.compile(rb"^[ \t]*(?:-[ \t]+)?class_name:[ \t]*\S", re.MULTILINE)
GRAPH = (b"\x08\x01\x12", b"\x08\x01\x0a")
"""A SavedModel's protocol buffer: schema version 1, then a graph."""
TEXT_GRAPH = re.compile(rb"\s*saved_model_schema_version:\s*\d|\s*meta_graphs\s*\{")
TEXTS = (
    (SERVER, Container.OTHER, "error answer of a server: a download that failed"),
    (HTML, Container.HTML, "HTML page: a download that was not one"),
    (TEXT_GRAPH, Container.SAVED_MODEL, "SavedModel's graph as text (saved_model.pbtxt)"),
)


def recognise(source: Source) -> Kind:
    """Return the kind of a file."""
    head = source.head(HEAD)
    if not head:
        return Kind(Container.EMPTY, "empty file")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return Kind(Container.ZIP_OTHER, "zip")
    if _begins_hdf5(source):
        return Kind(Container.HDF5, "HDF5")
    return (
        _recognise_converted(head)
        or _recognise_bytes(head, source)
        or _recognise_text(head)
        or _recognise_rest(head)
    )


def _recognise_converted(head: bytes) -> Kind | None:
    for signature, how in CONVERTED.items():
        if head.startswith(signature):
            return Kind(
                Container.HDF5, "HDF5 that a transfer as text destroyed", f"{how}: get it again"
            )
    return None


def _recognise_bytes(head: bytes, source: Source) -> Kind | None:
    for content, place, container, title in OTHERS:
        if head[place : place + len(content)] == content:
            return Kind(container, title)
    for pattern, container, title in PATTERNS:
        if pattern.match(head):
            return Kind(container, title)
    if head.startswith(GRAPH) and _is_saved_model(head, source.size):
        return Kind(Container.SAVED_MODEL, "SavedModel's graph (saved_model.pb)")
    if checkpoint.is_index(source):
        return Kind(Container.CHECKPOINT, "TensorFlow checkpoint (index)")
    return None


def _is_saved_model(head: bytes, size: int) -> bool:
    """Whether one graph fills the file, or another follows it: Core ML begins alike."""
    if head[2] != 0x12:
        return True
    length, behind = varint(head, 3)
    end = behind + length
    return end >= size or end >= len(head) or head[end : end + 1] == b"\x12"


def _begins_hdf5(source: Source) -> bool:
    return any(source.read(place, 8) == HDF5 for place in PLACES if place + 8 <= source.size)


def _recognise_text(head: bytes) -> Kind | None:
    text = head.removeprefix(b"\xef\xbb\xbf")
    for pattern, container, title in TEXTS:
        if pattern.match(text):
            return Kind(container, title)
    if b"\0" in head[:512]:
        return None
    if text.lstrip()[:1] in {b"{", b"[", b'"'}:
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
