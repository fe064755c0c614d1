"""Files put into a folder all at once or not at all; whatever else is there stays.

Input: a folder, the names and contents of everything that belongs there now, and globs over
the names an earlier run may have left. A run writes into a fresh folder beside and exchanges
the two in one step of the file system, so that whoever looks, after a kill at any moment too,
finds either the whole old set or the whole new one. Where the file system has no such step,
the folder is a mount point, or it holds folders of somebody else, the files are gathered in a
folder inside it, and a marker says that they are complete: from then on each is moved into
its place, and the next reader or writer goes on where a killed one stopped (`settle`).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.store.files import TEMPORARY_PREFIX, disk_errors, sync_folder, write_all

GATHERED = f"{TEMPORARY_PREFIX}placing"
"""The folder inside, for files that are moved one by one."""
COMPLETE = ".complete.json"
"""The marker in it: names of the files to move, and of those to remove."""
_EXCHANGE = 2
_HERE = -100
"""AT_FDCWD: paths are relative to the working directory, or absolute."""


def place(
    folder: Path,
    files: Iterable[tuple[str, bytes]],
    *,
    ours: Sequence[str],
    durable: Collection[str] = (),
) -> None:
    """Replace the files of an earlier run by these; names have slashes.

    `ours` are globs: a file in the folder that one matches and that has no new content is
    removed. `durable` names are forced onto the disk before they are put in place. A file that
    is the same as before stays the same file.

    Raises:
        StoreError: it could not be written; the old files are untouched.
    """
    folder = folder.resolve()
    with disk_errors(folder, "publish"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is a file")
        settle(folder)
        _clear_leftovers(folder)
        with _fresh_folder(folder) as fresh:
            names = [_write(fresh, folder, name, content, durable) for name, content in files]
            kept = set(names)
            stale = [name for name in _matching(folder, ours) if name not in kept]
            _require_files(folder, [*names, *stale])
            _put_in_place(fresh, folder, names, stale)


def settle(folder: Path) -> None:
    """Go on with what a killed run had gathered completely and was moving into its place.

    Raises:
        StoreError: it is needed, and the folder cannot be written.
    """
    gathered = folder / GATHERED
    marker = gathered / COMPLETE
    if not marker.exists():
        return
    with disk_errors(folder, "finish the publishing of a killed run"):
        try:
            said = json.loads(marker.read_text(encoding="utf-8"))
            names, stale = [list(map(_inside, said[key])) for key in ("files", "stale")]
        except (ValueError, KeyError, TypeError) as error:
            raise OSError(errno.EIO, f"{marker} is damaged") from error
        for name in names:
            if (gathered / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (gathered / name).replace(folder / name)
        for name in stale:
            (folder / name).unlink(missing_ok=True)
        sync_folder(folder)
        marker.unlink()
    shutil.rmtree(gathered, ignore_errors=True)


def _inside(name: object) -> str:
    if not isinstance(name, str) or ".." in Path(name).parts or Path(name).is_absolute():
        raise ValueError(f"{name!r} is no name in the folder")
    return name


@contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """Make an empty folder, beside or else inside; it is removed if it was not used.

    It is locked while its process lives, so that another one tells it from a leftover.
    """
    fresh = folder.with_name(f"{_beside(folder)}{os.getpid()}-{secrets.token_hex(4)}")
    try:
        fresh.mkdir()
    except OSError:
        # The folder above cannot be written, and this one perhaps can.
        folder.mkdir(exist_ok=True)
        fresh = folder / GATHERED
        fresh.mkdir()
    lock = _lock(fresh)
    try:
        yield fresh
    finally:
        # What was exchanged is now the old folder, and what failed is of no use; what is
        # complete has its marker, and another name.
        if not (fresh / COMPLETE).exists():
            shutil.rmtree(fresh, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _beside(folder: Path) -> str:
    return f"{TEMPORARY_PREFIX}{folder.name}-"


def _lock(folder: Path) -> int | None:
    """Lock a folder for this process; None where the file system cannot, or another has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _clear_leftovers(folder: Path) -> None:
    """Remove the leftovers of killed runs: the beginnings of new files, or the old ones."""
    left = [path for path in folder.parent.glob(f"{_beside(folder)}*") if path.is_dir()]
    for path in (*left, folder / GATHERED):
        if not path.exists():
            continue
        lock = _lock(path)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _write(fresh: Path, folder: Path, name: str, content: bytes, durable: Collection[str]) -> str:
    target, old = fresh / name, folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if _holds(old, content):
        with suppress(OSError):
            os.link(old, target)
            return name
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        write_all(descriptor, content)
        if name in durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return name


