"""The journal: every observation ever made, newest first by what it depends on.

Input: records `{"kind", "id", "inputs", "observation", "run", "at"}`. Output: for each
kind the newest record of each (id, inputs), read from disk only when it is asked for.
Long texts, which repeat by the thousand, are kept once in `texts.jsonl` under their
digest; a record then holds `{"$text": digest}`, and names them all in `texts`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

from runner.store.lines import Line, LineFile, Warn

JOURNAL_SCHEMA = "journal/1"
TEXTS_SCHEMA = "texts/1"
LONG_TEXT = 120
"""Texts of more characters than this are kept in texts.jsonl."""
DIGEST_LENGTH = 32
"""Hex digits of SHA-256 that name a text."""

CACHED_TEXTS = 512

Key = tuple[str, str]
"""(save or cell id, digest of its inputs)."""

_HEAD = re.compile(
    rb'\{"kind":"(\w+)","id":"([^"\\]*)","inputs":"([^"\\]*)","texts":"([0-9a-f ]*)"[,}]'
)
"""What the index needs of a line, without parsing the rest of it."""
_TEXT_HEAD = re.compile(rb'\{"sha":"([0-9a-f]+)","text":"')
_INDEXED = ("kind", "id", "inputs")


class Record:
    """One line of the journal; only `id` and `inputs` are in memory."""

    __slots__ = ("_journal", "_place")

    def __init__(self, journal: Journal, place: Line) -> None:
        self._journal = journal
        self._place = place

    def read(self) -> dict[str, Any]:
        """Return the record as it was appended, its long texts put back."""
        return self._journal.read(self._place)

    @property
    def observation(self) -> dict[str, Any]:
        """The observation, its long texts put back."""
        found: dict[str, Any] = self.read()["observation"]
        return found


class Journal:
    """`journal.jsonl` and `texts.jsonl` of a store; safe to use from several threads.

    `warn` receives one sentence for every damage that was worked around.
    """

    def __init__(self, folder: Path, *, writable: bool, warn: Warn) -> None:
        self._guard = Lock()
        self._latest: dict[str, dict[Key, Record]] = {}
        self._text_places: dict[str, Line] = {}
        self._checked_texts: dict[bytes, bool] = {}
        self._text_cache = lru_cache(maxsize=CACHED_TEXTS)(self._read_text)
        # Records are opened first and read last: every text they refer to is then there,
        # even while a run is appending to both.
        self._records = LineFile(folder / "journal.jsonl", JOURNAL_SCHEMA, writable=writable)
        self._texts = LineFile(folder / "texts.jsonl", TEXTS_SCHEMA, writable=writable)
        try:
            self._texts.scan(self._visit_text, warn)
            self._records.scan(self._visit_record, warn)
        except BaseException:
            self._texts.close()
            self._records.close()
            raise

    def latest(self, kind: str) -> Mapping[Key, Record]:
        """Return a view of the newest record of the kind for each (id, inputs)."""
        return MappingProxyType(self._latest.setdefault(kind, {}))

    def append(self, record: Mapping[str, Any]) -> Record:
        """Record one result; it is handed to the operating system before this returns.

        Raises:
            StoreError: it could not be written; the journal is as it was.
        """
        head = {key: str(record[key]) for key in _INDEXED}
        texts: dict[str, None] = {}
        rest = {
            key: self._put_away(value, texts) for key, value in record.items() if key not in head
        }
        found = Record(self, self._records.append({**head, "texts": " ".join(texts), **rest}))
        with self._guard:
            self._latest.setdefault(head["kind"], {})[head["id"], head["inputs"]] = found
        return found

    def sync(self) -> None:
        """Force everything onto the disk: texts first, so that no reference dangles."""
        self._texts.sync()
        self._records.sync()

    def close(self) -> None:
        """Flush and close both files."""
        try:
            self._texts.close()
        finally:
            self._records.close()

    def read(self, place: Line) -> dict[str, Any]:
        """Return the record at a place, its long texts put back."""
        values = self._records.read(place, self._bring_back)
        del values["texts"]
        return values

    def _visit_text(self, line: bytes, place: Line) -> bool:
        head = _TEXT_HEAD.match(line)
        if head:
            self._text_places[head[1].decode()] = place
        return head is not None

    def _visit_record(self, line: bytes, place: Line) -> bool:
        """Enter a line into the index; one whose texts were lost counts as damaged."""
        head = _HEAD.match(line)
        if head is None:
            return self._visit_unusual_record(line, place)
        kind, record_id, inputs, texts = head.groups()
        if texts and not self._have_texts(texts):
            return False
        self._latest_of(kind)[record_id.decode(), inputs.decode()] = Record(self, place)
        return True

    def _visit_unusual_record(self, line: bytes, place: Line) -> bool:
        """Enter a line whose id needs JSON's escapes."""
        values = json.loads(line)
        if not {*_INDEXED, "texts"} <= values.keys() or not self._have_texts(
            values["texts"].encode()
        ):
            return False
        self._latest_of(values["kind"].encode())[values["id"], values["inputs"]] = Record(
            self, place
        )
        return True

    def _latest_of(self, kind: bytes) -> dict[Key, Record]:
        return self._latest.setdefault(kind.decode(), {})

    def _have_texts(self, texts: bytes) -> bool:
        """Whether every text of a record is there; the same few sets repeat by the thousand."""
        known = self._checked_texts.get(texts)
        if known is None:
            known = all(sha in self._text_places for sha in texts.decode().split())
            self._checked_texts[texts] = known
        return known

    def _put_away(self, value: Any, texts: dict[str, None]) -> Any:
        if isinstance(value, str) and len(value) > LONG_TEXT:
            sha = self._put_text(value)
            texts[sha] = None
            return {"$text": sha}
        if isinstance(value, Mapping):
            return {str(key): self._put_away(item, texts) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._put_away(item, texts) for item in value]
        return value

    def _put_text(self, text: str) -> str:
        # surrogatepass: captured output may hold a lone surrogate, which JSON can carry.
        sha = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
        with self._guard:
            if sha not in self._text_places:
                self._text_places[sha] = self._texts.append({"sha": sha, "text": text})
        return sha

    def _read_text(self, sha: str) -> str:
        return str(self._texts.read(self._text_places[sha])["text"])

    def _bring_back(self, value: dict[str, Any]) -> Any:
        if len(value) == 1 and "$text" in value:
            return self._text_cache(value["$text"])
        return value
