"""The records of builds of one's own: `<store>/builds/<id>.json`, with their locks and wheels.

    <store>/builds/<id>.json                  the build, as it was made last
    <store>/builds/<id>.txt                   its lock
    <store>/builds/wheels/<sha256>/*.whl      the wheel that it installs, where it has one

Input: a store, and records. Output: the same, later. docs/formats.md describes the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from runner.domain import Build
from runner.domain.errors import StoreError
from runner.store.files import atomic_write_bytes, disk_errors

FOLDER = "builds"
WHEELS = "wheels"
SCHEMA: Literal["build/1"] = "build/1"


class BuildRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`<id>.json` (`build/1`)."""

    schema: Literal["build/1"]
    id: str
    build: Build
    base_lock: str
    """SHA-256 of the lock of the base that it was resolved with, in hex."""
    lock: str
    """SHA-256 of its own lock, in hex."""
    made: str
    """When it was locked: ISO 8601, UTC."""

    @property
    def label(self) -> str:
        """The part of its id that the command line gives."""
        return self.id.partition("@")[2]


def builds_folder(store: Path) -> Path:
    """Where the builds of a store lie."""
    return store / FOLDER


def read_build_records(store: Path) -> list[BuildRecord]:
    """Return the records of a store, by id.

    Raises:
        StoreError: one cannot be read, or is of another version.
    """
    return [_read(path) for path in sorted(builds_folder(store).glob("*@*.json"))]


def find_build_record(store: Path, build_id: str) -> BuildRecord | None:
    """Return the record of one build, if there is one.

    Raises:
        StoreError: it cannot be read, or is of another version.
    """
    path = _path(store, build_id)
    return _read(path) if path.is_file() else None


def write_build_record(store: Path, record: BuildRecord) -> None:
    """Put a record in the place of that of an earlier build of this id."""
    data = msgspec.json.format(msgspec.json.encode(record), indent=1)
    atomic_write_bytes(_path(store, record.id), data + b"\n")


def _path(store: Path, build_id: str) -> Path:
    return builds_folder(store) / f"{build_id}.json"


def _read(path: Path) -> BuildRecord:
    with disk_errors(path, "read the record of a build"):
        data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=BuildRecord)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{path}: this is no record of a build: {error}"[:300],
            cause="another version of this tool wrote it, or it was cut",
            next_step=f"rm {path}, then give the build again with --with",
        ) from error
