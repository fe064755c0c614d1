"""An error text held against the rules of the causes and the messages of a published run. Pure.

Input: the readings of a text, the causes as declared, and a run's `CellTexts`. Output: an
`Explanation`. A text has no outcome, scenario or format: a rule's conditions on these are unknown,
so that every cause whose texts match is listed, those first that the run has for messages of this
kind. Messages are of one kind if they are equal without names, numbers and paths.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from runner.analyse.boundaries import Axis
from runner.analyse.error_text import Reading
from runner.analyse.sentences import normalise
from runner.domain import (
    BARE,
    ID_COLUMNS,
    MEASURED,
    UNCLASSIFIED,
    Cause,
    CauseRule,
    Format,
    Outcome,
)
from runner.domain.selector import matches_any
from runner.judge.cause import CUT_MESSAGE, find_innermost
from runner.publish.record import Record, SaidRecord
from runner.publish.texts import CellTexts

SCHEMA = "explain/1"
NEAREST = 3
NEAR = 0.5
"""Kinds of messages that are less alike than this are not named."""
_LOOKED_AT = 60
"""Kinds of messages that share most words with a text; their likeness is worked out."""
_SURE = 0.9
"""Share of the cells with a kind of message that a cause must have where no rule matches."""
_LEAST_LETTERS = 14
"""A line of fewer letters says nothing of its own: `)`, `tensor:`."""
_NAME = re.compile(r"\b(?:[A-Z][a-z0-9]*[A-Z]\w*|\w+_\w+|\w+(?:\.\w+)+)|(?<=: )[A-Za-z_]\w*$")
"""A class, a function, or a name with a module."""
_WORD = re.compile(r"[A-Za-z]{3,}")
_CONDITIONS = (
    *("outcomes", "stages", "formats", "scenarios", "remedies", "damaged", "aspects", "only"),
    *("detail", "writers", "readers"),
)

_GENERAL = ("ValueError", "TypeError", "KeyError", "OSError", "RuntimeError", "AttributeError")

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]


class Match(Record, kw_only=True, frozen=True):
    """The rule that matched a text."""

    rule: int
    """Place among the rules of its cause, from 1."""
    conditions: dict[str, str]
    """Conditions of the rule that the text, or an option, fulfils -> as declared."""
    unknown: dict[str, str]
    """Conditions that nothing given decides -> as declared."""


class Helped(Record, kw_only=True, frozen=True):
    """How often a remedy gave the model that was saved, where the bare load had the cause."""

    remedy: str
    title: str
    helped: int
    tried: int


class Possible(Record, kw_only=True, frozen=True):
    """A cause that a text may have."""

    id: str
    title: str
    says: tuple[SaidRecord, ...]
    links: tuple[str, ...]
    match: Match | None
    """None if it is named for its kind of message alone."""
    cells: int
    """Cells of the run with this cause and this kind of message."""
    of: int
    """Cells of the run with this kind of message."""
    writers: str
    """In words, where it was seen."""
    readers: str
    helped: tuple[Helped, ...]
    """The most helpful first."""
    untried: tuple[str, ...]
    """Remedies of the run that were tried for none of these pairs."""
    example: str
    """A cell with it; empty if the run has none."""


class Near(Record, kw_only=True, frozen=True):
    """A known kind of message that is like an unknown one."""

    message: str
    distance: float
    """0 for equal texts, 1 for those that share nothing."""
    causes: dict[str, int]
    """Cause -> cells of the run."""
    example: str


class Explanation(Record, kw_only=True, frozen=True):
    """What is known of an error text; schema explain/1."""

    schema: str
    run: str
    """When the run began that the counts are of."""
    exception: str
    message: str
    """The innermost of the text's messages."""
    known: bool
    causes: tuple[Possible, ...]
    """The likeliest first; none if the text is unknown."""
    nearest: tuple[Near, ...]
    """If the text is unknown."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the output of `explain --json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **msgspec.json.schema(Explanation),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """Environments, format and way of loading that the user names: globs, none for any."""

    writers: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()

    @property
    def globs(self) -> dict[str, tuple[str, ...]]:
        """The globs by the name of the column."""
        return {
            "writer": self.writers,
            "reader": self.readers,
            "format": self.formats,
            "remedy": self.remedies,
        }


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The messages of a run: a row for each cell, a code for each distinct message."""

    texts: CellTexts
    given: Given = field(default_factory=Given)

    @cached_property
    def rows(self) -> Mask:
        """The cells that have a cause and are as given."""
        cause = self.texts.columns["cause"]
        chosen = np.array([bool(each) for each in cause.values])[cause.codes]
        for name, globs in self.given.globs.items():
            if globs:
                column = self.texts.columns[name]
                fits = [bool(each) and matches_any(each, globs) for each in column.values]
                chosen &= np.array(fits)[column.codes]
        return np.asarray(chosen)

    @cached_property
    def _coded(self) -> tuple[Codes, tuple[tuple[str, str], ...]]:
        """Code of each row's exception and innermost message, and what the codes stand for."""
        columns = self.texts.columns
        message, reason, traceback = (columns[n] for n in ("message", "reason", "traceback"))
        sizes = [len(columns[name].values) for name in ("message", "reason", "traceback")]
        is_long = np.array([len(each) >= CUT_MESSAGE for each in message.values])
        is_empty = np.array([not each for each in message.values])
        # A reason counts where nothing raised, a traceback where it holds more of the message.
        reasons = np.where(is_empty[message.codes], reason.codes, -1) % sizes[1]
        ends = np.where(is_long[message.codes], traceback.codes, -1) % sizes[2]
        key = columns["exception"].codes % len(columns["exception"].values)
        for codes, size in zip((message.codes % sizes[0], reasons, ends), sizes, strict=True):
            key = key * size + codes
        distinct, row_codes = np.unique(key, return_inverse=True)
        places: dict[tuple[str, str], int] = {}
        merged = []
        for one in distinct.tolist():
            left, end = divmod(one, sizes[2])
            left, why = divmod(left, sizes[1])
            kind, said = divmod(left, sizes[0])
            whole = message.values[said] or reason.values[why]
            innermost = find_innermost(whole, traceback.values[end])
            each = (columns["exception"].values[kind], innermost)
            merged.append(places.setdefault(each, len(places)))
        return np.array(merged, dtype=np.int64)[row_codes.reshape(-1)], tuple(places)

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """Exception and innermost message of each code."""
        return self._coded[1]

    @property
    def codes(self) -> Codes:
        """Of each row, the code of its message."""
        return self._coded[0]

    @cached_property
    def _counts(self) -> dict[int, Counter[str]]:
        """Code of a message -> cells by cause."""
        cause = self.texts.columns["cause"]
        size = len(cause.values)
        key = self.codes[self.rows] * size + cause.codes[self.rows] % size
        counts: dict[int, Counter[str]] = {}
        for one, number in zip(*(each.tolist() for each in _count(key)), strict=True):
            code, place = divmod(one, size)
            counts.setdefault(code, Counter())[cause.values[place]] += number
        return counts

    def count(self, codes: Iterable[int]) -> Counter[str]:
        """Return how many cells with these messages have which cause."""
        total: Counter[str] = Counter()
        for code in codes:
            total += self._counts.get(code, Counter())
        return total

    @cached_property
    def kinds(self) -> tuple[Mapping[str, frozenset[int]], ...]:
        """Kind of message -> codes, four times: the more exactly told first."""
        found: list[dict[str, set[int]]] = [{} for _ in _KINDS]
        for code, (exception, message) in enumerate(self.messages):
            if not exception:
                continue
            for index, kind in zip(found, _KINDS, strict=True):
                for each in kind(message):
                    index.setdefault(each, set()).add(code)
        return tuple({key: frozenset(codes) for key, codes in each.items()} for each in found)

    def having(self, cause: str, codes: Iterable[int] = ()) -> Codes:
        """Return the rows with this cause and, if there are any, these messages."""
        column = self.texts.columns["cause"]
        if cause not in column.values:
            return np.empty(0, dtype=np.int64)
        mask = self.rows & (column.codes == column.values.index(cause))
        narrowed = mask & np.isin(self.codes, np.array(sorted(codes), dtype=np.int64))
        return np.flatnonzero(narrowed if narrowed.any() else mask)

    def words(self, side: str, rows: Codes) -> str:
        """Name the environments that are writers or readers of these cells."""
        column = self.texts.columns[side]
        axis = Axis(ids=self.texts.run.environment_ids)
        seen = {column.values[code] for code in np.unique(column.codes[rows]).tolist()}
        places = [place for place, name in enumerate(axis.ids) if name in seen]
        return axis.words(axis.ranges(places)) if places else ""

    def example(self, rows: Codes) -> str:
        """Return the id of one of the cells: a bare load, if there is one."""
        if not len(rows):
            return ""
        remedy = self.texts.columns["remedy"]
        bare = [row for row in rows.tolist() if remedy.values[remedy.codes[row]] == BARE]
        row = (bare or rows.tolist())[0]
        parts = [
            column.values[column.codes[row]]
            for column in (self.texts.columns[name] for name in ID_COLUMNS)
        ]
        return "{}/{}/{}->{}/{}".format(*parts)

    def examples(self) -> dict[int, str]:
        """Return the id of a cell for each message that has one, of a bare load if there is one."""
        columns = [self.texts.columns[name] for name in ID_COLUMNS]
        remedy = self.texts.columns["remedy"]
        rows = np.flatnonzero(self.rows)
        bare = np.array([each == BARE for each in remedy.values])[remedy.codes[rows]]
        ordered = rows[np.argsort(~bare, kind="stable")]
        codes, first = np.unique(self.codes[ordered], return_index=True)
        return {
            code: "{}/{}/{}->{}/{}".format(
                *(column.values[column.codes[row]] for column in columns)
            )
            for code, row in zip(codes.tolist(), ordered[first].tolist(), strict=True)
        }

    @cached_property
    def _pairs(self) -> Codes:
        key = np.zeros(len(self.rows), dtype=np.int64)
        for name in ID_COLUMNS:
            if name != "remedy":
                column = self.texts.columns[name]
                key = key * len(column.values) + column.codes
        return key

    def helped(self, rows: Codes) -> tuple[Helped, ...]:
        """Count the remedies over the pairs whose bare loads are among these cells."""
        columns = self.texts.columns
        remedy, outcome = columns["remedy"], columns["outcome"]
        is_bare = np.array([each == BARE for each in remedy.values])
        measured = np.array([each in {str(one) for one in MEASURED} for each in outcome.values])
        good = np.array([each == str(Outcome.EQUIVALENT) for each in outcome.values])
        pairs = self._pairs[rows[is_bare[remedy.codes[rows]]]]
        of_pairs = np.isin(self._pairs, pairs) & ~is_bare[remedy.codes]
        tried = of_pairs & measured[outcome.codes]
        titles = {each.id: each.title for each in self.texts.run.remedies}
        found = []
        for place, name in enumerate(remedy.values):
            mask = tried & (remedy.codes == place)
            if mask.any():
                helped = int((mask & good[outcome.codes]).sum())
                title = titles.get(name, name)
                found.append(Helped(remedy=name, title=title, helped=helped, tried=int(mask.sum())))
        return tuple(sorted(found, key=lambda each: (-each.helped / each.tried, -each.tried)))


