"""Stage 1: TOML text -> typed values, refusing what it does not know.

Input: one declaration file. Output: `StrictTable`s, from which the parsers take keys by
type; `finish` refuses every key that nobody asked for. All errors are
`ConfigurationError`s that name the file, the entry, the likely cause and the next step.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from runner.domain.errors import ConfigurationError

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
"""What an id may look like: it is used in paths, URLs and cell ids."""


class StrictTable:
    """One TOML table that remembers where it stands and which keys were taken.

    A key taken without a default is required. Take every key the table may have, then
    call `finish`.
    """

    def __init__(self, path: Path, entry: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self.entry = entry
        self._values = values
        self._taken: set[str] = set()

    def fail(self, message: str, *, cause: str = "", next_step: str = "") -> NoReturn:
        """Raise the ConfigurationError of this entry."""
        raise ConfigurationError(
            f"{self.path}: {self.entry}: {message}",
            cause=cause or "a typing error, or a value of another key",
            next_step=next_step or f"correct this entry in {self.path}",
        )

    def text(self, key: str, default: str | None = None) -> str:
        """Take a string; a required one may not be empty."""
        value = self._take(key, str, "a string", default)
        if default is None and not value.strip():
            self.fail(f"`{key}` is empty", cause="a required text was left blank")
        return value

    def id(self, key: str = "id") -> str:
        """Take an identifier: letters, digits, `_`, and `.` or `-` inside."""
        value = self.text(key)
        if not ID.fullmatch(value):
            self.fail(
                f"`{key}` = {value!r} is not an id",
                cause="ids are used in paths: letters, digits, `_`, and `.` or `-` inside",
            )
        return value

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Take true or false."""
        return self._take(key, bool, "true or false", default)

    def integer(self, key: str, default: int | None = None) -> int:
        """Take a whole number, zero or more."""
        value = self._take(key, int, "a whole number", default)
        if value < 0:
            self.fail(f"`{key}` = {value} is negative")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Take a finite number, zero or more."""
        value = float(self._take(key, (int, float), "a number", default))
        if not 0 <= value < float("inf"):
            self.fail(f"`{key}` = {value} is not a finite number of zero or more")
        return value

    def texts(
        self, key: str, default: Iterable[str] | None = None, *, required: bool = False
    ) -> tuple[str, ...]:
        """Take a list of non-empty strings without repetition; `required` means one at least."""
        value = self._take(key, list, "a list of strings", None if default is None else [*default])
        for item in value:
            if not isinstance(item, str) or not item.strip():
                self.fail(f"`{key}` holds {item!r}", cause="every item is a non-empty string")
        repeated = {item for item in value if value.count(item) > 1}
        if repeated:
            self.fail(f"`{key}` names {sorted(repeated)} more than once")
        if required and not value:
            self.fail(f"`{key}` is an empty list", cause="nothing would ever match this entry")
        return tuple(value)

    def table(self, key: str) -> dict[str, Any]:
        """Take a table, not looked into."""
        return self._take(key, dict, "a table", None)

    def member(self, key: str, vocabulary: type[E], default: E | None = None) -> E:
        """Take one word of a vocabulary."""
        word = self._take(key, str, "a string", None if default is None else str(default))
        return self._word(key, word, vocabulary)

    def members(
        self,
        key: str,
        vocabulary: type[E],
        default: Iterable[E] | None = None,
        *,
        required: bool = False,
    ) -> tuple[E, ...]:
        """Take a list of words of a vocabulary, in the order written."""
        words = self.texts(key, default, required=required)
        return tuple(self._word(key, word, vocabulary) for word in words)

    def choice(self, key: str, known: Iterable[str], default: str | None = None) -> str:
        """Take a string that must be one of `known`."""
        return self.known(key, (self._take(key, str, "a string", default),), known)[0]

    def known(self, key: str, names: tuple[str, ...], known: Iterable[str]) -> tuple[str, ...]:
        """Return `names` when all are known; otherwise fail with a suggestion."""
        allowed = list(known)
        for name in names:
            if name not in allowed:
                self._fail_unknown(f"`{key}` names an unknown {name!r}", name, allowed)
        return names

    def has(self, key: str) -> bool:
        """Whether the key, which this table may have, was written."""
        self._taken.add(key)
        return key in self._values

    def finish(self) -> None:
        """Fail on the first key that nobody took."""
        for key in self._values:
            if key not in self._taken:
                self._fail_unknown(f"unknown key `{key}`", key, sorted(self._taken))

    def _take(
        self, key: str, kind: type[T] | tuple[type[T], ...], description: str, default: T | None
    ) -> T:
        self._taken.add(key)
        if key not in self._values:
            if default is None:
                self.fail(
                    f"`{key}` is missing",
                    cause="a required key was left out or misspelt",
                    next_step=f"add `{key}` ({description}) to this entry in {self.path}",
                )
            return default
        value = self._values[key]
        # In Python a bool is an int; in TOML it is not.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fail(f"`{key}` is {value!r}, which is not {description}")
        return value

    def _word(self, key: str, word: str, vocabulary: type[E]) -> E:
        try:
            return vocabulary(word)
        except ValueError:
            words = [str(member) for member in vocabulary]
            self._fail_unknown(
                f"`{key}` names an unknown {vocabulary.__name__.lower()} {word!r}", word, words
            )

    def _fail_unknown(self, message: str, name: str, allowed: list[str]) -> NoReturn:
        close = difflib.get_close_matches(name, allowed, n=1)
        self.fail(
            message,
            cause=f"did you mean {close[0]!r}?" if close else "a word this tool does not know",
            next_step=f"use one of: {', '.join(allowed)} (in {self.path})",
        )


def read_toml(path: Path) -> dict[str, Any]:
    """Return the parsed file.

    Raises:
        ConfigurationError: it is missing, unreadable, not UTF-8 or not TOML; TOML
            errors name line and column.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path}: the file does not exist",
            cause="the command runs outside the repository, or the file was moved",
            next_step="run it in the root of the repository",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error.strerror}",
            cause="its permissions, or a folder in its place",
            next_step=f"make {path} a readable file",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}: malformed TOML: {error}",
            cause="a quote, a bracket or a comma is missing near there, or a key stands twice",
            next_step=f"correct {path} at the place named above",
        ) from error


