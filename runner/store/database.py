"""The database of a store: opened, checked, recovered; its errors in words.

Input: the store's folder. Output: a connection to `observations.sqlite` that may be used
from any thread, one at a time, or a `StoreError`. docs/formats.md describes the tables,
docs/adr/0005-sqlite-store.md the decisions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runner.domain.errors import StoreError
from runner.store.files import disk_errors

Warn = Callable[[str], None]

NAME = "observations.sqlite"
APPLICATION = 0x4B4D5458
"""`application_id` of the file: KMTX in ASCII."""
VERSION = 1
"""`user_version` of the file; another one is refused."""
BUSY_S = 20.0
"""How long a statement waits for another process, which holds the file for milliseconds."""
_SUSPECT = f"{NAME}.suspect"
"""A mark: damage was met while reading, so the next run checks the whole file."""
_RECOVERED = f"{NAME}.recovered"
"""A database made of the readable rows of a damaged one, before it takes its place."""
_HIGHEST = 1 << 40
"""No row has a higher number."""

TABLES = {
    "record": (
        "CREATE TABLE record (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, "
        "inputs TEXT NOT NULL, run TEXT NOT NULL, at TEXT NOT NULL, observation BLOB NOT NULL, "
        "crc INTEGER NOT NULL)"
    ),
    "text": (
        "CREATE TABLE text (number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, "
        "body BLOB NOT NULL)"
    ),
}
INDEXES = {"record_key": "CREATE INDEX record_key ON record (kind, id, inputs)"}
_NEWEST = (
    "SELECT * FROM record ORDER BY number DESC LIMIT 1",
    "SELECT * FROM text ORDER BY number DESC LIMIT 1",
)
_COPY = {
    "record": (
        "SELECT rowid, kind, id, inputs, run, at, observation, crc FROM record NOT INDEXED",
        "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    "text": (
        "SELECT rowid, digest, body FROM text NOT INDEXED",
        "INSERT OR IGNORE INTO text VALUES (?, ?, ?)",
    ),
}
"""How the rows of each table are read from a damaged database, and put into another."""

_FULL = frozenset({sqlite3.SQLITE_FULL})
_FORBIDDEN = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Damaged(Exception):
    """The database cannot be trusted; the text says why."""


def open_database(folder: Path, warn: Warn) -> sqlite3.Connection:
    """Open the store's database for writing; the caller holds the store's lock.

    A damaged database is put aside, and its readable rows are taken over.

    Raises:
        StoreError: it cannot be written, is of another version, or is no database of a store.
    """
    path = folder / NAME
    _finish_recovery(folder)
    ended_well = not _is_filled(_beside(path, "-wal"))
    new = not path.exists()
    with database_errors(path, "open the database"):
        connection = _connect(path, "rwc")
        try:
            _prepare(connection, path, warn)
            _check(connection, path, thorough=not ended_well or (folder / _SUSPECT).exists())
        except (Damaged, sqlite3.DatabaseError) as error:
            connection.close()
            if not _is_damage(error) or _is_no_database(path):
                raise
            connection = _recover(path, str(error), warn)
        except BaseException:
            connection.close()
            raise
    (folder / _SUSPECT).unlink(missing_ok=True)
    if new:
        _mention_older_files(folder, warn)
    return connection


def open_reader(folder: Path) -> sqlite3.Connection | None:
    """Open the store's database for reading, beside a run or not; None if there is none.

    Raises:
        StoreError: it cannot be read, is damaged, or is of another version.
    """
    path = folder / NAME
    if not path.exists():
        return None
    with database_errors(path, "open the database"):
        for options in ("ro", "ro&immutable=1"):
            connection = _connect(path, options)
            try:
                if _is_empty(connection):
                    connection.close()
                    return None
                _check_identity(connection, path)
                _check(connection, path, thorough=False)
            except sqlite3.DatabaseError as error:
                connection.close()
                # On a read-only disk there is no room for WAL's shared memory; nobody can be
                # writing there either.
                alone = not _is_filled(_beside(path, "-wal"))
                if options == "ro" and _code(error) in _FORBIDDEN and alone:
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            return connection
    raise AssertionError(options)


@contextmanager
def database_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn SQLite's errors inside into a StoreError; `doing` completes "cannot ..."."""
    try:
        with disk_errors(path, doing):
            yield
    except Damaged as error:
        raise _damaged(path, doing, str(error)) from error
    except sqlite3.Error as error:
        raise _store_error(path, doing, error) from error


def _connect(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={options}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_S,
    )