def _holds(path: Path, content: bytes) -> bool:
    try:
        same = path.is_file() and not path.is_symlink() and path.stat().st_size == len(content)
        return same and path.read_bytes() == content
    except OSError:
        return False


def _matching(folder: Path, ours: Sequence[str]) -> list[str]:
    found = {path for pattern in ours for path in folder.glob(pattern)}
    return sorted(path.relative_to(folder).as_posix() for path in found if not _is_folder(path))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _require_files(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder where a file of ours should be: its content is not ours."""
    for name in names:
        if _is_folder(folder / name):
            raise IsADirectoryError(errno.EISDIR, f"{name} is a folder there")


def _put_in_place(fresh: Path, folder: Path, names: Sequence[str], stale: Sequence[str]) -> None:
    if not folder.exists():
        sync_folder(fresh)
        fresh.rename(folder)
        sync_folder(folder.parent)
        return
    gone = {*names, *stale}
    # A folder that is exchanged is another one for whoever works in it: not for ourselves.
    beside = fresh.parent == folder.parent and folder not in (here := Path.cwd(), *here.parents)
    if beside and _carry(folder, fresh, gone):
        shutil.copymode(folder, fresh)
        sync_folder(fresh)
        if _exchange(fresh, folder):
            sync_folder(folder.parent)
            # Whoever put something into the folder while it was exchanged keeps it.
            _carry(fresh, folder, gone)
            return
    _move_in(fresh, folder, names, stale)


def _carry(old: Path, new: Path, gone: Collection[str]) -> bool:
    """Link into `new` every file of `old` that is not ours; False where that cannot be done.

    A folder that none of our files is in is somebody else's: it is never moved.
    """
    folders = {parent.as_posix() for name in gone for parent in Path(name).parents}
    try:
        for path in _walk(old, folders):
            name = path.relative_to(old).as_posix()
            if name in gone or (new / name).exists():
                continue
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, new / name, follow_symlinks=False)
    except (OSError, NotImplementedError):
        return False
    return True


def _walk(folder: Path, folders: Collection[str]) -> Iterator[Path]:
    """Yield the files in the folders that hold ours.

    Raises:
        NotADirectoryError: there is another folder.
    """
    for name in sorted(folders):
        if (folder / name).is_symlink() and name != ".":
            raise NotADirectoryError(errno.ENOTDIR, f"{name} is a link")
        if not (folder / name).is_dir():
            continue
        for path in sorted((folder / name).iterdir()):
            if not _is_folder(path):
                yield path
            elif path.relative_to(folder).as_posix() not in folders:
                raise NotADirectoryError(errno.ENOTDIR, f"{path} is somebody else's")


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the file system cannot."""
    function: Callable[..., int] | None = getattr(_libc(), "renameat2", None)
    if function is None:
        return False
    given = (os.fsencode(one), os.fsencode(other))
    return function(_HERE, given[0], _HERE, given[1], _EXCHANGE) == 0


def _libc() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None


def _move_in(fresh: Path, folder: Path, names: Sequence[str], stale: Sequence[str]) -> None:
    """Gather the new files inside the folder, say that they are complete, and move them."""
    gathered = folder / GATHERED
    if fresh != gathered:
        fresh.rename(gathered)
    try:
        _require_one_file_system(folder, names)
        _mark(gathered, {"files": names, "stale": stale})
    except BaseException:
        if not (gathered / COMPLETE).exists():
            shutil.rmtree(gathered, ignore_errors=True)
        raise
    settle(folder)


def _require_one_file_system(folder: Path, names: Sequence[str]) -> None:
    """Raise OSError for another file system: a complete set must not fail to move."""
    device = folder.stat().st_dev
    for parent in {(folder / name).parent for name in names}:
        if parent.exists() and parent.stat().st_dev != device:
            raise OSError(errno.EXDEV, f"{parent} is on another file system")


def _mark(gathered: Path, said: Mapping[str, Sequence[str]]) -> None:
    written = gathered / f"{TEMPORARY_PREFIX}complete"
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        write_all(descriptor, json.dumps(said).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    written.rename(gathered / COMPLETE)
    sync_folder(gathered)
