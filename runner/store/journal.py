"""The journal: every observation ever made, by its inputs.

Input: observations under (kind, id, inputs). Output: the newest observation of each key
that is asked for, if it is sound. Long texts, which repeat by the thousand, are kept once,
compressed, under their digest; an observation then holds `{"$text": digest}`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, TypeVar

from runner.contract import check_observation
from runner.domain.errors import StoreError
from runner.store.database import (
    NAME,
    Warn,
    database_errors,
    is_damage,
    mark_suspect,
    open_database,
    open_reader,
)

LONG_TEXT = 120
"""Texts of more characters than this are kept apart."""
DIGEST_LENGTH = 32
"""Hex digits of SHA-256 that name a text."""
LARGEST_TEXT = 1 << 24
"""Bytes a text is decompressed to at most."""
CACHED_TEXTS = 4096
CHUNK = 1000
"""Keys that are looked up under one hold of the connection."""

Key = tuple[str, str]
"""(save or cell id, digest of its inputs)."""

_NEWEST = (
    "SELECT number, CAST(observation AS BLOB), crc, at FROM record "
    "WHERE kind = ? AND id = ? AND inputs = ? ORDER BY number DESC LIMIT 1"
)
_APPEND = (
    "INSERT INTO record (kind, id, inputs, run, at, observation, crc) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_KEEP_TEXT = (
    "INSERT INTO text (digest, body) VALUES (?, ?) "
    "ON CONFLICT (digest) DO UPDATE SET body = excluded.body WHERE body <> excluded.body"
)
"""A text that is there and was damaged is mended."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TEXT = re.compile(rb'\{"\$text":"([0-9a-f]+)"\}')

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded observation; a later one of the same key has a higher number."""

    number: int
    observation: dict[str, Any]
    at: str
    """When it was recorded: ISO 8601, UTC; empty where the row does not say."""


class _Row(NamedTuple):
    number: int
    observation: bytes | None
    crc: object
    at: object


class Journal:
    """The observations of a store; safe to use from several threads.

    `warn` receives one sentence, at the end, on records that were not sound.
    """

    def __init__(self, folder: Path, *, writable: bool, warn: Warn) -> None:
        self._path = folder / NAME
        self._writable = writable
        self._warn = warn
        self._guard = RLock()
        self._unsound: set[int] = set()
        self._texts: dict[str, str] = {}
        self._connection = open_database(folder, warn) if writable else open_reader(folder)

    def find(self, kind: str, keys: Iterable[Key]) -> Iterator[tuple[Key, Record]]:
        """Yield each key that is recorded, with its newest record; in the order of the keys.

        A record that is damaged or makes no sense counts as not recorded.

        Raises:
            StoreError: the database cannot be read.
        """
        waiting = iter(keys)
        while chunk := list(islice(waiting, CHUNK)):
            rows = self._rows(kind, chunk)
            texts = self._find_texts(row.observation for row in rows.values())
            for key, row in rows.items():
                observation = _sound_observation(kind, key, row, texts)
                if observation is None:
                    self._unsound.add(row.number)
                else:
                    yield key, Record(row.number, observation, _moment(row.at))

    def keys(self, kind: str) -> frozenset[Key]:
        """Return every key of the kind under which something is recorded, sound or not."""
        return self._do("read results", lambda link: _all_keys(link, kind), otherwise=frozenset())

    def append(self, record: Mapping[str, Any]) -> None:
        """Record one result; it is handed to the operating system before this returns.

        Raises:
            StoreError: it could not be written; the journal is as it was.
        """
        self.extend([record])

    def extend(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Record several results, all of them or none.

        Raises:
            StoreError: they could not be written; the journal is as it was.
        """
        self._require_writable()
        texts: dict[str, str] = {}
        rows = [_row(record, texts) for record in records]
        with self._guard:
            new = {digest: text for digest, text in texts.items() if digest not in self._texts}
            self._do("record a result", lambda link: _write(link, rows, new), otherwise=None)
            self._remember(texts)

    def sync(self) -> None:
        """Force everything onto the disk: a power cut then loses nothing of it.

        Raises:
            StoreError: the disk failed.
        """
        if self._writable:
            self._do("flush the results", _checkpoint, otherwise=None)

    def close(self) -> None:
        """Flush and close; calling it again does nothing."""
        with self._guard:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            if self._unsound:
                self._warn(
                    f"{self._path}: {len(self._unsound)} recorded result(s) are damaged or make no "
                    "sense and count as not recorded; their jobs run again"
                )
            with database_errors(self._path, "close the database"):
                connection.close()

    def _require_writable(self) -> None:
        if not self._writable:
            raise StoreError(
                f"{self._path}: the store was opened for reading only",
                cause="a command that should only read tried to record something",
                next_step="report this as a bug",
            )

    def _do(self, doing: str, work: Callable[[sqlite3.Connection], _T], *, otherwise: _T) -> _T:
        """Let one thread at a time work with the connection; `otherwise` without a database."""
        try:
            with self._guard, database_errors(self._path, doing):
                return otherwise if self._connection is None else work(self._connection)
        except StoreError as error:
            if is_damage(error):
                mark_suspect(self._path.parent)
            raise

    def _rows(self, kind: str, keys: list[Key]) -> dict[Key, _Row]:
        def read(connection: sqlite3.Connection) -> dict[Key, _Row]:
            found = ((key, connection.execute(_NEWEST, (kind, *key)).fetchone()) for key in keys)
            return {key: _Row(*row) for key, row in found if row is not None}

        return self._do("read results", read, otherwise={})

    def _find_texts(self, contents: Iterable[bytes | None]) -> Mapping[str, str]:
        """Return the texts that observations refer to, as far as they are there and sound."""
        wanted = {name.decode() for content in contents for name in _referred(content)}
        with self._guard:
            known = {name: self._texts[name] for name in wanted if name in self._texts}
            missing = wanted - known.keys()
            nothing: dict[str, str] = {}
            read = self._do(
                "read texts", lambda link: _read_texts(link, missing), otherwise=nothing
            )
            self._remember(read)
        return {**known, **read}

    def _remember(self, texts: Mapping[str, str]) -> None:
        if len(self._texts) + len(texts) > CACHED_TEXTS:
            self._texts.clear()
        self._texts.update(texts)