def _count(key: Codes) -> tuple[Codes, Codes]:
    values, numbers = np.unique(key, return_counts=True)
    return values, numbers


def _loosen(kind: str) -> str:
    return _NAME.sub("NAME", kind)


def _whole(message: str) -> set[str]:
    return {normalise(message)}


def line_kinds(message: str) -> set[str]:
    """Return the kinds of the first line and the last, either of which may be all one has."""
    lines = message.strip().split("\n")
    return {normalise(each) for each in (lines[0], lines[-1]) if _says_something(each)}


def _says_something(line: str) -> bool:
    return sum(map(str.isalpha, normalise(line))) >= _LEAST_LETTERS


def _loose_whole(message: str) -> set[str]:
    return set(map(_loosen, _whole(message)))


def _loose_lines(message: str) -> set[str]:
    return set(map(_loosen, line_kinds(message)))


_KINDS: tuple[Callable[[str], set[str]], ...] = (_whole, line_kinds, _loose_whole, _loose_lines)


def explain_text(
    readings: Sequence[Reading],
    causes: Sequence[Cause],
    texts: CellTexts,
    given: Given | None = None,
) -> Explanation:
    """Explain a text; `readings` are of `read_text`, and at least one."""
    evidence = Evidence(texts=texts, given=given or Given())
    found = name_causes(readings, causes, evidence)
    if found is None:
        return _explanation(readings[0], evidence, nearest=find_nearest(readings, evidence))
    possible = tuple(
        _describe(each, found.matches, found.counts, found.codes, causes, evidence)
        for each in found.names
    )
    return _explanation(found.reading, evidence, causes=possible)


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """The causes that a text may have, and the reading that says so."""

    reading: Reading
    names: tuple[str, ...]
    """The likeliest first."""
    matches: Mapping[str, Match]
    counts: Counter[str]
    """Cells of the run with a message of this kind, by cause."""
    codes: frozenset[int]
    """The run's messages of this kind."""


