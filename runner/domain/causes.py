"""Causes: why a cell is not equivalent."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from runner.domain.declaration import EnvironmentId, Id, Link, Text
from runner.domain.formats import Format
from runner.domain.observed import Stage
from runner.domain.outcomes import Outcome
from runner.domain.scenarios import Aspect

UNCLASSIFIED = "unclassified"
"""The cause of a cell that no rule explains; it stays visible."""


class CauseRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The conditions on a result with a cause, as in causes.toml; empty means any."""

    outcomes: Annotated[frozenset[Outcome], Meta(min_length=1)]
    stages: tuple[Stage, ...] = ()
    exceptions: tuple[Text, ...] = ()
    """Globs over the exception's type."""
    message: str = ""
    """Regex searched in the innermost message, or in the reason where nothing raised."""
    traceback: str = ""
    """Regex searched in the traceback."""
    formats: tuple[Format, ...] = ()
    scenarios: tuple[Text, ...] = ()
    """Globs over scenario ids."""
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


class Direction(StrEnum):
    """How the reader stands to the writer, by the dates of release."""

    WRITER_NEWER = "writer_newer"
    READER_NEWER = "reader_newer"
    SAME_ENVIRONMENT = "same_environment"


class Owner(StrEnum):
    """Whose class or function it is."""

    KERAS = "keras"
    USER = "user"


class Quantifier(StrEnum):
    """Of how many cells a sentence says it."""

    ALL = "all"
    MOST = "most"
    """Of more than half."""
    SOME = "some"
    NONE = "none"


HELPED = "{helped}"
"""Stands in a sentence for how often a remedy gave the model that was saved."""


class Sentence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sentence of a cause, and its basis.

    It rests on the cells that the cause decides (the conditions below, all of which must hold),
    on a source (`link`), or on nothing that was measured (`untested`: advice to try).
    """

    text: Text
    """May hold HELPED, if it names remedies."""
    link: Link | None = None
    untested: bool = False
    share: Quantifier = Quantifier.ALL
    """Of the cells, or of the pairs where the remedies were tried: how many it is said of."""
    bare: bool = False
    """Whether it speaks of bare loads alone."""
    direction: Direction | None = None
    owner: Owner | None = None
    """Whose class it is that the first group of `name` finds in the innermost message."""
    name: str = ""
    """Regex with one group."""
    writers: tuple[Text, ...] = ()
    readers: tuple[Text, ...] = ()
    formats: tuple[Text, ...] = ()
    scenarios: tuple[Text, ...] = ()
    outcomes: tuple[Text, ...] = ()
    stages: tuple[Text, ...] = ()
    exceptions: tuple[Text, ...] = ()
    """These seven are globs, one of which must match."""
    message: str = ""
    """Regex searched in the innermost message."""
    traceback: str = ""
    details: str = ""
    """Regex searched in the lines `aspect: detail` of the aspects that differ."""
    damaged: bool | None = None
    """Whether the file was damaged on purpose after it was written."""
    other_python: bool = False
    """Writer and reader have different minor versions of Python."""
    aspects: frozenset[Aspect] = frozenset()
    """Aspects that all differ."""
    remedies: tuple[Id, ...] = ()
    """It says of how many bare loads with this cause each of these remedies, as far as it was
    tried, gives the model that was saved."""
    crashes: bool = False
    """It says instead of how many of them it ends the process."""

    @property
    def is_checked(self) -> bool:
        """Whether cells decide it."""
        return self.link is None and not self.untested

    @property
    def plain(self) -> str:
        """The text without counts."""
        return self.text.replace(f": {HELPED}", "").replace(f" {HELPED}", "")


class Cause(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a cell is not equivalent, for the person who has the file."""

    id: Id
    title: Text
    says: Annotated[tuple[Sentence, ...], Meta(min_length=1)]
    """In reading order; together they are its explanation."""
    links: tuple[Link, ...] = ()
    rules: Annotated[tuple[CauseRule, ...], Meta(min_length=1)] = msgspec.field(name="rule")
    """One of them must match."""
    seen: tuple[EnvironmentId, ...]
    """Environments in which it was observed: the reader, or the writer where saving failed."""

    @property
    def explanation(self) -> str:
        """All its sentences, without counts."""
        return " ".join(sentence.plain for sentence in self.says)