def _prepare(connection: sqlite3.Connection, path: Path, warn: Warn) -> None:
    """Make the tables if the file is new, and set how it is written."""
    if _is_empty(connection):
        connection.execute("BEGIN IMMEDIATE")
        for statement in [*TABLES.values(), *INDEXES.values()]:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION}")
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    _check_identity(connection, path)
    _choose_journal(connection, path, warn)


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether nothing was ever put into the file, by whomever."""
    (changes,) = connection.execute("PRAGMA schema_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(changes == 0 and application == 0)


def _choose_journal(connection: sqlite3.Connection, path: Path, warn: Warn) -> None:
    """Use WAL where its shared memory works: not between the hosts of a network file system."""
    wanted = "truncate" if is_on_network(path) else "wal"
    (mode,) = connection.execute(f"PRAGMA journal_mode={wanted}").fetchone()
    if mode != "wal":
        warn(
            f"{path}: on this file system every result is flushed on its own, which is slower, "
            "and a reader may have to wait for the run"
        )
    # In WAL mode a commit is then not forced onto the disk: a killed process loses nothing, a
    # power cut may lose the last results, and the file stays sound either way.
    connection.execute("PRAGMA synchronous=NORMAL")


def is_on_network(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Return whether the file lies on a network file system, as far as the system says."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        place = path.resolve()
    except OSError:
        return False
    kinds: dict[Path, str] = {}
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) > _MOUNT_POINT and kind:
            kinds[Path(_unescaped(fields[_MOUNT_POINT]))] = kind
    found = next((kinds[each] for each in [place, *place.parents] if each in kinds), "")
    return found.startswith(_NETWORK)


_MOUNT_POINT = 4
_NETWORK = (
    "nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "orangefs",
    "pvfs2", "ocfs2", "gfs2", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs",
    "fuse.rclone", "virtiofs",
)  # fmt: skip
"""How the kinds of file systems begin that several hosts can have mounted at once."""


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    """Raise unless the file is a store's, of the version this tool writes."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise StoreError(
            f"{path}: this is an SQLite database, but not one of a store",
            cause="another program put a file of this name there",
            next_step=f"mv {path} {path}.other, and run the same command again",
        )
    if version != VERSION:
        raise StoreError(
            f"{path}: version {version} where {VERSION} was expected",
            cause=f"{'a newer' if version > VERSION else 'another'} version of this tool wrote it",
            next_step=f"use the tool that wrote it, or begin anew: mv {path} {path}.other",
        )


def _check(connection: sqlite3.Connection, path: Path, *, thorough: bool) -> None:
    """Raise `Damaged` unless the file is sound.

    Every start checks the tables' declarations, the file's length and the newest record,
    however much is recorded; a thorough check reads all of it.
    """
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL"))
    if found != {**TABLES, **INDEXES}:
        raise Damaged("its tables are not those of a store")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    # Rows that a run has not moved from the WAL into the file are not missing from it.
    if not _is_filled(_beside(path, "-wal")) and path.stat().st_size < pages * size:
        raise Damaged("it is shorter than it says: it was cut")
    for newest in _NEWEST:
        connection.execute(newest).fetchone()
    if thorough:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged(str(verdict).splitlines()[-1])


def mark_suspect(folder: Path) -> None:
    """Have the next run check the whole database: damage was met while reading it."""
    with suppress(OSError):
        (folder / _SUSPECT).touch()


# --- recovery --------------------------------------------------------------------------


