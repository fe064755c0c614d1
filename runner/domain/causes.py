"""Why a cell is not equivalent."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from runner.domain.declaration import EnvironmentId, Id, Link, Text
from runner.domain.formats import Format
from runner.domain.observed import Stage
from runner.domain.outcomes import Outcome
from runner.domain.scenarios import Aspect

UNCLASSIFIED = "unclassified"
"""The cause of what no rule explains; it stays visible."""


class CauseRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a result must be like to have a cause, as in causes.toml; empty means any."""

    outcomes: Annotated[frozenset[Outcome], Meta(min_length=1)]
    stages: tuple[Stage, ...] = ()
    exceptions: tuple[Text, ...] = ()
    """Globs over the exception's type."""
    message: str = ""
    """Regex searched in the innermost message, or in the reason where nothing raised."""
    traceback: str = ""
    """Regex searched in the traceback."""
    formats: tuple[Format, ...] = ()
    remedies: tuple[Text, ...] = ()
    """Globs over remedy ids."""
    damaged: bool | None = None
    """Whether the file was damaged on purpose after it was written."""
    aspects: frozenset[Aspect] = frozenset()
    """Aspects that must all differ."""
    only: frozenset[Aspect] = frozenset()
    """Aspects of which no other may differ."""
    detail: str = ""
    """Regex searched in the lines `aspect: detail` of the aspects that differ."""
    writers: tuple[Text, ...] = ()
    """Globs over environment ids."""
    readers: tuple[Text, ...] = ()
    """Globs over environment ids."""


class Cause(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a cell is not equivalent, for the person who has the file."""

    id: Id
    title: Text
    explanation: Text
    links: tuple[Link, ...] = ()
    rules: Annotated[tuple[CauseRule, ...], Meta(min_length=1)] = msgspec.field(name="rule")
    """One of them must match."""
    seen: tuple[EnvironmentId, ...]
    """Environments in which it was observed: the reader, or the writer where saving failed."""