def name_causes(
    readings: Sequence[Reading], causes: Sequence[Cause], evidence: Evidence
) -> Named | None:
    """Return the causes of the first reading that has any; None for an unknown text."""
    for reading in readings:
        codes = find_alike(reading, evidence)
        matches = match_rules(reading, causes, evidence)
        counts = evidence.count(codes)
        names = tuple(_order(matches, counts))
        if names:
            return Named(reading=reading, names=names, matches=matches, counts=counts, codes=codes)
    return None


def _explanation(
    reading: Reading,
    evidence: Evidence,
    *,
    causes: tuple[Possible, ...] = (),
    nearest: tuple[Near, ...] = (),
) -> Explanation:
    return Explanation(
        schema=SCHEMA,
        run=evidence.texts.run.started,
        exception=reading.exception,
        message=reading.message,
        known=bool(causes),
        causes=causes,
        nearest=nearest,
    )


def find_alike(reading: Reading, evidence: Evidence) -> frozenset[int]:
    """Return the codes of the run's messages that are of the reading's kind."""
    for index, kind in zip(evidence.kinds, _KINDS, strict=True):
        # An exception that is given must be the same.
        found = frozenset(
            code
            for each in kind(reading.message)
            if _says_something(each)
            for code in index.get(each, ())
            if reading.exception in ("", evidence.messages[code][0])
        )
        if evidence.count(found):
            return found
    return frozenset()


