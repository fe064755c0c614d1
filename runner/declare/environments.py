"""Stage 1: containers/environments.toml -> `Environment`s and profiles.

Strict: a key nobody reads is a setting that silently does nothing, so it is an error.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from runner.domain import Backend, Environment, Family, Format
from runner.domain.errors import ConfigurationError, SelectionError
from runner.domain.selector import compile_glob, unmatched

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS_FILE = REPOSITORY / "containers" / "environments.toml"

_KEYS: Mapping[str, type] = {
    "id": str,
    "family": str,
    "backend": str,
    "python": str,
    "requirements": list,
    "released": date,
    "formats": list,
    "reads": list,
    "env": dict,
    "note": str,
}
_OPTIONAL = frozenset({"reads", "env", "note"})
_ID = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_PYTHON = re.compile(r"3\.\d+")
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSet:
    """Every declared environment, in release order, and the named profiles."""

    environments: tuple[Environment, ...]
    profiles: Mapping[str, tuple[str, ...]]
    """Profile name -> environment ids, in release order."""

    def by_id(self, environment_id: str) -> Environment:
        """The environment of that id; SelectionError with a suggestion if there is none."""
        for environment in self.environments:
            if environment.id == environment_id:
                return environment
        known = [environment.id for environment in self.environments]
        raise _unknown("environment", environment_id, known)

    def profile(self, name: str) -> tuple[Environment, ...]:
        """The environments of a profile, in release order."""
        if name not in self.profiles:
            raise _unknown("profile", name, list(self.profiles))
        return tuple(self.by_id(environment_id) for environment_id in self.profiles[name])

    def select(self, patterns: Iterable[str]) -> tuple[Environment, ...]:
        """The environments that match any of the globs, in release order.

        A pattern that matches nothing is a SelectionError: it is a typing mistake far
        more often than a wish for an empty matrix.
        """
        ids = [environment.id for environment in self.environments]
        wanted: set[str] = set()
        for pattern in patterns:
            missing = unmatched(pattern, ids)
            if missing:
                raise _unknown("environment", missing, ids)
            wanted.update(filter(compile_glob(pattern), ids))
        return tuple(one for one in self.environments if one.id in wanted)


def read_environments(path: Path = ENVIRONMENTS_FILE) -> EnvironmentSet:
    """Read and check environments.toml.

    Raises ConfigurationError with the file, the line where it is known and a next step.
    """
    source = _Source(path, _read_text(path))
    try:
        document = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"{path}: not valid TOML: {error}",
            cause="a typing mistake at or shortly before that line",
            next_step="correct the line; `git diff` shows what changed last",
        ) from error
    for key in document:
        if key not in {"environment", "profiles"}:
            source.fail(f"unknown table or key {key!r}", key=key)
    entries = document.get("environment", [])
    if not isinstance(entries, list) or not entries:
        source.fail("no [[environment]] is declared")
    environments = tuple(_environments(source, entries))
    profiles = _profiles(source, document.get("profiles", {}), environments)
    return EnvironmentSet(environments=environments, profiles=profiles)


@dataclass(frozen=True, slots=True)
class _Source:
    """The declaring file, which knows the line a complaint belongs to."""

    path: Path
    text: str

    def line(self, *, entry: int | None = None, key: str = "") -> int | None:
        """Line (from 1) of a key, or of the n-th [[environment]]; None if unknown."""
        lines = self.text.splitlines()
        begin, end = 0, len(lines)
        if entry is not None:
            heads = [i for i, line in enumerate(lines) if line.strip() == "[[environment]]"]
            if entry >= len(heads):
                return None
            begin = heads[entry]
            end = heads[entry + 1] if entry + 1 < len(heads) else len(lines)
        pattern = re.compile(rf"\s*\[*\s*\"?{re.escape(key)}\"?\s*[=\]]")
        for number in range(begin, end) if key else ():
            if pattern.match(lines[number]):
                return number + 1
        return begin + 1 if entry is not None else None

    def fail(
        self, what: str, *, entry: int | None = None, key: str = "", suggestion: str = ""
    ) -> NoReturn:
        """Raise the ConfigurationError for this place."""
        number = self.line(entry=entry, key=key)
        place = f"{self.path}:{number}" if number else str(self.path)
        raise ConfigurationError(
            f"{place}: {what}",
            cause=suggestion or "the file was edited by hand, or is of another version of the tool",
            next_step="correct that entry; the fields are those of `runner.domain.Environment`",
        )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error}",
            cause="the command was not started in a complete checkout",
            next_step=f"restore it: git checkout -- {path}",
        ) from error


def _environments(source: _Source, entries: Sequence[Any]) -> Iterator[Environment]:
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        environment = _environment(source, number, entry)
        if environment.id in seen:
            source.fail(f"environment id {environment.id!r} is declared twice", entry=number)
        seen.add(environment.id)
        yield environment


def _environment(source: _Source, number: int, entry: Any) -> Environment:
    if not isinstance(entry, dict):
        source.fail(f"environment {number + 1} is not a table", entry=number)
    _check_keys(source, number, entry)
    if not _ID.fullmatch(entry["id"]):
        source.fail(
            f"id {entry['id']!r} has characters outside a-z, 0-9, '.' and '-'",
            entry=number,
            key="id",
            suggestion="the id names files, cells and URLs",
        )
    if not _PYTHON.fullmatch(entry["python"]):
        source.fail(
            f"python {entry['python']!r} is not a minor version", entry=number, key="python"
        )
    return Environment(
        id=entry["id"],
        family=_word(source, number, "family", Family, entry["family"]),
        backend=_word(source, number, "backend", Backend, entry["backend"]),
        python=entry["python"],
        requirements=_strings(source, number, entry, "requirements"),
        released=entry["released"],
        formats=_formats(source, number, entry, "formats"),
        reads=_formats(source, number, entry, "reads") if "reads" in entry else frozenset(),
        order=number,
        env=MappingProxyType(_variables(source, number, entry.get("env", {}))),
        note=entry.get("note", ""),
    )


def _check_keys(source: _Source, number: int, entry: Mapping[str, Any]) -> None:
    name = entry.get("id", f"environment {number + 1}")
    for key, value in entry.items():
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(_KEYS)}"
            source.fail(f"{name}: unknown key {key!r}", entry=number, key=key, suggestion=hint)
        # A TOML date-time is a Python date as well, and is not what is meant.
        if not isinstance(value, _KEYS[key]) or (_KEYS[key] is date and type(value) is not date):
            source.fail(
                f"{name}: {key} is a {type(value).__name__}, expected {_KEYS[key].__name__}",
                entry=number,
                key=key,
            )
    missing = [key for key in _KEYS if key not in entry and key not in _OPTIONAL]
    if missing:
        source.fail(f"{name}: {', '.join(missing)} missing", entry=number)


def _strings(source: _Source, number: int, entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = entry[key]
    if not values or not all(isinstance(value, str) and value for value in values):
        source.fail(f"{entry['id']}: {key} must be a list of texts", entry=number, key=key)
    if len(set(values)) != len(values):
        source.fail(f"{entry['id']}: {key} holds something twice", entry=number, key=key)
    return tuple(values)


def _formats(source: _Source, number: int, entry: Mapping[str, Any], key: str) -> frozenset[Format]:
    names = _strings(source, number, entry, key)
    return frozenset(_word(source, number, key, Format, name) for name in names)


def _word(source: _Source, number: int, key: str, vocabulary: type[_Word], value: str) -> _Word:
    try:
        return vocabulary(value)
    except ValueError:
        known = [str(word) for word in vocabulary]
        source.fail(f"{key}: {value!r} is not one of {', '.join(known)}", entry=number, key=key)


def _variables(source: _Source, number: int, values: Mapping[str, Any]) -> dict[str, str]:
    for name, value in values.items():
        if not isinstance(value, str):
            source.fail(f"env: {name} must be a text", entry=number, key="env")
    return dict(values)


def _profiles(
    source: _Source, declared: Any, environments: tuple[Environment, ...]
) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(declared, dict):
        source.fail("profiles is not a table", key="profiles")
    everything = EnvironmentSet(environments=environments, profiles={})
    profiles: dict[str, tuple[str, ...]] = {}
    for name, patterns in declared.items():
        if not isinstance(patterns, list) or not all(isinstance(one, str) for one in patterns):
            source.fail(f"profile {name!r} must be a list of environment ids", key=name)
        try:
            chosen = everything.select(patterns)
        except SelectionError as error:
            source.fail(f"profile {name!r}: {error.message}", key=name, suggestion=error.cause)
        profiles[name] = tuple(environment.id for environment in chosen)
    return MappingProxyType(profiles)


def _unknown(kind: str, name: str, known: Sequence[str]) -> SelectionError:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return SelectionError(
        f"no {kind} matches {name!r}",
        cause=f"did you mean {', '.join(near)}?" if near else "a typing mistake",
        next_step=f"choose from: {', '.join(known)}",
    )
