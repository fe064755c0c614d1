"""A statement of the sources, and the cells that decide it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from runner.domain.declaration import Globs, Id, Text
from runner.domain.environments import Family
from runner.domain.outcomes import Outcome
from runner.domain.scenarios import Aspect

Part = Literal["scenario", "format", "writer", "reader", "remedy"]
"""A part of a cell's id."""
ALIKE: tuple[Part, ...] = ("scenario", "writer", "reader")
"""The parts that two compared cells have in common unless the claim says otherwise."""


class Pair(StrEnum):
    """How the reader stands to the writer. Newer is told by the day of the minor version."""

    ANY = "any"
    SAME_ENVIRONMENT = "same_environment"
    OTHER_ENVIRONMENT = "other_environment"
    SAME_FAMILY = "same_family"
    OTHER_FAMILY = "other_family"
    READER_NEWER = "reader_newer"
    READER_OLDER = "reader_older"
    READER_NOT_OLDER = "reader_not_older"
    """The writer itself, or a newer version."""
    NEIGHBOURING = "neighbouring"
    """Adjacent minor versions of one line, on one backend, in either direction."""
    OTHER_BACKEND = "other_backend"
    """One version on two backends."""


class Baseline(StrEnum):
    """The writer's own result of the same load."""

    EQUIVALENT = "equivalent"
    """It gets the same model back; what does not is left out, for it says nothing of the pair."""
    ANY = "any"
    """The claim is about the scenario itself, which may fail in its writer too."""


class Given(StrEnum):
    """The condition on the bare load of this file in this reader."""

    BARE_FAILS = "bare_fails"
    """It is not equivalent."""
    BARE_LOADS = "bare_loads"
    """It gives a model."""


class Event(StrEnum):
    """A claim's prediction of a cell."""

    EQUIVALENT = "equivalent"
    FAILS = "fails"
    """Not equivalent: an error, an unusable model, or a silent difference."""
    LOADS = "loads"
    """Without an error while loading, whatever came of it."""
    ERROR = "error"
    """No model: an exception, a crash, a time-out, too much memory."""
    DIVERGED = "diverged"
    ANY = "any"
    """Whatever happened: the exception, the message or the aspects decide."""


class Share(StrEnum):
    """Of how many cells a claim says it."""

    ALL = "all"
    MOST = "most"
    SOME = "some"
    """`can`, `may`: one cell is enough."""
    BETTER = "better"
    """Compared with the cells of `than`: equivalent there where those fail, never the reverse."""


class Weight(StrEnum):
    """The unit that counts once when a claim says `most`."""

    PAIR = "pair"
    """Each writer and reader: its cells share one vote."""
    GENERATION = "generation"
    """Each pair of lines of releases: its pairs share one vote."""


class ClaimVerdict(StrEnum):
    """The verdict of the cells on a claim; given only if no missing cell could change it."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    DEPENDS = "depends"
    UNDECIDED = "undecided"
    NOT_DECIDABLE = "not_decidable"


class Article(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One article of the sources, as in claims.toml."""

    file: Text
    title: Text


class CellSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cells that decide a claim: a selector matches, and every condition holds."""

    cells: Globs
    """Selectors, such as `l2_sequential/h5/*->*/none`; one must match."""
    writers: Globs = ("*",)
    readers: Globs = ("*",)
    writer_families: frozenset[Family] = frozenset()
    """Empty for every family."""
    reader_families: frozenset[Family] = frozenset()
    pair: Annotated[frozenset[Pair], Meta(min_length=1)] = frozenset({Pair.READER_NEWER})
    """All of them must hold: an older writer and a newer reader, unless the article says other."""
    baseline: Baseline = Baseline.EQUIVALENT
    given: frozenset[Given] = frozenset()
    counts: frozenset[Outcome] = frozenset()
    """Outcomes without a load, such as `save_error`, that count as a failure here.

    Of `unsupported` those where the writer did write the file.
    """


class Prediction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim's prediction of its cells."""

    share: Share
    event: Event
    among: Event = Event.ANY
    """Only cells where this happened decide, such as `error` for a claim on messages."""
    reasons: Globs | None = None
    """Globs over causes: a cell that fails for another says nothing. None for every cause."""
    exceptions: tuple[Text, ...] = ()
    """Globs over the exception's type; one must match."""
    messages: tuple[Text, ...] = ()
    """Parts of the message, in any case; one must be there."""
    aspects: frozenset[Aspect] = frozenset()
    """One of them must be among those that differ."""
    agrees: frozenset[Aspect] = frozenset()
    """None of them may be among those that differ."""
    weight: Weight = Weight.PAIR


class Claim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement of the sources, as in claims.toml: with the cells that decide it, or without."""

    id: Id
    article: Text
    """Name of the article's file."""
    statement: Text
    """In our own words."""
    decided_by: CellSet | None = None
    predicts: Prediction | None = None
    """Goes with `decided_by`."""
    not_decidable: str = ""
    """Why no scenario here can decide it; instead of the two above."""
    than: CellSet | None = None
    """The cells that `decided_by` is compared with, for `better`."""
    alike: Annotated[tuple[Part, ...], Meta(min_length=1)] = ALIKE
    """The parts two compared cells have in common."""
    note: str = ""
    """How we read the statement."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictStyle:
    """Symbol, words and CSS class of a claim's verdict."""

    verdict: ClaimVerdict
    symbol: str
    label: str
    explanation: str
    css: str


VERDICT_STYLES: tuple[VerdictStyle, ...] = (
    VerdictStyle(
        verdict=ClaimVerdict.CONFIRMED,
        symbol="✓",
        label="confirmed",
        explanation="The measurements say so, with and without each single version.",
        css="e",
    ),
    VerdictStyle(
        verdict=ClaimVerdict.DEPENDS,
        symbol="◐",
        label="depends",
        explanation="True for some versions and not for others: the ranges say which. Or one "
        "single version decides it: then that version is named.",
        css="r",
    ),
    VerdictStyle(
        verdict=ClaimVerdict.REFUTED,
        symbol="✗",
        label="refuted",
        explanation="Not one measurement supports it, or half of them or more contradict a `most`.",
        css="l",
    ),
    VerdictStyle(
        verdict=ClaimVerdict.UNDECIDED,
        symbol="?",
        label="undecided",
        explanation="Cells are missing that could still change the answer.",
        css="z",
    ),
    VerdictStyle(
        verdict=ClaimVerdict.NOT_DECIDABLE,
        symbol="∅",
        label="not decidable here",
        explanation="No scenario of this matrix can decide it: the reason stands beside it.",
        css="z",
    ),
)
"""Every verdict on a claim, in the order in which counts name them."""
