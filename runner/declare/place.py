"""The place of a declaration, and one short message for a mistake there (stage 1)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from runner.domain.errors import LONGEST, ConfigurationError, shortened

MOST_WORDS = 12
"""Words that a message offers to choose from."""


def shown(value: object) -> str:
    """Return a value as a message repeats it: short, however long or deep it is."""
    if isinstance(value, str):
        return repr(shortened(value))
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return shortened(str(value))
    except ValueError:
        # Python refuses to write out a number of several thousand digits.
        return "a huge number"


def shortened_sentence(text: str) -> str:
    """Return a message of a library: its first line, and no more than 200 characters of it."""
    return text.partition("\n")[0][:200]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something is declared: it names itself in every message."""

    path: Path
    lines: tuple[str, ...] = ()
    """The file's text."""
    first: int = 0
    """Index of the first line that belongs to this place; the file's name alone if 0 to 0."""
    last: int = 0
    """Index after the last line."""
    table: str = ""
    """Its header in the file, without the brackets."""
    entry: str = ""
    """How a message names it: table, id and number."""

    def fail(
        self, message: str, *, key: str = "", cause: str = "", next_step: str = ""
    ) -> NoReturn:
        """Raise the ConfigurationError of this place."""
        line = self._line(key)
        where = f"{self.path}:{line}" if line else str(self.path)
        raise ConfigurationError(
            ": ".join(filter(None, [where, self.entry, message])),
            cause=cause or "a typing error, or a value of another key",
            next_step=next_step or f"correct this entry in {self.path}",
        )

    def unknown(self, message: str, name: str, known: Iterable[str], *, key: str = "") -> NoReturn:
        """Raise the ConfigurationError of a word that is none of those known."""
        words = [str(word) for word in known]
        close = difflib.get_close_matches(name[: 2 * LONGEST], words, n=1)
        offered = ", ".join(words[:MOST_WORDS]) + (", ..." if len(words) > MOST_WORDS else "")
        self.fail(
            message,
            key=key,
            cause=f"did you mean {close[0]!r}?" if close else "a word this tool does not know",
            next_step=f"use one of: {offered} (in {self.path})",
        )

    def require(self, key: str, names: Iterable[str], known: Collection[str]) -> None:
        """Fail on the first name that is not known, with a suggestion."""
        for name in names:
            if name not in known:
                self.unknown(f"`{key}` names an unknown {shown(name)}", name, known, key=key)

    def inside(self, key: str, number: int | None = None) -> Place:
        """Return the place of a table of this one; the n-th (from 0) where there are several."""
        table = f"{self.table}.{key}"
        if number is None:
            found = self._below(f"[{table}]", 0)
            return replace(found, table=table, entry=f"{self.entry}: {key}")
        found = self._below(f"[[{table}]]", number)
        return replace(found, table=table, entry=f"{self.entry}: {key} {number + 1}")

    def of_entry(self, table: str, number: int, entry: str) -> Place:
        """Return the place of the n-th (from 0) entry `[[table]]` of a whole file."""
        return replace(self._below(f"[[{table}]]", number), table=table, entry=entry)

    def _below(self, header: str, number: int) -> Place:
        heads = [
            index
            for index in range(self.first, self.last)
            # Asked first: most lines hold no header at all.
            if header in self.lines[index] and self.lines[index].partition("#")[0].strip() == header
        ]
        if number >= len(heads):
            return self
        last = heads[number + 1] if number + 1 < len(heads) else self.last
        return replace(self, first=heads[number], last=last)

    def _line(self, key: str) -> int:
        """Return the line (from 1) of a key, or of the entry; 0 if it is unknown."""
        if key and len(key) <= LONGEST:
            pattern = re.compile(rf"[\s\[]*(?:[\w.-]+\.)?\"?{re.escape(key)}\"?\s*[=\]]")
            for index in range(self.first, self.last):
                if pattern.match(self.lines[index]):
                    return index + 1
        return self.first + 1 if self.entry and self.last > self.first else 0
