"""Stage 1: scenarios/claims.toml -> frozen claims.

Input: the statements of the articles, each with the cells that decide it. Output: `Claim`s
in file order. A pattern that names nothing declared is a `ConfigurationError`, as
everywhere: a claim that no cell can decide would stay undecided unnoticed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from runner.declare.strict import (
    StrictTable,
    parse_entries,
    read_toml,
    refuse_duplicates,
    top_level,
)
from runner.domain import (
    Aspect,
    Catalog,
    CellSet,
    Claim,
    ClaimSet,
    Event,
    Family,
    Format,
    Given,
    Outcome,
    Pair,
    Prediction,
    Share,
)
from runner.domain.errors import SelectionError
from runner.domain.selector import PARTS, compile_glob, parse_pattern

ALIKE = ("scenario", "writer", "reader")
"""What two compared cells have in common unless the claim says otherwise."""
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
    document = read_toml(path)
    top_level(path, document, ("article", "claim"))
    titles = parse_entries(path, document, "article", _parse_article)
    refuse_duplicates(path, "article", (file for file, _ in titles))
    articles = dict(titles)
    claims = parse_entries(
        path, document, "claim", lambda table: _parse_claim(table, articles, known)
    )
    refuse_duplicates(path, "claim", (claim.id for claim in claims))
    return ClaimSet(articles=articles, claims=tuple(claims))


def _parse_article(table: StrictTable) -> tuple[str, str]:
    return table.text("file"), table.text("title")


def _parse_claim(
    table: StrictTable, articles: Collection[str], known: Mapping[str, Collection[str]]
) -> Claim:
    claim_id = table.id()
    predicts = _parse_prediction(_inner(table, "predicts"))
    than = _parse_cell_set(_inner(table, "than"), known) if table.has("than") else None
    if (than is None) is (predicts.share is Share.BETTER):
        table.fail(
            "`than` and `share = 'better'` go together",
            cause="a comparison needs the cells it compares with",
        )
    return Claim(
        id=claim_id,
        article=table.choice("article", articles),
        statement=table.text("statement"),
        note=table.text("note", ""),
        decided_by=_parse_cell_set(_inner(table, "decided_by"), known),
        predicts=predicts,
        than=than,
        alike=table.known("alike", table.texts("alike", ALIKE, required=True), PARTS),
    )


def _inner(table: StrictTable, key: str) -> StrictTable:
    return StrictTable(table.path, f"{table.entry}: {key}", table.table(key))


def _parse_prediction(table: StrictTable) -> Prediction:
    prediction = Prediction(
        share=table.member("share", Share),
        event=table.member("event", Event),
        among=table.member("among", Event) if table.has("among") else Event.ANY,
        exceptions=table.texts("exceptions", ()),
        messages=table.texts("messages", ()),
        aspects=frozenset(table.members("aspects", Aspect, ())),
        agrees=frozenset(table.members("agrees", Aspect, ())),
    )
    table.finish()
    said = prediction.exceptions or prediction.messages or prediction.aspects
    if prediction.event is Event.ANY and not said:
        table.fail("`event` is 'any' and nothing else is predicted", cause="every cell would agree")
    return prediction


def _parse_cell_set(table: StrictTable, known: Mapping[str, Collection[str]]) -> CellSet:
    found = CellSet(
        cells=table.texts("cells", required=True),
        writers=table.texts("writers", ("*",), required=True),
        readers=table.texts("readers", ("*",), required=True),
        writer_families=frozenset(table.members("writer_families", Family, ())),
        reader_families=frozenset(table.members("reader_families", Family, ())),
        pair=frozenset(table.members("pair", Pair, ())),
        given=frozenset(table.members("given", Given, ())),
        counts=frozenset(table.members("counts", Outcome, ())),
    )
    table.finish()
    if not found.counts <= NO_LOAD:
        table.fail("`counts` takes save_error and unsupported", cause="the rest counts anyway")
    _check_globs(table, found, known)
    return found


def _check_globs(
    table: StrictTable, cell_set: CellSet, known: Mapping[str, Collection[str]]
) -> None:
    globs = [("writer", glob) for glob in cell_set.writers]
    globs += [("reader", glob) for glob in cell_set.readers]
    for selector in cell_set.cells:
        try:
            pattern = parse_pattern(selector)
        except SelectionError as error:
            table.fail(error.message, cause=error.cause, next_step=error.next_step)
        globs += [(part, pattern.glob(part)) for part in PARTS]
    for part, glob in globs:
        if not any(map(compile_glob(glob), known[part])):
            table.fail(
                f"the {part} {glob!r} matches nothing",
                cause=f"a typing error, or the {part} was renamed or removed",
            )
