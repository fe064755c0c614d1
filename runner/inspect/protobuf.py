"""Protocol buffers' wire format -> fields; no message is known here, and nothing recurses.

Input: a `Source` or bytes. Output: (number, value) pairs, where the value of a length-delimited
field is a place in the source or bytes, so that what nobody asks for is never read.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.inspect.source import Budget, Damaged, Source

LONGEST_VARINT = 10
TYPES: dict[int, str] = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
}
"""TensorFlow's `DataType`, as numpy names them."""


def varint(content: bytes, place: int) -> tuple[int, int]:
    """Return a number and the place behind it; Damaged where it does not end."""
    value = 0
    for index in range(LONGEST_VARINT):
        if place + index >= len(content):
            break
        byte = content[place + index]
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, place + index + 1
    raise Damaged("a number that does not end")


def fields(content: bytes, budget: Budget) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message held in memory; Damaged where it is no message."""
    place = 0
    while place < len(content):
        budget.step()
        key, place = varint(content, place)
        number, wire = key >> 3, key & 7
        value: int | bytes
        if wire == 0:
            value, place = varint(content, place)
        elif wire in {1, 5, 2}:
            length = {1: 8, 5: 4}.get(wire, 0)
            if wire == 2:
                length, place = varint(content, place)
            value = content[place : place + length]
            if len(value) < length:
                raise Damaged(f"a field of {length:,} bytes is cut")
            place += length
        else:
            raise Damaged(f"a field of wire type {wire}")
        if not number:
            raise Damaged("a field without a number")
        yield number, value


def windows(source: Source) -> Iterator[tuple[int, int | Source]]:
    """Yield the fields of a message in a file, without reading their content."""
    place = 0
    while place < source.size:
        head = source.read(place, min(2 * LONGEST_VARINT, source.size - place))
        key, behind = varint(head, 0)
        number, wire = key >> 3, key & 7
        if not number:
            raise Damaged("a field without a number")
        if wire == 0:
            value, behind = varint(head, behind)
            yield number, value
            place += behind
            continue
        if wire not in {1, 2, 5}:
            raise Damaged(f"a field of wire type {wire}")
        length = {1: 8, 5: 4}.get(wire, 0)
        if wire == 2:
            length, behind = varint(head, behind)
        yield number, source.window(place + behind, length)
        place += behind + length


def texts(content: bytes, number: int, budget: Budget) -> list[str]:
    """Return the texts of one field of a message."""
    return [
        value.decode("utf-8", "replace")
        for found, value in fields(content, budget)
        if found == number and isinstance(value, bytes)
    ]


def parts(content: bytes, number: int, budget: Budget) -> list[bytes]:
    """Return the messages of one field of a message."""
    return [
        value
        for found, value in fields(content, budget)
        if found == number and isinstance(value, bytes)
    ]


def shape_of(content: bytes, budget: Budget) -> tuple[int | None, ...] | None:
    """Read a `TensorShapeProto`; None for an unknown rank."""
    sizes: list[int | None] = []
    for number, value in fields(content, budget):
        if number == 3 and value:
            return None
        if number == 2 and isinstance(value, bytes):
            size = 0
            for inner, told in fields(value, budget):
                if inner == 1 and isinstance(told, int):
                    size = told
            sizes.append(None if size >= 1 << 63 else size)
    return tuple(sizes)
