"""An error text, however it was copied -> readings of it: exception, message, traceback. Pure.

Input: a message, a traceback, its last line, or a log with other lines around it. Output: the
readings, the likeliest first. Whatever the text is, it is cut to sizes at which every regular
expression of this tool is quick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runner.judge.cause import SEARCHED, find_innermost

LONGEST_TEXT = 1_000_000
"""Characters of a text that are looked at: its end, where a traceback says what happened."""
LONGEST_TRACEBACK = 60_000
LONGEST_LINE = 8_000
MOST_ERRORS = 10
"""Errors of one text that are looked at, the last first."""
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]{0,60}[ -/]{0,10}[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|.)"
)
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_START = "Traceback (most recent call last)"
_CHAIN = re.compile(
    r"\n\s*(?:During handling of the above exception, another exception occurred|"
    r"The above exception was the direct cause of the following exception)"
)
_RAISED = re.compile(
    r"(?P<name>(?:[A-Za-z_]\w{0,80}\.){0,12}"
    r"(?:[A-Za-z_]\w{0,80}?(?:Error|Exception|Warning|Exit|Interrupt)|BadZipFile|StopIteration))"
    r"(?::[ \t]?(?P<message>.*)|[ \t]*)"
)
"""A line that names an exception: `ValueError: Unknown layer: Foo`."""
_WRAPPER = "Exception encountered: "
_PYTEST = re.compile(r"^E {3}", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One way to read a text."""

    exception: str
    """Name of its class, without the module; empty if the text does not say."""
    message: str
    """The innermost of those that wrap each other."""
    traceback: str
    """Empty if there is none in the text."""


def clean_text(text: str) -> str:
    """Return the text without colours and control characters, cut to its end."""
    cut = text[-LONGEST_TEXT:].replace("\r\n", "\n").replace("\r", "\n")
    plain = _PYTEST.sub("", _ESCAPES.sub("", cut)).translate(_CONTROLS)
    return "\n".join(line[:LONGEST_LINE] for line in plain.split("\n"))


def read_text(text: str) -> tuple[Reading, ...]:
    """Return the readings of a text, the likeliest first; none if it says nothing."""
    plain = clean_text(text)
    return tuple(dict.fromkeys(each for each in _readings(plain) if each.message or each.exception))


def _readings(text: str) -> Iterator[Reading]:
    errors = list(_errors(text))
    for exception, message, traceback in errors:
        for each in _extents(message):
            yield _reading(exception, each, traceback)
    if not errors:
        whole = text.strip()
        for each in _extents(whole):
            yield _reading("", each, "")
        if "\n" in whole:
            yield _reading("", whole.rpartition("\n")[2], "")


def _reading(exception: str, message: str, traceback: str) -> Reading:
    said = message.strip().removeprefix(_WRAPPER)
    return Reading(
        exception=exception,
        message=find_innermost(said, said)[:SEARCHED],
        traceback=traceback[-LONGEST_TRACEBACK:],
    )


def _extents(message: str) -> Iterator[str]:
    """Yield a message as far as it may go: log lines may follow it."""
    yield message
    yield message.strip().partition("\n\n")[0]
    yield message.strip().partition("\n")[0]


def _errors(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield exception, message and traceback of each error of a text, the last first."""
    end = len(text)
    for _ in range(MOST_ERRORS):
        start = text.rfind(_START, 0, end)
        part = text[max(start, 0) : end]
        raised = _find_raised(_without_prefix(text, start, part))
        if raised is not None:
            yield (*raised, part if start >= 0 else "")
        if start < 0:
            return
        end = text.rfind("\n", 0, start) + 1


def _without_prefix(text: str, start: int, part: str) -> str:
    """Take away what a log puts before each line, as it stands before the first."""
    prefix = text[text.rfind("\n", 0, max(start, 0)) + 1 : start] if start >= 0 else ""
    if not prefix.strip() or len(prefix) > 200:
        return part
    return "\n".join(line.removeprefix(prefix) for line in part.split("\n"))


def _find_raised(part: str) -> tuple[str, str] | None:
    """Return the exception that a part ends with, and its message."""
    lines = _CHAIN.split(part, maxsplit=1)[0].split("\n")
    traceback = _START in lines[0]
    places = [place for place, line in enumerate(lines) if _RAISED.fullmatch(line)]
    if not places:
        return None
    # Of a traceback the first: its message may hold lines of that kind. Of a log the last.
    place = places[0] if traceback else places[-1]
    found = _RAISED.fullmatch(lines[place])
    assert found is not None  # noqa: S101 - it was among the places
    message = "\n".join((found["message"] or "", *lines[place + 1 :]))
    return found["name"].rpartition(".")[2], message