def _all_keys(connection: sqlite3.Connection, kind: str) -> frozenset[Key]:
    return frozenset(
        connection.execute("SELECT DISTINCT id, inputs FROM record WHERE kind = ?", (kind,))
    )


def _row(record: Mapping[str, Any], texts: dict[str, str]) -> tuple[object, ...]:
    """Return a record as it is kept; its long texts go into `texts`."""
    kind, key = str(record["kind"]), (str(record["id"]), str(record["inputs"]))
    content = json.dumps(_put_away(record["observation"], texts), separators=(",", ":")).encode()
    about = str(record.get("run", "")), str(record.get("at", ""))
    return (kind, *key, *about, content, _checksum(kind, key, content))


def _write(
    connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]], texts: Mapping[str, str]
) -> None:
    """Write records and their texts, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(
            _KEEP_TEXT,
            [(bytes.fromhex(name), _compressed(text)) for name, text in texts.items()],
        )
        connection.executemany(_APPEND, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _read_texts(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        row = connection.execute(
            "SELECT body FROM text WHERE digest = ?", (bytes.fromhex(name),)
        ).fetchone()
        text = _decompressed(row[0]) if row else None
        if text is not None and _name(text) == name:
            found[name] = text
    return found


def _sound_observation(
    kind: str, key: Key, row: _Row, texts: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the observation of a row, or None if it is damaged or makes no sense."""
    if row.observation is None or row.crc != _checksum(kind, key, row.observation):
        return None
    try:
        values = json.loads(row.observation)
        if b'{"$text"' in row.observation:
            values = _brought_back(values, texts)
        if b'"$$' in row.observation:
            values = _with_own_keys(values)
        check_observation(kind, values)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    found: dict[str, Any] = values
    return found


def _moment(at: object) -> str:
    """Return a time as it was recorded; the checksum does not cover it, so odd ones are none."""
    return at if isinstance(at, str) and _MOMENT.fullmatch(at) else ""


def _referred(content: bytes | None) -> list[bytes]:
    return _TEXT.findall(content or b"")


def _put_away(value: Any, texts: dict[str, str]) -> Any:
    """Return the value with references in the place of long texts, which go into `texts`."""
    if isinstance(value, str) and len(value) > LONG_TEXT:
        name = _name(value)
        texts[name] = value
        return {"$text": name}
    if isinstance(value, Mapping):
        return {_escaped(str(key)): _put_away(item, texts) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_put_away(item, texts) for item in value]
    return value


def _brought_back(value: Any, texts: Mapping[str, str]) -> Any:
    """Return a parsed value with texts in the place of its references.

    Raises:
        KeyError: a text is lost.
    """
    if isinstance(value, dict):
        if value.keys() == {"$text"}:
            return texts[value["$text"]]
        for key, item in value.items():
            if isinstance(item, dict | list):
                value[key] = _brought_back(item, texts)
    elif isinstance(value, list):
        value[:] = [_brought_back(item, texts) for item in value]
    return value


def _with_own_keys(value: Any) -> Any:
    """Return a value whose keys are as they were before `_escaped`."""
    if isinstance(value, dict):
        return {_unescaped(key): _with_own_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_own_keys(item) for item in value]
    return value


def _escaped(key: str) -> str:
    """Return a key that cannot be taken for a reference."""
    return f"${key}" if key.startswith("$") else key


def _unescaped(key: str) -> str:
    return key[1:] if key.startswith("$$") else key


def _checksum(kind: str, key: Key, content: bytes) -> int:
    # The key counts: a record is not to be found under another one.
    return zlib.crc32(content, zlib.crc32("\0".join((kind, *key)).encode("utf-8", "replace")))


def _name(text: str) -> str:
    return hashlib.sha256(_encoded(text)).hexdigest()[:DIGEST_LENGTH]


def _encoded(text: str) -> bytes:
    # surrogatepass: captured output may hold a lone surrogate, which JSON can carry.
    return text.encode("utf-8", "surrogatepass")


def _compressed(text: str) -> bytes:
    return zlib.compress(_encoded(text), 6)


def _decompressed(body: object) -> str | None:
    if not isinstance(body, bytes):
        return None
    try:
        text = zlib.decompressobj().decompress(body, LARGEST_TEXT)
        return text.decode("utf-8", "surrogatepass")
    except (zlib.error, ValueError):
        return None
