"""Why a cell is not equivalent."""

from __future__ import annotations

from dataclasses import dataclass

from runner.domain.formats import Format
from runner.domain.outcomes import Outcome
from runner.domain.scenarios import Aspect

UNCLASSIFIED = "unclassified"
"""The cause of what no rule explains; it stays visible."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseRule:
    """What a result must be like to have a cause, as in causes.toml; empty means any."""

    outcomes: frozenset[Outcome]
    stages: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    """Globs over the exception's type."""
    message: str = ""
    """Regex searched in the innermost message, or in the reason where nothing raised."""
    traceback: str = ""
    """Regex searched in the traceback."""
    formats: tuple[Format, ...] = ()
    remedies: tuple[str, ...] = ()
    """Globs over remedy ids."""
    damaged: bool | None = None
    """Whether the file was damaged on purpose after it was written."""
    aspects: frozenset[Aspect] = frozenset()
    """Aspects that must all differ."""
    only: frozenset[Aspect] = frozenset()
    """Aspects of which no other may differ."""
    detail: str = ""
    """Regex searched in the lines `aspect: detail` of the aspects that differ."""
    writers: tuple[str, ...] = ()
    """Globs over environment ids."""
    readers: tuple[str, ...] = ()
    """Globs over environment ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why a cell is not equivalent, for the person who has the file."""

    id: str
    title: str
    explanation: str
    links: tuple[str, ...]
    rules: tuple[CauseRule, ...]
    """One of them must match."""
    seen: tuple[str, ...]
    """Environments in which it was observed: the reader, or the writer where saving failed."""
