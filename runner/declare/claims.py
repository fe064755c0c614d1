"""Stage 1: scenarios/claims.toml -> frozen claims.

Input: the statements of the articles, each with the cells that decide it. Output: `Claim`s
in file order. A pattern that names nothing declared, or no pair of versions, is a
`ConfigurationError`, as everywhere: a claim that no cell can decide would stay undecided
unnoticed. So is a sentence that says more than its cells: a number that they do not have, or
another quantifier than is predicted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from runner.declare.catalog import read_pattern, require_match
from runner.declare.documents import Document, read_document, refuse_duplicates
from runner.declare.place import Place
from runner.domain import (
    BARE,
    Article,
    Baseline,
    Catalog,
    CellSet,
    Claim,
    ClaimSet,
    Environment,
    Event,
    Format,
    Outcome,
    Pair,
    Prediction,
    Scenario,
    Share,
    writes,
)
from runner.domain.pairs import is_pair, read_version
from runner.domain.selector import PARTS, compile_glob, matches_any

NO_LOAD = frozenset({Outcome.SAVE_ERROR, Outcome.UNSUPPORTED})
"""Outcomes without a load that a claim may count as a failure."""
NAMED_REASONS = frozenset({Event.FAILS, Event.ERROR, Event.DIVERGED})
"""A claim that something fails says why, or says that any cause counts: `reasons = ["*"]`."""
QUANTIFIERS: tuple[tuple[Share, re.Pattern[str]], ...] = (
    (Share.SOME, re.compile(r"\b(may|might|can|could|sometimes)\b")),
    (Share.MOST, re.compile(r"\b(most|mostly|usual|usually|often|likely)\b")),
    (Share.BETTER, re.compile(r"\b(more|less|better|worse|suffers?)\b")),
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.(?:\d+|x))?(?![\w])")
"""A number that stands alone: `2.7`, `1.x`, `100`; not the one in `H5` or `L1L2`."""
_VERSION = re.compile(r"[a-z-]+(?P<version>[\d.]+)")


def load_claims(path: Path, catalog: Catalog, environments: Sequence[Environment]) -> ClaimSet:
    """Read claims.toml.

    Raises:
        ConfigurationError: the file is missing or malformed, or a claim in it has no cells, or
            says more than its cells do.
    """
    ids = tuple(each.id for each in environments)
    known = {
        "scenario": tuple(catalog.scenarios),
        "format": tuple(map(str, Format)),
        "writer": ids,
        "reader": ids,
        "remedy": tuple(catalog.remedies),
    }
    document = read_document(path, ("article", "claim", "remedies"))
    articles = _read_articles(document)
    checker = _Checker(articles, known, catalog, environments)
    remedies = document.table("remedies")
    between = remedies.lists().get("between", ())
    remedies.place.require("between", between, ids)
    claims = []
    for entry in document.entries("claim"):
        claim = entry.read(Claim)
        checker.check(entry.place, claim)
        claims.append(claim)
    refuse_duplicates(document.place, "claim", (claim.id for claim in claims))
    return ClaimSet(
        articles=articles,
        claims=tuple(claims),
        released={each.id: each.first_released for each in environments},
        between=between,
    )


def check_reasons(path: Path, claims: ClaimSet, causes: Collection[str]) -> None:
    """Fail on a reason that is no declared cause."""
    place = Place(path=path)
    for claim in claims.claims:
        for glob in (claim.predicts.reasons or ()) if claim.predicts else ():
            require_match(place, "cause", glob, tuple(causes), key="reasons")


def _read_articles(document: Document) -> dict[str, str]:
    """Return the titles by file, in file order."""
    articles = [entry.read(Article) for entry in document.entries("article")]
    refuse_duplicates(document.place, "article", (article.file for article in articles))
    return {article.file: article.title for article in articles}


class _Checker:
    """The declarations that a claim is held against."""

    def __init__(
        self,
        articles: Collection[str],
        known: Mapping[str, tuple[str, ...]],
        catalog: Catalog,
        environments: Sequence[Environment],
    ) -> None:
        self._articles = articles
        self._known = known
        self._scenarios = catalog.scenarios
        self._remedies = catalog.remedies
        self._known_pairs: dict[frozenset[Pair], list[tuple[str, str]]] = {}
        self._environments = {each.id: each for each in environments}
        self._versions = tuple(
            read_version(each.id, each.family, each.first_released) for each in environments
        )

    def check(self, place: Place, claim: Claim) -> None:
        """Fail on a claim that no cell can decide, or that says more than its cells."""
        place.require("article", (claim.article,), self._articles)
        if claim.decided_by is None or claim.predicts is None:
            self._check_without_cells(place, claim)
            return
        if claim.not_decidable:
            place.fail(
                "`not_decidable` and cells do not go together",
                key="not_decidable",
                cause="a claim with cells is decided by them",
            )
        self._check_prediction(place, claim, claim.predicts)
        self._check_cell_set(place.inside("decided_by"), claim.decided_by)
        if claim.than:
            self._check_cell_set(place.inside("than"), claim.than)
        _check_quantifier(place, claim.statement, claim.predicts.share)
        sets = [each for each in (claim.decided_by, claim.than) if each is not None]
        self._check_numbers(place, claim, sets)

    def _check_without_cells(self, place: Place, claim: Claim) -> None:
        if not claim.not_decidable or claim.decided_by or claim.predicts or claim.than:
            place.fail(
                "`decided_by` and `predicts` go together, or `not_decidable` says why not",
                cause="a claim has cells and what it predicts of them, or a reason for having none",
            )

    def _check_prediction(self, place: Place, claim: Claim, predicts: Prediction) -> None:
        if (claim.than is None) is (predicts.share is Share.BETTER):
            place.fail(
                "`than` and `share = 'better'` go together",
                cause="a comparison needs the cells it compares with",
            )
        said = predicts.exceptions or predicts.messages or predicts.aspects
        if predicts.event is Event.ANY and not said:
            place.inside("predicts").fail(
                "`event` is 'any' and nothing else is predicted",
                key="event",
                cause="every cell would agree",
            )
        if predicts.event in NAMED_REASONS and predicts.reasons is None and not said:
            place.inside("predicts").fail(
                "says that cells fail, and not for which `reasons`",
                key="event",
                cause='globs over causes, or ["*"] where the claim names no reason',
            )

    def _check_cell_set(self, place: Place, cell_set: CellSet) -> None:
        if not cell_set.counts <= NO_LOAD:
            place.fail(
                "`counts` takes save_error and unsupported",
                key="counts",
                cause="the rest counts anyway",
            )
        if Pair.SAME_ENVIRONMENT in cell_set.pair and cell_set.baseline is not Baseline.ANY:
            place.fail(
                "`baseline` is to be 'any' where writer and reader are the same",
                key="pair",
                cause="a cell would be left out for what it is to decide",
            )
        for part, globs in (("writer", cell_set.writers), ("reader", cell_set.readers)):
            for glob in globs:
                require_match(place, part, glob, self._known[part], key=f"{part}s")
        for selector in cell_set.cells:
            pattern = read_pattern(place, selector)
            for part in PARTS:
                require_match(place, part, pattern.glob(part), self._known[part], key="cells")
            if not self._has_cells(cell_set, selector, place):
                place.fail(
                    f"{selector!r} has no cell under these conditions",
                    key="cells",
                    cause="no such scenario in that format, no such remedy of it, or no such pair",
                )

    def _has_cells(self, cell_set: CellSet, selector: str, place: Place) -> bool:
        """Whether the declared matrix has a cell that this selector and the conditions allow."""
        pattern = read_pattern(place, selector)
        writers = self._sides(cell_set.writers, pattern.writer, cell_set.writer_families)
        readers = self._sides(cell_set.readers, pattern.reader, cell_set.reader_families)
        pairs = [
            (writer, reader)
            for writer, reader in self._pairs(cell_set.pair)
            if writer in writers and reader in readers
        ]
        return any(
            self._is_planned(scenario, format_, remedy, writer, reader)
            for scenario in self._scenarios.values()
            if compile_glob(pattern.scenario)(scenario.id)
            for format_ in scenario.formats
            if compile_glob(pattern.format)(str(format_))
            for remedy in (BARE, *scenario.remedies)
            if compile_glob(pattern.remedy)(remedy)
            for writer, reader in pairs
        )

    def _is_planned(
        self, scenario: Scenario, format_: Format, remedy: str, writer: str, reader: str
    ) -> bool:
        """Whether such a cell can be planned at all; a remedy is tried where it is needed."""
        tried = self._remedies[remedy]
        return (
            writes(self._environments[writer], scenario, format_)
            and format_ in tried.formats
            and matches_any(reader, tried.environments)
        )

    def _pairs(self, kinds: frozenset[Pair]) -> list[tuple[str, str]]:
        if kinds not in self._known_pairs:
            self._known_pairs[kinds] = [
                (writer.id, reader.id)
                for writer in self._versions
                for reader in self._versions
                if all(is_pair(kind, writer, reader) for kind in kinds)
            ]
        return self._known_pairs[kinds]

    def _sides(self, globs: Collection[str], glob: str, families: Collection[str]) -> set[str]:
        """Return the environments that globs, a selector's part and families allow."""
        return {
            each.id
            for each in self._versions
            if matches_any(each.id, globs)
            and (glob == "*" or compile_glob(glob)(each.id))
            and (not families or each.family in families)
        }

    def _check_numbers(self, place: Place, claim: Claim, sets: Sequence[CellSet]) -> None:
        """Fail on a number in a sentence that neither the versions nor the scenarios have."""
        names = {name for cell_set in sets for name in self._narrowed(cell_set)}
        about = " ".join(f"{each.title} {each.summary}" for each in self._named_scenarios(sets))
        allowed = set(_NUMBER.findall(about))
        for name in names:
            match = _VERSION.match(name)
            version = match["version"] if match else ""
            major = version.partition(".")[0]
            allowed |= {version, major, f"{major}.x"}
        for key, text in (("statement", claim.statement), ("note", claim.note)):
            for number in _NUMBER.findall(text):
                if number not in allowed:
                    place.fail(
                        f"`{key}` has the number {number}, which its cells do not",
                        key=key,
                        cause="versions belong into `writers`, `readers` or the families; counts "
                        "are generated",
                    )

    def _narrowed(self, cell_set: CellSet) -> set[str]:
        """Return the environments that a claim itself names: all of them are no name."""
        found: set[str] = set()
        for globs, families in (
            (cell_set.writers, cell_set.writer_families),
            (cell_set.readers, cell_set.reader_families),
        ):
            if globs != ("*",) or families:
                found |= self._sides(globs, "*", families)
        return found

    def _named_scenarios(self, sets: Sequence[CellSet]) -> list[Scenario]:
        globs = [
            selector.partition("/")[0]
            for cell_set in sets
            for selector in cell_set.cells
            if not selector.startswith("*")
        ]
        return [each for each in self._scenarios.values() if matches_any(each.id, globs)]


def _check_quantifier(place: Place, statement: str, share: Share) -> None:
    said = next((each for each, words in QUANTIFIERS if words.search(statement)), Share.ALL)
    if said is not share:
        place.fail(
            f"the statement says {said!s}, and `share` is {share!s}",
            key="statement",
            cause=f"a word such as `may`, `most` or `more`; without one it says {Share.ALL!s}",
        )
