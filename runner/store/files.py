"""Atomic files, either old or new and never half; and disk errors in words.

Input: a path and its new content. Output: the file, replaced in one step, or a
`StoreError` that names the fault of the disk and the next step.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.domain.errors import StoreError

TEMPORARY_PREFIX = ".tmp-"
"""Begins the name of everything unfinished; leftovers of a killed run are removed."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


@contextmanager
def disk_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn every OSError inside into a StoreError about `path`; `doing` completes "cannot ..."."""
    try:
        yield
    except OSError as error:
        raise _store_error(path, doing, error) from error


def _store_error(path: Path, doing: str, error: OSError) -> StoreError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return StoreError(
            f"{path}: cannot {doing}: the disk is full",
            cause=f"{reason}; earlier records are kept",
            next_step="free some space (or choose another store with --store) and run the "
            "same command again: it goes on where it was",
        )
    if error.errno in _FORBIDDEN:
        return StoreError(
            f"{path}: cannot {doing}: it may not be written ({reason})",
            cause="a read-only file system, or the folder belongs to someone else",
            next_step="choose a store you can write to with --store, or correct its permissions",
        )
    if error.errno in _NOT_A_FOLDER:
        return StoreError(
            f"{path}: cannot {doing}: {reason}",
            cause="a file is where a folder should be, or the reverse",
            next_step="move it away, or choose another store with --store",
        )
    return StoreError(
        f"{path}: cannot {doing}: {reason}",
        cause="the disk or the network file system failed",
        next_step="check the disk, then run the same command again: it goes on where it was",
    )


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a short write is continued, so that a full disk is an OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Make renames in the folder survive a power cut, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def atomic_write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace the file in one step; its folder is made if need be.

    A file that can be made again at any time need not be `durable`: it is not forced onto the
    disk, which for hundreds of small files takes longer than making them, and a file that
    holds the same already is left alone.

    Raises:
        StoreError: it could not be written; the old file is untouched.
    """
    if not durable and _holds(path, data):
        return
    temporary = path.with_name(
        f"{TEMPORARY_PREFIX}{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    )
    with disk_errors(path, "write the file"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                write_all(descriptor, data)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    if durable:
        sync_folder(path.parent)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def atomic_write_text(path: Path, text: str) -> None:
    """Replace the file in one step by UTF-8 text; see `atomic_write_bytes`."""
    atomic_write_bytes(path, text.encode())


def emptied(folder: Path) -> Path:
    """Return the folder, made if need be, with nothing in it.

    The folder itself stays: it may be a link to a faster disk, or a place where one is mounted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink()
    return folder


def probe_writable(folder: Path) -> None:
    """Make the folder and write, flush and remove a small file in it.

    Raises:
        StoreError: the folder is read-only, full, or not a folder.
    """
    probe = folder / f"{TEMPORARY_PREFIX}write-probe-{os.getpid()}"
    with disk_errors(folder, "write to the store"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                write_all(descriptor, bytes(65536))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        finally:
            probe.unlink(missing_ok=True)
