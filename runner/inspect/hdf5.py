"""HDF5 bytes -> groups, attributes, shapes and types; the data themselves are never read.

Input: a `Source`. Output: an `Hdf5` that returns objects by their address. Written after the
HDF5 File Format Specification, version 3.0 (sections named below): superblocks 0 to 3, object
headers 1 and 2, old groups (B-tree and local heap) and new ones (link messages, or a fractal
heap under a version 2 B-tree). Links out of the file are told and never followed; every walk
remembers where it has been.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from runner.inspect.source import Damaged, Source, TooMuch

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512, 1024, 2048, 4096, 8192)
"""Where a superblock may begin."""
LONGEST_NAME = 65_536
MOST_VALUES = 200_000
"""Elements of one attribute that are decoded."""
MOST_DIMENSIONS = 32
DEEPEST = 64
"""Levels of a tree of blocks; real ones have five."""

Value = str | int | float | bool | list["Value"] | None


@dataclass(frozen=True, slots=True)
class Datatype:
    """The type of an element."""

    name: str
    """As numpy calls it, such as `float32`; `string`, `vlen string`, or `unknown (class 6)`."""
    size: int
    """Bytes of one element."""


@dataclass(frozen=True, slots=True)
class Link:
    """A name in a group, and its target."""

    kind: Literal["hard", "soft", "external", "unknown"]
    address: int = -1
    target: str = ""


@dataclass(slots=True)
class Object:
    """A group or a dataset, as its header describes it."""

    attributes: dict[str, Value] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    datatype: Datatype | None = None
    is_group: bool = False
    storage: str = ""
    """`contiguous`, `compact`, `chunked` or `virtual`."""
    external: bool = False
    """Whether the data lie in another file."""
    address: int = -1
    """Where contiguous data begin; -1 where they are none or were never written."""
    remarks: list[str] = field(default_factory=list)
    """Parts of it that could not be read."""

    @property
    def is_dataset(self) -> bool:
        """Whether it has a shape and elements."""
        return self.shape is not None and self.datatype is not None and not self.is_group


@dataclass(frozen=True, slots=True)
class _Message:
    kind: int
    flags: int
    body: bytes


class Hdf5:
    """An HDF5 file: the root's address, and objects by address."""

    def __init__(self, source: Source) -> None:
        """Read the superblock.

        Raises:
            Damaged: there is none, or it is of a version that does not exist.
        """
        self._source = source
        self._heaps: dict[int, dict[int, bytes]] = {}
        self.base, self.version = self._find()
        if self.version <= 1:
            self._read_old_superblock()
        else:
            self._read_new_superblock()

    # Section II: the superblock

    def _find(self) -> tuple[int, int]:
        for place in PLACES:
            if place + 9 > self._source.size:
                break
            if self._source.read(place, 8) == SIGNATURE:
                version = self._source.read(place + 8, 1)[0]
                if version > 3:
                    raise Damaged(f"superblock of version {version}, which does not exist")
                return place, version
        raise Damaged("no superblock")

    def _read_old_superblock(self) -> None:
        self._sizes(self._source.read(self.base + 13, 2))
        place = self.base + (24 if self.version == 0 else 28)
        fields = self._source.read(place, 6 * self.offset_size)
        numbers = [self._offset(fields, index * self.offset_size) for index in range(6)]
        self.start, _, self.end, _, _, self.root = numbers
        self._check_start()

    def _read_new_superblock(self) -> None:
        self._sizes(self._source.read(self.base + 9, 2))
        fields = self._source.read(self.base + 12, 4 * self.offset_size)
        numbers = [self._offset(fields, index * self.offset_size) for index in range(4)]
        self.start, _, self.end, self.root = numbers
        self._check_start()

    def _sizes(self, told: bytes) -> None:
        self.offset_size, self.length_size = told
        if self.offset_size not in {2, 4, 8} or self.length_size not in {2, 4, 8}:
            raise Damaged(f"addresses of {self.offset_size} bytes")
        self._undefined = (1 << 8 * self.offset_size) - 1

    def _check_start(self) -> None:
        # A file behind a user block says where it begins; anything else is not believed.
        if self.start not in {0, self.base}:
            raise Damaged(f"base address {self.start:,}")
        self.start = self.base

    def missing_bytes(self) -> int:
        """Return how many bytes the file lacks of the end its superblock names."""
        return (
            max(
                0,
                self.end + (self.start if self.end < self._source.size else 0) - self._source.size,
            )
            if self.end != self._undefined
            else 0
        )

    # Reading numbers and places

    def _number(self, content: bytes, place: int, size: int) -> int:
        if place + size > len(content):
            raise Damaged("a structure is cut")
        return int.from_bytes(content[place : place + size], "little")

    def _offset(self, content: bytes, place: int) -> int:
        return self._number(content, place, self.offset_size)

    def _length(self, content: bytes, place: int) -> int:
        return self._number(content, place, self.length_size)

    def _at(self, address: int, length: int) -> bytes:
        if address == self._undefined:
            raise Damaged("an address that is not defined")
        return self._source.read(self.start + address, length)

    # Section IV.A: object headers

    def object_at(self, address: int) -> Object:
        """Return the object whose header is at an address.

        Raises:
            Damaged: there is no header.
            TooMuch: it costs more than any real object.
        """
        found = Object()
        for message in self._messages(address):
            try:
                self._take(found, message)
            except (Damaged, TooMuch, RecursionError, OverflowError) as error:
                found.remarks.append(f"{_MESSAGES.get(message.kind, 'a message')}: {error}")
        return found

    def _messages(self, address: int) -> list[_Message]:
        new = self._at(address, 4) == b"OHDR"
        blocks = [self._new_block(address) if new else self._old_block(address)]
        tracked = bool(new and self._at(address + 5, 1)[0] & 4)
        seen = {blocks[0][0]}
        found: list[_Message] = []
        while blocks:
            start, length = blocks.pop()
            for message in self._block(self._at(start, length), new=new, tracked=tracked):
                self._source.budget.step()
                if message.kind == 0x10:
                    place = self._offset(message.body, 0)
                    size = self._length(message.body, self.offset_size)
                    block = (place + 4, size - 8) if new else (place, size)
                    if block[0] in seen:
                        raise Damaged("an object header that continues in itself")
                    seen.add(block[0])
                    blocks.append(block)
                else:
                    found.append(message)
        return found

    def _old_block(self, address: int) -> tuple[int, int]:
        head = self._at(address, 16)
        if head[0] != 1:
            raise Damaged(f"no object header at {address:,}")
        return address + 16, self._number(head, 8, 4)

    def _new_block(self, address: int) -> tuple[int, int]:
        version, flags = self._at(address + 4, 2)
        if version != 2:
            raise Damaged(f"no object header at {address:,}")
        place = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        return place + width, self._number(self._at(place, width), 0, width)

    def _block(self, content: bytes, *, new: bool, tracked: bool) -> Iterator[_Message]:
        head = (6 if tracked else 4) if new else 8
        place = 0
        while place + head <= len(content):
            if new:
                kind, size, flags = content[place], self._number(content, place + 1, 2), 0
                flags = content[place + 3]
            else:
                kind, size = struct.unpack_from("<HH", content, place)
                flags = content[place + 4]
            body = content[place + head : place + head + size]
            if len(body) < size:
                raise Damaged("a message is longer than its header")
            yield _Message(kind, flags, body)
            place += head + size

    def _take(self, found: Object, message: _Message) -> None:
        body = message.body
        if message.flags & 2 and message.kind in {0x01, 0x03, 0x0C}:
            if message.kind == 0x03:
                found.datatype = Datatype("unknown (shared)", 0)
            return
        if message.kind == 0x01:
            found.shape = self._dataspace(body)
        elif message.kind == 0x03:
            found.datatype = self._datatype(body)
        elif message.kind == 0x0C:
            name, value = self._attribute(body)
            found.attributes[name] = value
        else:
            self._take_place(found, message.kind, body)

    def _take_place(self, found: Object, kind: int, body: bytes) -> None:
        """Take a message that says where something lies: links, data, more attributes."""
        if kind == 0x02:
            found.is_group = True
            place = 2 + (8 if body[1] & 1 else 0)
            for record in self._heap_records(body, place, skip=4):
                name, link = self._link(record)
                found.links[name] = link
        elif kind == 0x06:
            found.is_group = True
            name, link = self._link(body)
            found.links[name] = link
        elif kind == 0x11:
            found.is_group = True
            found.links.update(
                self._old_links(self._offset(body, 0), self._offset(body, self.offset_size))
            )
        elif kind == 0x15:
            place = 2 + (2 if body[1] & 1 else 0)
            for record in self._heap_records(body, place, skip=0):
                name, value = self._attribute(record)
                found.attributes[name] = value
        elif kind == 0x07:
            found.external = True
        elif kind == 0x08:
            self._layout(found, body)

    # Section IV.A.2: messages

    def _dataspace(self, body: bytes) -> tuple[int, ...] | None:
        version, rank = body[0], body[1]
        if version not in {1, 2} or rank > MOST_DIMENSIONS:
            raise Damaged(f"a dataspace of version {version} with {rank} dimensions")
        if version == 2 and body[3] == 2:
            return (0,)
        place = 8 if version == 1 else 4
        return tuple(self._length(body, place + each * self.length_size) for each in range(rank))

    def _datatype(self, body: bytes) -> Datatype:
        if len(body) < 8:
            raise Damaged("a datatype is cut")
        kind, size = body[0] & 15, self._number(body, 4, 4)
        name = f"unknown (class {kind})"
        if kind == 0 and size in {1, 2, 4, 8}:
            name = f"{'int' if body[1] & 8 else 'uint'}{8 * size}"
        elif kind == 1 and size in {1, 2, 4, 8}:
            exponent = body[13] if len(body) > 13 else 0
            name = "bfloat16" if (size, exponent) == (2, 8) else f"float{8 * size}"
        elif kind == 3:
            name = "string"
        elif kind == 8:
            name = "bool" if b"FALSE" in body[:64] else "enum"
        elif kind == 9:
            name = "vlen string" if body[1] & 15 == 1 else "vlen sequence"
        return Datatype(name, size)

    def _layout(self, found: Object, body: bytes) -> None:
        names = {0: "compact", 1: "contiguous", 2: "chunked", 3: "virtual"}
        kind = body[1] if body[0] >= 3 else body[2]
        found.storage = names.get(kind, "unknown")
        if found.storage == "contiguous":
            address = self._offset(body, 2 if body[0] >= 3 else 8)
            found.address = -1 if address == self._undefined else address

    def _attribute(self, body: bytes) -> tuple[str, Value]:
        if len(body) < 8 or body[0] not in {1, 2, 3}:
            raise Damaged("an attribute of an unknown version")
        sizes = struct.unpack_from("<HHH", body, 2)
        place = 9 if body[0] == 3 else 8
        parts = []
        for size in sizes:
            parts.append(body[place : place + size])
            place += -(-size // 8) * 8 if body[0] == 1 else size
        name = parts[0].split(b"\0")[0].decode("utf-8", "replace")
        if body[0] > 1 and body[1] & 3:
            return name, None
        datatype, shape = self._datatype(parts[1]), self._dataspace(parts[2])
        return name, self._value(datatype, shape or (), parts[1], body[place:])

    def _value(self, datatype: Datatype, shape: tuple[int, ...], told: bytes, data: bytes) -> Value:
        count = product(shape)
        if count > MOST_VALUES:
            raise TooMuch(f"an attribute of {count:,} elements")
        if datatype.size * count > len(data):
            raise Damaged(f"an attribute of {datatype.size * count:,} bytes has {len(data):,}")
        pieces = [data[each * datatype.size :][: datatype.size] for each in range(count)]
        values = [self._element(datatype, told, piece) for piece in pieces]
        return values if shape else values[0]

    def _element(self, datatype: Datatype, told: bytes, piece: bytes) -> Value:
        order = ">" if told[1] & 1 else "<"
        if datatype.name == "string":
            return piece.rstrip(b"\0").decode("utf-8", "replace")
        if datatype.name == "vlen string":
            return self._long_string(piece)
        if datatype.name == "bool":
            return piece != b"\0"
        if datatype.name.startswith(("int", "uint")):
            big = "big" if order == ">" else "little"
            signed = datatype.name.startswith("int")
            return int.from_bytes(piece, big, signed=signed)  # type: ignore[arg-type]
        letter = {"float16": "e", "float32": "f", "float64": "d"}.get(datatype.name)
        return struct.unpack(order + letter, piece)[0] if letter else None

    def _long_string(self, piece: bytes) -> str:
        length = self._number(piece, 0, 4)
        if not length:
            return ""
        # Many elements may name one long text: each of them costs its length.
        self._source.budget.spend(length)
        address = self._offset(piece, 4)
        heap = self._global_heap(address)
        content = heap.get(self._number(piece, 4 + self.offset_size, 4), b"")
        if len(content) < length:
            raise Damaged(f"a text of {length:,} bytes is not where it should be")
        return content[:length].decode("utf-8", "replace")

    # Section III.E: the global heap

    def _global_heap(self, address: int) -> dict[int, bytes]:
        if address in self._heaps:
            return self._heaps[address]
        head = self._at(address, 8 + self.length_size)
        if head[:4] != b"GCOL":
            raise Damaged(f"no heap of texts at {address:,}")
        content = self._at(address, self._length(head, 8))
        found: dict[int, bytes] = {}
        place = 8 + self.length_size
        while place + 8 + self.length_size <= len(content):
            self._source.budget.step()
            index, size = self._number(content, place, 2), self._length(content, place + 8)
            if index == 0:
                break
            place += 8 + self.length_size
            found[index] = content[place : place + size]
            place += -(-size // 8) * 8
        self._heaps[address] = found
        return found

    # Sections III.A, III.B, III.D: old groups

    def _old_links(self, tree: int, heap: int) -> dict[str, Link]:
        head = self._at(heap, 8 + 2 * self.length_size + self.offset_size)
        if head[:4] != b"HEAP":
            raise Damaged(f"no heap of names at {heap:,}")
        names = self._at(self._offset(head, 8 + 2 * self.length_size), self._length(head, 8))
        found: dict[str, Link] = {}
        width = 2 * self.offset_size + 24
        for node in self._tree_leaves(tree):
            content = self._at(node, 8)
            if content[:4] != b"SNOD":
                raise Damaged(f"no symbols at {node:,}")
            count = self._number(content, 6, 2)
            entries = self._at(node + 8, count * width)
            for each in range(count):
                self._source.budget.step()
                entry = entries[each * width : (each + 1) * width]
                name = _text(names, self._offset(entry, 0))
                found[name] = self._symbol(entry, names)
        return found

    def _symbol(self, entry: bytes, names: bytes) -> Link:
        if self._number(entry, 2 * self.offset_size, 4) == 2:
            value = self._number(entry, 2 * self.offset_size + 8, 4)
            return Link("soft", target=_text(names, value))
        return Link("hard", self._offset(entry, self.offset_size))

    def _tree_leaves(self, address: int) -> Iterator[int]:
        seen = {address}
        waiting = [address]
        head = 8 + 2 * self.offset_size
        step = self.length_size + self.offset_size
        while waiting:
            node = waiting.pop()
            content = self._at(node, head)
            if content[:4] != b"TREE" or content[4] != 0:
                raise Damaged(f"no tree of names at {node:,}")
            count = self._number(content, 6, 2)
            entries = self._at(node + head, count * step + self.length_size)
            children = [
                self._offset(entries, each * step + self.length_size) for each in range(count)
            ]
            if content[5] == 0:
                yield from children
                continue
            for child in reversed(children):
                if child in seen:
                    raise Damaged("a tree of names that contains itself")
                seen.add(child)
                waiting.append(child)

    # Sections III.C, III.G: new groups

    def _link(self, body: bytes) -> tuple[str, Link]:
        if len(body) < 4 or body[0] != 1:
            raise Damaged("a link of an unknown version")
        flags = body[1]
        place = 2
        kind = 0
        if flags & 8:
            kind = body[place]
            place += 1
        place += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = self._number(body, place, width)
        place += width
        name = body[place : place + length].decode("utf-8", "replace")
        place += length
        if kind == 0:
            return name, Link("hard", self._offset(body, place))
        size = self._number(body, place, 2)
        target = body[place + 2 : place + 2 + size].replace(b"\0", b" ")
        names: dict[int, Literal["soft", "external"]] = {1: "soft", 64: "external"}
        return name, Link(names.get(kind, "unknown"), target=target.decode("utf-8", "replace"))

    def _heap_records(self, body: bytes, place: int, *, skip: int) -> Iterator[bytes]:
        """Yield the objects of a fractal heap; `skip` bytes of each record precede its heap id."""
        heap = self._offset(body, place)
        tree = self._offset(body, place + self.offset_size)
        if self._undefined in {heap, tree}:
            return
        space = _Space.read(self, heap)
        for record in self._new_tree(tree):
            yield space.get(record[skip : skip + space.id_length])

    def _new_tree(self, address: int) -> Iterator[bytes]:
        head = self._at(address, 16 + self.offset_size + 2 + self.length_size)
        if head[:4] != b"BTHD":
            raise Damaged(f"no tree at {address:,}")
        size, record, depth = struct.unpack_from("<IHH", head, 6)
        if not record or size > 2**20 or depth > 8:
            raise Damaged(f"a tree of depth {depth} with records of {record} bytes")
        root = self._offset(head, 16)
        waiting = [(root, self._number(head, 16 + self.offset_size, 2), depth)]
        seen = {root}
        widths = _child_widths(size, record, depth, self.offset_size)
        while waiting:
            node, count, level = waiting.pop()
            self._source.budget.step(1 + count)
            content = self._at(node, size)
            if content[:4] != (b"BTIN" if level else b"BTLF"):
                raise Damaged(f"no node of a tree at {node:,}")
            for each in range(count):
                piece = content[6 + each * record : 6 + (each + 1) * record]
                if len(piece) < record:
                    raise Damaged("a node of a tree is cut")
                yield piece
            if level:
                place = 6 + count * record
                few, total = widths[level]
                for _ in range(count + 1):
                    child = self._offset(content, place)
                    if child in seen:
                        raise Damaged("a tree that contains itself")
                    seen.add(child)
                    number = self._number(content, place + self.offset_size, few)
                    waiting.append((child, number, level - 1))
                    place += self.offset_size + few + total


@dataclass(frozen=True, slots=True)
class _Space:
    """A fractal heap's managed objects (section III.G)."""

    file: Hdf5
    id_length: int
    offset_width: int
    length_width: int
    width: int
    first: int
    """Bytes of the blocks of the first row."""
    largest: int
    """Bytes of the largest direct block."""
    root: int
    rows: int

    @classmethod
    def read(cls, file: Hdf5, address: int) -> _Space:
        length, offset = file.length_size, file.offset_size
        head = file._at(address, 22 + 12 * length + 3 * offset)  # noqa: SLF001 - the same format
        if head[:4] != b"FRHP":
            raise Damaged(f"no heap at {address:,}")
        id_length, filters = struct.unpack_from("<HH", head, 5)
        if filters:
            raise Damaged("a compressed heap of names")
        managed = int.from_bytes(head[10:14], "little")
        place = 14 + 10 * length + 2 * offset
        width = int.from_bytes(head[place : place + 2], "little")
        first = int.from_bytes(head[place + 2 : place + 2 + length], "little")
        largest = int.from_bytes(head[place + 2 + length : place + 2 + 2 * length], "little")
        place += 2 + 2 * length
        bits = int.from_bytes(head[place : place + 2], "little")
        root = int.from_bytes(head[place + 4 : place + 4 + offset], "little")
        rows = int.from_bytes(head[place + 4 + offset : place + 6 + offset], "little")
        if not 0 < width <= 1024 or not first or bits > 64:
            raise Damaged("a heap with absurd sizes")
        return cls(
            file=file,
            id_length=id_length,
            offset_width=-(-bits // 8),
            length_width=-(-min(largest, managed).bit_length() // 8),
            width=width,
            first=first,
            largest=largest,
            root=root,
            rows=rows,
        )

    def get(self, heap_id: bytes) -> bytes:
        """Return one object."""
        if len(heap_id) < 1 + self.offset_width + self.length_width:
            raise Damaged("an entry of a heap is cut")
        if heap_id[0] & 0x30:
            raise Damaged("an entry outside the heap's blocks")
        offset = int.from_bytes(heap_id[1 : 1 + self.offset_width], "little")
        end = 1 + self.offset_width + self.length_width
        length = int.from_bytes(heap_id[1 + self.offset_width : end], "little")
        address, inside = self._locate(self.root, self.rows, offset)
        return self.file._at(address + inside, length)  # noqa: SLF001 - the same format

    def _locate(self, block: int, rows: int, offset: int) -> tuple[int, int]:
        for _ in range(DEEPEST):
            if rows == 0:
                return block, offset
            row, column, inside, size = self._row(offset)
            if row >= rows:
                raise Damaged("an entry beyond the heap")
            step = self.file.offset_size
            place = block + 5 + step + self.offset_width + (row * self.width + column) * step
            block = int.from_bytes(self.file._at(place, step), "little")  # noqa: SLF001
            rows = 0 if size <= self.largest else self._rows_of(size)
            offset = inside
        raise Damaged("a heap that contains itself")

    def _row(self, offset: int) -> tuple[int, int, int, int]:
        """Return row, column, offset inside the block, and the block's bytes."""
        size, start = self.first, 0
        for row in range(DEEPEST):
            if row > 1:
                size *= 2
            if offset < start + size * self.width:
                column, inside = divmod(offset - start, size)
                return row, column, inside, size
            start += size * self.width
        raise Damaged("an entry beyond the heap")

    def _rows_of(self, size: int) -> int:
        """Return the rows of an indirect block that spans `size` bytes."""
        return (size // (self.first * self.width)).bit_length()


def _child_widths(size: int, record: int, depth: int, offset: int) -> dict[int, tuple[int, int]]:
    """Return, by level, the bytes of a child's number of records, and of its total."""
    most = (size - 10) // record
    few = _bytes_for(most)
    widths = {}
    total, before = most, 0
    for level in range(1, depth + 1):
        widths[level] = (few, before)
        entries = (size - 10 - offset - few - before) // (record + offset + few + before)
        total = (entries + 1) * total + entries
        before = _bytes_for(total)
    return widths


def _bytes_for(number: int) -> int:
    return max(1, -(-max(number, 1).bit_length() // 8))


def product(shape: tuple[int, ...]) -> int:
    """Return the number of elements; sizes are the file's words, however absurd."""
    count = 1
    for each in shape:
        count *= each
    return count


def _text(names: bytes, place: int) -> str:
    if place >= len(names):
        raise Damaged("a name outside the heap of names")
    end = names.find(b"\0", place, place + LONGEST_NAME)
    if end < 0:
        raise Damaged("a name that never ends")
    return names[place:end].decode("utf-8", "replace")


_MESSAGES = {
    0x01: "shape",
    0x02: "links",
    0x03: "type",
    0x06: "link",
    0x08: "layout",
    0x0C: "attribute",
    0x11: "group",
    0x15: "attributes",
}