def _recover(path: Path, reason: str, warn: Warn) -> sqlite3.Connection:
    """Take the readable rows of a damaged database into a new one; put the old one aside."""
    recovered = path.with_name(_RECOVERED)
    recovered.unlink(missing_ok=True)
    with closing(_connect(path, "rw")) as old, closing(_connect(recovered, "rwc")) as new:
        # A file that was cut is read as well.
        old.execute("PRAGMA writable_schema=ON")
        _prepare(new, recovered, warn)
        counts = {name: _take_over(old, new, name) for name in TABLES}
    aside = path.with_name(f"{NAME}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    for suffix in ("-wal", "-shm", "-journal"):
        if _beside(path, suffix).exists():
            _beside(path, suffix).replace(_beside(aside, suffix))
    path.replace(aside)
    recovered.replace(path)
    warn(
        f"{path}: damaged ({reason}); {counts['record']:,} results could be read and are kept, "
        f"whatever was lost is measured again; the damaged file is now {aside.name}"
    )
    connection = _connect(path, "rw")
    try:
        _choose_journal(connection, path, lambda _: None)
    except BaseException:
        connection.close()
        raise
    return connection


def _finish_recovery(folder: Path) -> None:
    """Put a recovered database in place, if a recovery was killed just before."""
    with disk_errors(folder / NAME, "recover the database"):
        if (folder / _RECOVERED).exists() and not (folder / NAME).exists():
            (folder / _RECOVERED).replace(folder / NAME)


def _take_over(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> int:
    """Copy every row of a table that can be read; return how many."""
    select, insert = _COPY[table]
    before = new.total_changes
    new.execute("BEGIN")
    for row in _readable_rows(old, select):
        with suppress(sqlite3.IntegrityError):
            new.execute(insert, row)
    new.execute("COMMIT")
    return new.total_changes - before


def _readable_rows(connection: sqlite3.Connection, select: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows that can be read, in the order of their numbers."""
    low = 0
    while low <= _HIGHEST:
        try:
            for row in connection.execute(f"{select} WHERE rowid >= ? ORDER BY rowid", (low,)):
                yield row
                # Where pages are mixed up, numbers may go back.
                low = max(low, row[0] + 1)
        except sqlite3.DatabaseError:
            low = _next_readable(connection, select, low)
        else:
            return


def _next_readable(connection: sqlite3.Connection, select: str, low: int) -> int:
    """Return the number above `low` from which rows can be read again."""

    def is_readable(number: int) -> bool:
        first = f"{select} WHERE rowid >= ? ORDER BY rowid LIMIT 1"
        try:
            connection.execute(first, (number,)).fetchone()
        except sqlite3.DatabaseError:
            return False
        return True

    step = 1
    while not is_readable(low + step):
        step *= 2
        if low + step > _HIGHEST:
            return low + step
    below, found = low + step // 2, low + step
    while found - below > 1:
        middle = (below + found) // 2
        if is_readable(middle):
            found = middle
        else:
            below = middle
    return found


# --- errors ----------------------------------------------------------------------------


def _code(error: BaseException) -> int:
    """Return the primary result code of SQLite, of which there are extended ones; 0 for none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_damage(error: BaseException) -> bool:
    return isinstance(error, Damaged) or _code(error) in _DAMAGED


def _is_no_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) != b"SQLite format 3\0"


def is_damage(error: StoreError) -> bool:
    """Return whether the error says that the database is damaged."""
    return error.__cause__ is not None and _is_damage(error.__cause__)


def _store_error(path: Path, doing: str, error: sqlite3.Error) -> StoreError:
    code = _code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return StoreError(
            f"{path}: this is not a database",
            cause="another program wrote a file of this name, or its beginning was overwritten",
            next_step=f"mv {path} {path}.other, and run the same command again: it measures anew",
        )
    if code in _DAMAGED:
        return _damaged(path, doing, str(error))
    if code in _FULL:
        return StoreError(
            f"{path}: cannot {doing}: the disk is full",
            cause=f"{error}; earlier records are kept",
            next_step="free some space (or choose another store with --store) and run the "
            "same command again: it goes on where it was",
        )
    if code in _FORBIDDEN:
        return StoreError(
            f"{path}: cannot {doing}: it may not be written ({error})",
            cause="a read-only file system, a folder in its place, or files of someone else",
            next_step="choose a store you can write to with --store, or correct its permissions",
        )
    if code in _BUSY:
        return StoreError(
            f"{path}: cannot {doing}: another process holds it ({error})",
            cause="another program has the file open for writing",
            next_step=f"end that program (fuser {path} names it), and run the same command again",
        )
    return StoreError(
        f"{path}: cannot {doing}: {error}",
        cause="the disk or the network file system failed",
        next_step="check the disk, then run the same command again: it goes on where it was",
    )


def _damaged(path: Path, doing: str, reason: str) -> StoreError:
    return StoreError(
        f"{path}: cannot {doing}: the database is damaged ({reason})",
        cause="the disk failed, or something else wrote into the file",
        next_step="run `nox -s matrix`: it keeps the readable results, and measures the rest again",
    )


# --- paths -----------------------------------------------------------------------------


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _is_filled(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _mention_older_files(folder: Path, warn: Warn) -> None:
    older = [name for name in ("journal.jsonl", "texts.jsonl") if (folder / name).exists()]
    if older:
        warn(
            f"{folder}: {' and '.join(older)} are of an older version of this tool and are not "
            "read: the probe has changed since, so their jobs run again; they may be removed"
        )
