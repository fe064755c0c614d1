"""Append-only files of JSON lines, each with a checksum.

Input: JSON objects. Output: one line each, `{...,"crc":"<crc32 of what stands before>"}`,
after a first line `{"schema":"..."}`. What a crash can leave behind is a last line that
was cut: it is dropped. A line that is damaged elsewhere is skipped, counted and kept in
the file, so nothing is lost by reading.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from runner.domain.errors import StoreError
from runner.store.files import disk_errors, write_all

Warn = Callable[[str], None]
Hook = Callable[[dict[str, Any]], Any]

_CRC = b',"crc":"%08x"}\n'
_TAIL = len(_CRC % 0)


class Line(NamedTuple):
    """A line's place in its file."""

    offset: int
    length: int


def frame(values: dict[str, Any]) -> bytes:
    """Return the object as one line with its checksum."""
    body = json.dumps(values, separators=(",", ":")).encode()[:-1]
    return body + _CRC % zlib.crc32(body)


def is_sound(line: bytes) -> bool:
    """Whether the line is whole and its checksum is right."""
    return line[-_TAIL:] == _CRC % zlib.crc32(line[:-_TAIL])


class LineFile:
    """One append-only file; safe to use from several threads.

    With `writable=False` nothing on disk is changed, and a missing file is empty.
    """

    def __init__(self, path: Path, schema: str, *, writable: bool) -> None:
        self.path = path
        self._schema = schema
        self._writable = writable
        self._guard = Lock()
        self._dirty = False
        self._end = 0
        with disk_errors(path, "open the file"):
            self._descriptor = _open(path, writable=writable)
            self._limit = os.fstat(self._descriptor).st_size if self._descriptor >= 0 else 0

    def scan(self, visit: Callable[[bytes, Line], bool], warn: Warn) -> None:
        """Hand every sound line to `visit`, which returns whether it understood it.

        Ends with the file ready for appending: a cut last line is truncated away.

        Raises:
            StoreError: the first line names another schema, or the file cannot be read.
        """
        damaged: list[int] = []
        if self._descriptor < 0:
            return
        with (
            disk_errors(self.path, "read the file"),
            os.fdopen(os.dup(self._descriptor), "rb") as file,
        ):
            file.seek(0)
            for number, line in enumerate(file, start=1):
                # A reader takes what there was on opening: a run may be appending.
                if not line.endswith(b"\n") or self._end + len(line) > self._limit:
                    self._drop_cut_line(number, len(line), warn)
                    break
                place = Line(self._end, len(line))
                self._end += len(line)
                if number == 1:
                    self._check_schema(line)
                elif not (is_sound(line) and visit(line, place)):
                    damaged.append(number)
        if damaged:
            warn(_describe_damage(self.path, damaged))
        if self._end == 0 and self._writable:
            self._write(
                json.dumps({"schema": self._schema}, separators=(",", ":")).encode() + b"\n"
            )

    def _check_schema(self, line: bytes) -> None:
        try:
            found = json.loads(line)["schema"]
        except (ValueError, KeyError, TypeError):
            found = None
        if found != self._schema:
            raise StoreError(
                f"{self.path}, line 1: schema {found!r} where {self._schema!r} was expected",
                cause="another version of this tool wrote it, or its first line is damaged",
                next_step=f"move {self.path.parent} away (a new store is made), or use the tool "
                f"that wrote it; if only the line is damaged, restore "
                f'{{"schema":"{self._schema}"}}',
            )

    def _drop_cut_line(self, number: int, size: int, warn: Warn) -> None:
        if not self._writable:
            return  # the run that is writing it may just not be done with the line
        warn(
            f"{self.path}, line {number}: the last line was cut ({size} bytes, a killed run or a "
            "power cut) and is dropped; its job runs again"
        )
        os.ftruncate(self._descriptor, self._end)

    def append(self, values: dict[str, Any]) -> Line:
        """Write one object and return its place; on a full disk the file is as it was.

        Raises:
            StoreError: it could not be written.
        """
        return self._write(frame(values))

    def _write(self, data: bytes) -> Line:
        if not self._writable:
            raise StoreError(
                f"{self.path}: the store was opened for reading only",
                cause="a command that should only read tried to record something",
                next_step="report this as a bug",
            )
        with self._guard, disk_errors(self.path, "record a result"):
            place = Line(self._end, len(data))
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            try:
                write_all(self._descriptor, data)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
                raise
            self._end += len(data)
            self._dirty = True
            return place

    def read(self, place: Line, hook: Hook | None = None) -> dict[str, Any]:
        """Return the object at a place that `scan` or `append` gave.

        `hook` may put something else in the place of each object inside it.

        Raises:
            StoreError: the file was changed by someone else since then.
        """
        with disk_errors(self.path, "read a record"):
            line = os.pread(self._descriptor, place.length, place.offset)
        if not is_sound(line):
            raise StoreError(
                f"{self.path}: the record at byte {place.offset} has changed since it was read",
                cause="the file was edited or replaced while the command ran",
                next_step="run the same command again",
            )
        values: dict[str, Any] = json.loads(line, object_hook=hook)
        del values["crc"]
        return values

    def sync(self) -> None:
        """Force what was appended onto the disk."""
        with self._guard, disk_errors(self.path, "flush the file"):
            if self._dirty:
                os.fsync(self._descriptor)
                self._dirty = False

    def close(self) -> None:
        """Flush and close; calling it again does nothing."""
        if self._descriptor < 0:
            return
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1


def _open(path: Path, *, writable: bool) -> int:
    """Return a descriptor, or -1 for a file that a reader need not find."""
    if writable:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1


def _describe_damage(path: Path, numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return (
        f"{path}: {len(numbers)} damaged line(s) skipped (line {shown}); they stay in the file, "
        "and their jobs run again"
    )
