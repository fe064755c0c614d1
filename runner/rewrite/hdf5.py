"""The texts of an HDF5 file's root attributes, put in place in a copy of the file.

Input: the open copy and a new text. Output: the copy, with that attribute changed and nothing
else. A text as long as the old one or shorter goes into its place, padded with spaces, which JSON
allows; a longer one goes behind the end of the file, into a heap of its own, and the attribute
then points there. Section numbers are those of the HDF5 file format specification.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from runner.inspect.hdf5 import Hdf5
from runner.inspect.source import Budget, Damaged, Source

ATTRIBUTE = 0x0C
CONTINUED = 0x10


class Unwritable(Exception):
    """The file keeps the text in a way that this module does not write."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where the value of an attribute lies in the file."""

    place: int
    size: int
    in_heap: bool
    """Whether the value is a length and a place in a global heap."""
    checked: bool
    """Whether a check sum covers the place."""


class TextAttributes(Hdf5):
    """The root's attributes of a file that is open for reading and writing."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(Source.of_file(file, Budget()))
        self._file = file

    def texts(self) -> dict[str, str]:
        """Return the attributes that are texts."""
        found = self.object_at(self.root).attributes
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def put(self, name: str, text: str) -> None:
        """Give an attribute another text.

        Raises:
            Unwritable: the file keeps it where it cannot be changed.
            Damaged: the file contradicts itself.
        """
        slot = self._find_slot(name)
        content = text.encode("utf-8")
        if not slot.in_heap:
            if len(content) > slot.size:
                raise Unwritable(f"`{name}` has room for {slot.size:,} bytes of {len(content):,}")
            self._write(slot.place, content.ljust(slot.size))
            return
        value = self._source.read(slot.place, slot.size)
        length, place = self._number(value, 0, 4), self._heap_place(value)
        if len(content) <= length:
            self._write(place, content.ljust(length))
            return
        if slot.checked or self.version > 1:
            raise Unwritable(f"a longer `{name}` in a file with check sums")
        self._append(slot, content)

    def _find_slot(self, name: str) -> _Slot:
        """Return where the value of a root attribute lies, among the messages of the header."""
        new = self._at(self.root, 4) == b"OHDR"
        blocks = [self._new_block(self.root) if new else self._old_block(self.root)]
        tracked = new and bool(self._at(self.root + 5, 1)[0] & 4)
        head = (6 if tracked else 4) if new else 8
        seen: set[int] = set()
        while blocks:
            start, length = blocks.pop()
            if start in seen:
                raise Damaged("an object header that continues in itself")
            seen.add(start)
            place = start
            for message in self._block(self._at(start, length), new=new, tracked=tracked):
                self._source.budget.step()
                body = place + head
                place = body + len(message.body)
                if message.kind == CONTINUED:
                    at = self._offset(message.body, 0)
                    size = self._length(message.body, self.offset_size)
                    blocks.append((at + 4, size - 8) if new else (at, size))
                elif message.kind == ATTRIBUTE:
                    slot = self._slot(message.body, self.start + body, name, checked=new)
                    if slot is not None:
                        return slot
        raise Unwritable(f"`{name}` is not in the header of the file's root")

    def _slot(self, body: bytes, place: int, name: str, *, checked: bool) -> _Slot | None:
        if len(body) < 8 or body[0] not in {1, 2, 3} or (body[0] > 1 and body[1] & 3):
            return None
        sizes = struct.unpack_from("<HHH", body, 2)
        at = 9 if body[0] == 3 else 8
        parts = []
        for size in sizes:
            parts.append(body[at : at + size])
            at += -(-size // 8) * 8 if body[0] == 1 else size
        if parts[0].split(b"\0")[0] != name.encode():
            return None
        datatype = self._datatype(parts[1])
        if datatype.name not in {"string", "vlen string"} or self._dataspace(parts[2]):
            raise Unwritable(f"`{name}` is no single text")
        if at + datatype.size > len(body):
            raise Damaged(f"`{name}` is cut")
        in_heap = datatype.name == "vlen string"
        if checked and not in_heap:
            raise Unwritable(f"`{name}` is covered by a check sum")
        return _Slot(place + at, datatype.size, in_heap, checked)

    def _heap_place(self, value: bytes) -> int:
        """Return where the text of a value lies in the file, in its heap (section III.E)."""
        heap, wanted = self._offset(value, 4), self._number(value, 4 + self.offset_size, 4)
        head = self._at(heap, 8 + self.length_size)
        if head[:4] != b"GCOL":
            raise Damaged(f"no heap of texts at {heap:,}")
        content = self._at(heap, self._length(head, 8))
        place = 8 + self.length_size
        while place + 8 + self.length_size <= len(content):
            self._source.budget.step()
            index, size = self._number(content, place, 2), self._length(content, place + 8)
            place += 8 + self.length_size
            if index == wanted and place + self._number(value, 0, 4) <= len(content):
                return self.start + heap + place
            if index == 0:
                break
            place += -(-size // 8) * 8
        raise Damaged("a text is not in its heap")

    def _append(self, slot: _Slot, content: bytes) -> None:
        """Put a text behind the end of the file, and have the attribute point there."""
        end = -(-max(self.end, os.fstat(self._file.fileno()).st_size - self.start) // 8) * 8
        padded = content.ljust(-(-len(content) // 8) * 8, b"\0")
        whole = 8 + self.length_size + 8 + self.length_size + len(padded)
        # A heap has at least 4096 bytes, and says how many of them are free.
        total = max(4096, -(-whole // 8) * 8)
        heap = b"GCOL" + bytes([1, 0, 0, 0]) + self._word(total, self.length_size)
        heap += struct.pack("<HHI", 1, 1, 0) + self._word(len(content), self.length_size) + padded
        left = total - len(heap)
        if left >= 8 + self.length_size:
            heap += struct.pack("<HHI", 0, 0, 0) + self._word(left, self.length_size)
        self._write(self.start + end, heap.ljust(total, b"\0"))
        pointer = struct.pack("<I", len(content)) + self._word(end, self.offset_size)
        self._write(slot.place, pointer + struct.pack("<I", 1))
        place = self.base + (24 if self.version == 0 else 28) + 2 * self.offset_size
        self._write(place, self._word(end + total, self.offset_size))

    @staticmethod
    def _word(number: int, size: int) -> bytes:
        return number.to_bytes(size, "little")

    def _write(self, place: int, content: bytes) -> None:
        self._file.seek(place)
        self._file.write(content)
