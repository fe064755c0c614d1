"""Stage 7b: claims held against the cells -> what is true of what the articles say. Pure.

Input: the declared claims and the tables of `aggregate`. Output: the record of claims.json.
A verdict is given only if no cell that was not measured could change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from runner.analyse.claims.cells import choose, find_events, find_said
from runner.analyse.claims.table import EQUIVALENT, Mask, Places, Table
from runner.analyse.claims.words import (
    FAILS,
    HOLDS,
    MIXED,
    Decided,
    claim_conditions,
    count_parts,
    name_ranges,
    pick_examples,
    prediction_words,
)
from runner.domain import Claim, ClaimVerdict, Share
from runner.publish.record import CLAIMS_SCHEMA, Article, ClaimsRecord, JudgedClaim, RunRecord


def judge_claims(
    claims: Sequence[Claim],
    *,
    articles: Mapping[str, str],
    cells: pd.DataFrame,
    observations: pd.DataFrame,
    run: RunRecord,
) -> ClaimsRecord:
    """Return the content of claims.json; `articles` are titles by file name."""
    table = Table(cells, observations, run.environments)
    return ClaimsRecord(
        schema=CLAIMS_SCHEMA,
        run=run.started,
        cells=len(cells),
        articles=tuple(Article(file=file, title=title) for file, title in articles.items()),
        claims=tuple(judge_claim(claim, table) for claim in claims),
    )


def judge_claim(claim: Claim, table: Table) -> JudgedClaim:
    """Return one entry of claims.json."""
    decided = _compare(claim, table) if claim.than else _decide(claim, table)
    ranges = name_ranges(table, decided)
    return JudgedClaim(
        id=claim.id,
        article=claim.article,
        statement=claim.statement,
        note=claim.note,
        cells=claim.decided_by.cells,
        than=claim.than.cells if claim.than else (),
        conditions=claim_conditions(claim),
        prediction=prediction_words(claim),
        verdict=reach_verdict(claim.predicts.share, decided),
        deciding=len(decided.supports) + len(decided.opposes),
        supports=len(decided.supports),
        against=len(decided.opposes),
        ties=decided.ties,
        missing=decided.missing,
        excluded=dict(decided.excluded),
        examples_for=pick_examples(table, decided, decided.supports),
        examples_against=pick_examples(table, decided, decided.opposes),
        holds=ranges[HOLDS],
        fails=ranges[FAILS],
        mixed=ranges[MIXED],
        parts=count_parts(table, decided),
    )


def reach_verdict(share: Share, decided: Decided) -> ClaimVerdict:
    """Return what the counts say, unless what is missing could change it."""
    supports, opposes, missing = len(decided.supports), len(decided.opposes), decided.missing
    if share is Share.MOST:
        return _majority(supports, opposes, missing)
    if share is Share.SOME and supports:
        return ClaimVerdict.CONFIRMED
    if supports and opposes:
        return ClaimVerdict.DEPENDS
    if missing or not (supports or opposes or decided.ties):
        return ClaimVerdict.UNDECIDED
    return ClaimVerdict.CONFIRMED if supports else ClaimVerdict.REFUTED


def _majority(supports: int, opposes: int, missing: int) -> ClaimVerdict:
    every = supports + opposes + missing
    if not supports + opposes:
        return ClaimVerdict.UNDECIDED
    if 2 * supports > every:
        return ClaimVerdict.CONFIRMED
    return ClaimVerdict.REFUTED if 2 * (supports + missing) <= every else ClaimVerdict.UNDECIDED


def _decide(claim: Claim, table: Table) -> Decided:
    chosen = choose(claim.decided_by, table)
    predicted = find_events(table, claim.predicts.event) & find_said(table, claim.predicts)
    deciding = chosen.decides & find_events(table, claim.predicts.among)
    return Decided(
        supports=np.flatnonzero(deciding & predicted),
        opposes=np.flatnonzero(deciding & ~predicted),
        missing=chosen.missing,
        excluded=chosen.excluded,
    )


def _compare(claim: Claim, table: Table) -> Decided:
    """Join the two sets of cells; a pair where only one is equivalent decides."""
    if claim.than is None:
        raise ValueError(f"{claim.id} compares with nothing")
    ours, theirs = choose(claim.decided_by, table), choose(claim.than, table)
    left, right = _join(table, claim.alike, ours.decides, theirs.decides)
    good, other_good = table.outcome[left] == EQUIVALENT, table.outcome[right] == EQUIVALENT
    better, worse = good & ~other_good, ~good & other_good
    return Decided(
        supports=left[better],
        opposes=left[worse],
        ties=int((good == other_good).sum()),
        missing=ours.missing + theirs.missing,
        excluded=_add(ours.excluded, theirs.excluded),
        compared=dict(
            zip(left[better | worse].tolist(), right[better | worse].tolist(), strict=True)
        ),
    )


def _join(table: Table, alike: Sequence[str], first: Mask, second: Mask) -> tuple[Places, Places]:
    frames = []
    for name, chosen in (("left", first), ("right", second)):
        rows = np.flatnonzero(chosen)
        parts = {column: table.codes(column)[rows] for column in alike}
        frames.append(pd.DataFrame({**parts, name: rows}))
    joined = frames[0].merge(frames[1], on=list(alike)).sort_values(["left", "right"])
    return joined["left"].to_numpy(dtype=np.int64), joined["right"].to_numpy(dtype=np.int64)


def _add(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