def top_level(path: Path, document: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Fail when the document has a top-level key that is not allowed."""
    table = StrictTable(path, "top level", document)
    for key in document:
        table.known("top level", (key,), allowed)


def read_entries(path: Path, document: Mapping[str, Any], name: str) -> list[StrictTable]:
    """Return the `[[name]]` entries in file order, each with its place and id as its name."""
    found = document.get(name, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ConfigurationError(
            f"{path}: `{name}` is not a list of tables",
            cause=f"`[{name}]` was written for `[[{name}]]`",
            next_step=f"begin every entry of {path} with `[[{name}]]`",
        )
    return [
        StrictTable(path, f"{name} {item.get('id', '')!r} (entry {number})", item)
        for number, item in enumerate(found, start=1)
    ]


def parse_entries(
    path: Path, document: Mapping[str, Any], name: str, parse: Callable[[StrictTable], T]
) -> list[T]:
    """Parse every `[[name]]` entry in file order and refuse the keys `parse` did not take."""
    parsed = []
    for table in read_entries(path, document, name):
        parsed.append(parse(table))
        table.finish()
    return parsed


def refuse_duplicates(path: Path, name: str, ids: Iterable[str]) -> None:
    """Fail when an id stands twice."""
    seen: set[str] = set()
    for entry_id in ids:
        if entry_id in seen:
            raise ConfigurationError(
                f"{path}: {name} {entry_id!r} is declared twice",
                cause="an entry was copied and its id not changed",
                next_step=f"rename or remove one of the two in {path}",
            )
        seen.add(entry_id)