def match_rules(reading: Reading, causes: Sequence[Cause], evidence: Evidence) -> dict[str, Match]:
    """Return the causes with a rule whose texts match, each with its first such rule.

    A rule that an earlier one always comes before can never decide, and is left out.
    """
    ids = evidence.texts.run.environment_ids
    remedies = tuple(each.id for each in evidence.texts.run.remedies)
    found: dict[str, Match] = {}
    decided: set[Outcome] = set()
    for cause in causes:
        for place, rule in enumerate(cause.rules, 1):
            if rule.outcomes <= decided or not _reads(rule, reading):
                continue
            if not _possible(rule, evidence.given, ids, remedies):
                continue
            match = _match(rule, place, reading, evidence.given)
            found.setdefault(cause.id, match)
            if set(match.unknown) <= {"outcomes", "exceptions"}:
                decided |= rule.outcomes
    return found


def _reads(rule: CauseRule, reading: Reading) -> bool:
    if not rule.message:
        return False
    if (
        reading.exception
        and rule.exceptions
        and not matches_any(reading.exception, rule.exceptions)
    ):
        return False
    if re.search(rule.message, reading.message, re.DOTALL) is None:
        return False
    return (
        not rule.traceback
        or not reading.traceback
        or re.search(rule.traceback, reading.traceback, re.DOTALL) is not None
    )


def _possible(rule: CauseRule, given: Given, ids: Sequence[str], remedies: Sequence[str]) -> bool:
    """Whether all that is given may be as the rule says."""
    asked = (
        (rule.writers, given.writers, ids),
        (rule.readers, given.readers, ids),
        (rule.remedies, given.remedies, remedies),
        (tuple(map(str, rule.formats)), given.formats, tuple(map(str, Format))),
    )
    return all(
        not globs
        or not wanted
        or any(matches_any(name, globs) and matches_any(name, wanted) for name in names)
        for globs, wanted, names in asked
    )


def _match(rule: CauseRule, place: int, reading: Reading, given: Given) -> Match:
    known = {"message": rule.message} if rule.message else {}
    unknown: dict[str, str] = {}
    if rule.exceptions:
        (known if reading.exception else unknown)["exceptions"] = _shown(rule.exceptions)
    if rule.traceback:
        (known if reading.traceback else unknown)["traceback"] = rule.traceback
    for name, value in beside_text(rule).items():
        decided = name in ("writers", "readers", "formats", "remedies") and getattr(given, name)
        (known if decided else unknown)[name] = value
    return Match(rule=place, conditions=known, unknown=unknown)


