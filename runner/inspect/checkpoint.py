"""The index of a TensorFlow checkpoint -> names, types and shapes of its tensors.

Input: the `Source` of `*.index`, a sorted table of LevelDB's kind (TensorFlow's
`core/lib/io/table.cc`, `tensor_bundle.proto`). The data files are not opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.inspect.protobuf import TYPES, fields, shape_of, varint
from runner.inspect.source import Budget, Damaged, Source

MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER = 48
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    end: int
    """Bytes of the data file up to its end."""


def is_index(source: Source) -> bool:
    """Whether the file ends as such an index does."""
    return source.size >= FOOTER and source.read(source.size - 8, 8) == MAGIC


def read_index(source: Source) -> list[Entry]:
    """Return the tensors.

    Raises:
        Damaged: it is no index, or is cut.
        TooMuch: it is longer than that of any model.
    """
    if not is_index(source):
        raise Damaged("the index does not end as one does")
    footer = source.read(source.size - FOOTER, FOOTER)
    _, place = varint(footer, 0)
    _, place = varint(footer, place)
    start, place = varint(footer, place)
    size, _ = varint(footer, place)
    found = []
    for _, handle in _block(source, start, size):
        begin, place = varint(handle, 0)
        length, _ = varint(handle, place)
        for name, value in _block(source, begin, length):
            if name:
                found.append(_entry(name, value, source.budget))
    return found


def _block(source: Source, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    content = source.read(start, size + 1)
    compressed = content[-1]
    content = content[:-1]
    if compressed > 1:
        raise Damaged(f"a block compressed in a way of number {compressed}")
    if compressed:
        content = _expand(content, source.budget)
    if len(content) < 4:
        raise Damaged("a block is cut")
    end = len(content) - 4 - 4 * int.from_bytes(content[-4:], "little")
    place, key = 0, b""
    while place < end:
        source.budget.step()
        shared, place = varint(content, place)
        rest, place = varint(content, place)
        length, place = varint(content, place)
        key = key[:shared] + content[place : place + rest]
        place += rest
        yield key, content[place : place + length]
        place += length


def _expand(content: bytes, budget: Budget) -> bytes:
    """Undo Snappy (google/snappy, format_description.txt); Damaged where it is none."""
    length, place = varint(content, 0)
    budget.spend(length)
    found = bytearray()
    while place < len(content):
        budget.step()
        tag = content[place]
        if tag & 3 == 0:
            size, place = _literal(content, place)
            found += content[place : place + size]
            place += size
        else:
            size, back, place = _copy(content, place)
            if not 0 < back <= len(found):
                raise Damaged("a compressed block that refers to nothing")
            piece = bytes(found[-back:][:size])
            found += (piece * (size // len(piece) + 1))[:size]
        if len(found) > length:
            raise Damaged("a compressed block is longer than it says")
    if len(found) != length:
        raise Damaged("a compressed block is shorter than it says")
    return bytes(found)


def _literal(content: bytes, place: int) -> tuple[int, int]:
    size = content[place] >> 2
    width = max(0, size - 59)
    if width:
        size = int.from_bytes(content[place + 1 : place + 1 + width], "little")
    return size + 1, place + 1 + width


def _copy(content: bytes, place: int) -> tuple[int, int, int]:
    tag = content[place]
    if tag & 3 == 1:
        low = content[place + 1] if place + 1 < len(content) else 0
        return (tag >> 2 & 7) + 4, (tag >> 5 << 8) | low, place + 2
    width = 2 if tag & 3 == 2 else 4
    back = int.from_bytes(content[place + 1 : place + 1 + width], "little")
    return (tag >> 2) + 1, back, place + 1 + width


def _entry(name: bytes, value: bytes, budget: Budget) -> Entry:
    dtype, shape, offset, size = 0, (), 0, 0
    found: tuple[int | None, ...] | None = shape
    for number, told in fields(value, budget):
        if number == 2 and isinstance(told, bytes):
            found = shape_of(told, budget)
        elif isinstance(told, int):
            dtype = told if number == 1 else dtype
            offset = told if number == 4 else offset
            size = told if number == 5 else size
    return Entry(
        name.decode("utf-8", "replace"), TYPES.get(dtype, f"type {dtype}"), found, offset + size
    )
