"""Bytes of a hostile file, read at given places and never beyond a budget.

Input: an open file, or bytes. Output: exactly the bytes asked for. What lies outside the file is
`Damaged`; what costs more than any model does is `TooMuch`: both end the reading of one part,
never the description of the file.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import BinaryIO

BYTES = 256 * 2**20
"""All that is read of one file, in bytes; weights themselves never are."""
STEPS = 2_000_000
"""Structures that are looked at in one file."""
ONE_READ = 64 * 2**20
"""The longest single piece, in bytes: a configuration or a decompressed member."""


class Unreadable(Exception):
    """A part of the file could not be read; the rest of it is still described."""


class Damaged(Unreadable):
    """The bytes do not fit the format."""


class TooMuch(Unreadable):
    """Reading on would cost more than any real model does."""


@dataclass(slots=True)
class Budget:
    """The bytes that may still be read of one file; shared by all readers of its parts."""

    bytes_left: int = BYTES
    steps_left: int = STEPS

    def spend(self, length: int) -> None:
        """Take bytes; TooMuch where there are not as many left."""
        if length > ONE_READ:
            raise TooMuch(f"one piece of {length:,} bytes")
        self.bytes_left -= length
        if self.bytes_left < 0:
            raise TooMuch(f"more than {BYTES:,} bytes would have to be read")

    def step(self, count: int = 1) -> None:
        """Take steps; TooMuch where there are not as many left."""
        self.steps_left -= count
        if self.steps_left < 0:
            raise TooMuch(f"more than {STEPS:,} structures")


class Source:
    """A window of a file, or bytes, with the budget of the whole."""

    def __init__(self, file: BinaryIO, size: int, budget: Budget, start: int = 0) -> None:
        """Take `size` bytes of `file` from `start` on."""
        self._file = file
        self._start = start
        self.size = size
        self.budget = budget

    @classmethod
    def of_file(cls, file: BinaryIO, budget: Budget) -> Source:
        """Return all of an open file."""
        return cls(file, os.fstat(file.fileno()).st_size, budget)

    @classmethod
    def of_bytes(cls, content: bytes, budget: Budget) -> Source:
        """Return bytes that were read already."""
        return cls(io.BytesIO(content), len(content), budget)

    def window(self, start: int, size: int) -> Source:
        """Return a part as a source of its own; Damaged where it is not inside."""
        if start < 0 or size < 0 or start + size > self.size:
            raise Damaged(f"a part of {size:,} bytes at {start:,} is outside the file")
        return Source(self._file, size, self.budget, self._start + start)

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes at `offset`.

        Raises:
            Damaged: they are not all inside.
            TooMuch: the budget is spent.
        """
        self.budget.step()
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Damaged(f"{length:,} bytes at {offset:,}: the file ends at {self.size:,}")
        self.budget.spend(length)
        self._file.seek(self._start + offset)
        content = self._file.read(length)
        if len(content) != length:
            raise Damaged(f"{length:,} bytes at {offset:,} could not be read whole")
        return content

    def head(self, length: int) -> bytes:
        """Return the first bytes, as many as there are."""
        return self.read(0, min(length, self.size))


class SourceFile(io.RawIOBase):
    """A `Source` as a file that can be read and sought, for zipfile and tarfile."""

    def __init__(self, source: Source) -> None:
        self._source, self._place = source, 0

    def readable(self) -> bool:
        """Whether it is open for reading."""
        return True

    def seekable(self) -> bool:
        """Whether any place of it can be read."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, as `io` files do; return the place."""
        self._place = max(0, (0, self._place, self._source.size)[whence] + offset)
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Return bytes from the place on, as many as there are."""
        left = max(0, self._source.size - self._place)
        size = left if size < 0 else min(size, left)
        content = self._source.read(self._place, size)
        self._place += size
        return content
