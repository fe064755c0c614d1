"""The documents: TOML files, read into declared types by msgspec (stage 1).

Input: one declaration file. Output: a `Document`, whose `Entry`s are read into the types of
`runner.domain`. Every error is a `ConfigurationError` that names the file and its line, the
entry, the key, the likely cause and the next step. The types say what a value may be; no
rule for one of them stands here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runner.declare.mistakes import explain
from runner.declare.place import Place, shortened_sentence, shown
from runner.domain.errors import ConfigurationError, shortened

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One table of a document, not yet read into its type."""

    place: Place
    values: Mapping[str, Any]

    def read(self, type_: type[T], **given: object) -> T:
        """Return it as the type; `given` are fields that no file may set.

        Raises:
            ConfigurationError: a key is unknown, missing, or of a value its type refuses.
        """
        for key in given.keys() & self.values.keys():
            self.place.fail(f"unknown key `{key}`", key=key, cause="the tool sets it, no file")
        try:
            found = msgspec.convert({**self.values, **given}, type_, builtin_types=(date,))
        except msgspec.ValidationError as error:
            explain(self.place, error, self.values, type_, given)
        except RecursionError:
            self.place.fail("it is nested too deep", cause="the file is damaged")
        _refuse_repetition(self.place, self.values)
        return found

    def table(self, key: str) -> Entry:
        """Return a table inside this one, which must be there."""
        value = self.values[key]
        if not isinstance(value, dict):
            self.place.fail(f"`{key}` is {shown(value)}, which is not a table", key=key)
        return Entry(place=self.place.inside(key), values=value)

    def lists(self) -> dict[str, tuple[str, ...]]:
        """Return a table of lists of globs or ids, such as `[profiles]`."""
        for key, value in self.values.items():
            texts = value if isinstance(value, list) else []
            if not texts or not all(isinstance(each, str) and each.strip() for each in texts):
                said = f"`{shortened(key)}` is {shown(value)}, which is not a list of at least one"
                self.place.fail(f"{said} string", key=key)
        _refuse_repetition(self.place, self.values)
        return {key: tuple(value) for key, value in self.values.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One declaration file: its tables, and where they stand."""

    place: Place
    values: Mapping[str, Any]

    def entries(self, name: str) -> Iterator[Entry]:
        """Yield the `[[name]]` entries in file order, each with its id as its name."""
        found = self.values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            self.place.fail(
                f"`{name}` is not a list of tables",
                key=name,
                cause=f"`[{name}]` was written for `[[{name}]]`",
                next_step=f"begin every entry of {self.place.path} with `[[{name}]]`",
            )
        for number, values in enumerate(found):
            entry = f"{name} {shown(values.get('id', ''))} (entry {number + 1})"
            place = self.place.of_entry(name, number, entry)
            yield Entry(place=place, values=values)

    def table(self, name: str) -> Entry:
        """Return the table `[name]`; empty if it was not written."""
        found = self.values.get(name, {})
        if not isinstance(found, dict):
            self.place.fail(
                f"`{name}` is {shown(found)}, which is not a table",
                key=name,
                cause=f"`{name} = ...` was written for `[{name}]`",
            )
        return Entry(place=replace(self.place, table=name, entry=name), values=found)


def read_document(path: Path, tables: Collection[str]) -> Document:
    """Return the parsed file, whose top level may hold these tables and nothing else.

    Raises:
        ConfigurationError: it is missing, unreadable, not UTF-8, not TOML, nested too deep
            or of other tables; errors of TOML name line and column.
    """
    text = _read_text(path)
    lines = tuple(text.splitlines())
    place = Place(path=path, lines=lines, last=len(lines))
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # tomllib lets a number of thousands of digits end in a plain ValueError.
        deep = isinstance(error, RecursionError)
        said = "nested too deep" if deep else shortened_sentence(str(error))
        raise ConfigurationError(
            f"{path}: malformed TOML: {said}",
            cause="a quote, a bracket or a comma is missing near there, or a key stands twice",
            next_step=f"correct {path} at the place named above; `git diff` shows what changed",
        ) from error
    for key in values:
        if key not in tables:
            place.unknown(f"unknown table or key {shown(key)}", key, tables, key=key)
    return Document(place=place, values=values)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
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
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: malformed: byte {error.start} is not UTF-8",
            cause="the file is damaged, or was saved in another encoding",
            next_step=f"restore it: git checkout -- {path}",
        ) from error


def refuse_duplicates(place: Place, name: str, ids: Iterable[str]) -> None:
    """Fail when an id stands twice."""
    seen: set[str] = set()
    for entry_id in ids:
        if entry_id in seen:
            place.fail(
                f"{name} {shown(entry_id)} is declared twice",
                cause="an entry was copied and its id not changed",
                next_step=f"rename or remove one of the two in {place.path}",
            )
        seen.add(entry_id)


def _refuse_repetition(place: Place, values: Mapping[str, Any]) -> None:
    """Fail when a list of texts holds one twice; a set would swallow it."""
    for key, value in values.items():
        if isinstance(value, dict):
            _refuse_repetition(place, value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _refuse_repetition(place, item)
            texts = [item for item in value if isinstance(item, str)]
            if len(set(texts)) < len(texts):
                twice = next(item for item in texts if texts.count(item) > 1)
                place.fail(f"`{shortened(key)}` names {shown(twice)} more than once", key=key)