def beside_text(rule: CauseRule) -> dict[str, str]:
    """Return the conditions of a rule on which an error text says nothing -> as declared."""
    values = {name: getattr(rule, name) for name in _CONDITIONS}
    return {
        name: _shown(value)
        for name, value in values.items()
        if value is not None and value not in ((), frozenset(), "")
    }


def _shown(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value)))
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _order(matches: Mapping[str, Match], counts: Counter[str]) -> list[str]:
    """Return the causes that may be, the likeliest first.

    A cause that the run has for this kind of message and no rule of which matches stands for a
    message of which the text is a part.
    """
    if counts and not matches:
        seen = [name for name, _ in counts.most_common() if name != UNCLASSIFIED]
        # A kind that several causes share says nothing of any: `'…' object has no attribute '…'`.
        return seen if seen and counts[seen[0]] >= _SURE * counts.total() else []
    order = {name: place for place, name in enumerate(matches)}
    # The first rule of the file decides where nothing it asks for is unknown.
    decided = {name for name in list(matches)[:1] if _decides(matches[name])}
    return sorted(
        matches,
        key=lambda name: (
            name not in decided,
            -counts[name],
            len(matches[name].unknown),
            order[name],
        ),
    )


def _decides(match: Match) -> bool:
    return set(match.unknown) <= {"outcomes", "exceptions"} and str(
        Outcome.LOAD_ERROR
    ) in match.unknown.get("outcomes", "")


def _describe(
    name: str,
    matches: Mapping[str, Match],
    counts: Counter[str],
    codes: frozenset[int],
    causes: Sequence[Cause],
    evidence: Evidence,
) -> Possible:
    run = evidence.texts.run
    published = next((each for each in run.causes if each.id == name), None)
    declared = next((each for each in causes if each.id == name), None)
    says = published.says if published is not None else ()
    if not says and declared is not None:
        says = tuple(_without_counts(declared))
    title = declared.title if declared else published.title if published else name
    links = declared.links if declared else published.links if published else ()
    rows = evidence.having(name, codes)
    helped = evidence.helped(rows)
    tried = {BARE, *(each.remedy for each in helped)}
    return Possible(
        id=name,
        title=title,
        says=says,
        links=tuple(links),
        match=matches.get(name),
        cells=counts[name],
        of=counts.total(),
        writers=evidence.words("writer", rows),
        readers=evidence.words("reader", rows),
        helped=helped,
        untried=tuple(each.id for each in run.remedies if each.id not in tried),
        example=evidence.example(rows),
    )


def _without_counts(cause: Cause) -> Iterable[SaidRecord]:
    """Yield the sentences of a cause that the run does not tell."""
    for sentence in cause.says:
        if sentence.link is not None:
            yield SaidRecord(text=sentence.plain, basis="source", link=sentence.link)
        else:
            yield SaidRecord(text=sentence.plain, basis="untested")


def find_nearest(readings: Sequence[Reading], evidence: Evidence) -> tuple[Near, ...]:
    """Return the known kinds of messages that are most like the readings."""
    index = evidence.kinds[2]
    words = {kind: set(_WORD.findall(kind)) for kind in index}
    best: dict[str, float] = {}
    for text in {each for reading in readings[:3] for each in _loose_whole(reading.message)}:
        own = set(_WORD.findall(text))
        shared = sorted(
            index, key=lambda kind: -len(own & words[kind]) / (len(own | words[kind]) or 1)
        )
        for kind in shared[:_LOOKED_AT]:
            likeness = difflib.SequenceMatcher(None, text, kind, autojunk=False).ratio()
            best[kind] = max(best.get(kind, 0.0), likeness)
    near = sorted(best.items(), key=lambda each: (-each[1], each[0]))
    found: list[Near] = []
    for kind, likeness in near:
        counts = evidence.count(index[kind])
        if likeness < NEAR or len(found) == NEAREST:
            break
        if counts:
            rows = np.flatnonzero(evidence.rows & np.isin(evidence.codes, list(index[kind])))
            found.append(
                Near(
                    message=kind,
                    distance=round(1 - likeness, 2),
                    causes=dict(counts.most_common()),
                    example=evidence.example(rows),
                )
            )
    return tuple(found)
