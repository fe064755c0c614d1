"""Stage 1: scenarios/claims.toml -> frozen claims.

Input: the statements of the articles, each with the cells that decide it. Output: `Claim`s
in file order. A pattern that names nothing declared is a `ConfigurationError`, as
everywhere: a claim that no cell can decide would stay undecided unnoticed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from runner.declare.catalog import read_pattern, require_match
from runner.declare.documents import Document, read_document, refuse_duplicates
from runner.declare.place import Place
from runner.domain import Article, Catalog, CellSet, Claim, ClaimSet, Event, Format, Outcome, Share
from runner.domain.selector import PARTS

NO_LOAD = frozenset({Outcome.SAVE_ERROR, Outcome.UNSUPPORTED})
"""Outcomes without a load that a claim may count as a failure."""


def load_claims(path: Path, catalog: Catalog, environment_ids: Collection[str]) -> ClaimSet:
    """Read claims.toml.

    Raises:
        ConfigurationError: the file is missing or malformed, or a pattern in it matches no
            declared scenario, format, remedy or environment.
    """
    known = {
        "scenario": tuple(catalog.scenarios),
        "format": tuple(map(str, Format)),
        "writer": tuple(environment_ids),
        "reader": tuple(environment_ids),
        "remedy": tuple(catalog.remedies),
    }
    document = read_document(path, ("article", "claim"))
    articles = _read_articles(document)
    claims = []
    for entry in document.entries("claim"):
        claim = entry.read(Claim)
        _check_claim(entry.place, claim, articles, known)
        claims.append(claim)
    refuse_duplicates(document.place, "claim", (claim.id for claim in claims))
    return ClaimSet(articles=articles, claims=tuple(claims))


def _read_articles(document: Document) -> dict[str, str]:
    """Return the titles by file, in file order."""
    articles = [entry.read(Article) for entry in document.entries("article")]
    refuse_duplicates(document.place, "article", (article.file for article in articles))
    return {article.file: article.title for article in articles}


def _check_claim(
    place: Place, claim: Claim, articles: Collection[str], known: Mapping[str, Collection[str]]
) -> None:
    place.require("article", (claim.article,), articles)
    if (claim.than is None) is (claim.predicts.share is Share.BETTER):
        place.fail(
            "`than` and `share = 'better'` go together",
            cause="a comparison needs the cells it compares with",
        )
    predicts = claim.predicts
    said = predicts.exceptions or predicts.messages or predicts.aspects
    if predicts.event is Event.ANY and not said:
        place.inside("predicts").fail(
            "`event` is 'any' and nothing else is predicted",
            key="event",
            cause="every cell would agree",
        )
    _check_cell_set(place.inside("decided_by"), claim.decided_by, known)
    if claim.than:
        _check_cell_set(place.inside("than"), claim.than, known)


def _check_cell_set(place: Place, cell_set: CellSet, known: Mapping[str, Collection[str]]) -> None:
    if not cell_set.counts <= NO_LOAD:
        place.fail(
            "`counts` takes save_error and unsupported",
            key="counts",
            cause="the rest counts anyway",
        )
    for part, globs in (("writer", cell_set.writers), ("reader", cell_set.readers)):
        for glob in globs:
            require_match(place, part, glob, known[part], key=f"{part}s")
    for selector in cell_set.cells:
        pattern = read_pattern(place, selector)
        for part in PARTS:
            require_match(place, part, pattern.glob(part), known[part], key="cells")
