"""The verdicts of claims: each held against the cells (stage 7b). Pure.

Input: the declared claims and the tables of `aggregate`. Output: the record of claims.json.
A verdict is given only if no cell that was not measured could change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from runner.analyse.claims.cells import choose, find_events, find_said
from runner.analyse.claims.table import Mask, Places, Table
from runner.analyse.claims.weighing import (
    find_hanging,
    gather_votes,
    reach_verdict,
    weighed_share,
)
from runner.analyse.claims.words import (
    FAILS,
    HOLDS,
    MIXED,
    Decided,
    claim_conditions,
    count_parts,
    count_words,
    name_one,
    name_ranges,
    pair_kinds,
    pick_examples,
    prediction_words,
    refuting_words,
)
from runner.analyse.grids import EQUIVALENT
from runner.domain import CellSet, Claim, ClaimSet, ClaimVerdict, Prediction
from runner.publish.record import (
    CLAIMS_SCHEMA,
    Article,
    ClaimsRecord,
    Hanging,
    JudgedClaim,
    RunRecord,
)

DECIDED = frozenset({ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED})


def judge_claims(declared: ClaimSet, table: Table, *, run: RunRecord) -> ClaimsRecord:
    """Return the content of claims.json."""
    return ClaimsRecord(
        schema=CLAIMS_SCHEMA,
        run=run.started,
        cells=table.size,
        articles=tuple(
            Article(file=file, title=title) for file, title in declared.articles.items()
        ),
        claims=tuple(judge_claim(claim, table) for claim in declared.claims),
    )


def judge_claim(claim: Claim, table: Table) -> JudgedClaim:
    """Return one entry of claims.json."""
    if claim.decided_by is None or claim.predicts is None:
        return _without_cells(claim)
    decided = decide(claim, table)
    votes = gather_votes(table, decided, claim.predicts.share, claim.predicts.weight)
    hanging = tuple(
        Hanging(environment=table.axis.ids[place], named=name_one(table, place), verdict=verdict)
        for place, verdict in find_hanging(votes)
    )
    verdict = reach_verdict(votes)
    if hanging and verdict in DECIDED:
        verdict = ClaimVerdict.DEPENDS
    ranges = name_ranges(table, decided)
    return JudgedClaim(
        id=claim.id,
        article=claim.article,
        statement=claim.statement,
        note=claim.note,
        cells=claim.decided_by.cells,
        than=claim.than.cells if claim.than else (),
        conditions=claim_conditions(claim, table.between),
        prediction=prediction_words(claim),
        pairs=pair_kinds(claim),
        refuted_by=refuting_words(claim),
        share=claim.predicts.share,
        counted=count_words(claim.predicts, decided, weighed_share(votes)),
        hangs_on=hanging,
        verdict=verdict,
        deciding=len(decided.supports) + len(decided.opposes),
        supports=len(decided.supports),
        against=len(decided.opposes),
        ties=len(decided.ties),
        missing=len(decided.missing),
        other_reasons=decided.other_reasons,
        fails_at_home=decided.fails_at_home,
        unmatched=decided.unmatched,
        excluded=dict(decided.excluded),
        examples_for=pick_examples(table, decided.supports, decided.supports_than),
        examples_against=pick_examples(table, decided.opposes, decided.opposes_than),
        holds=ranges[HOLDS],
        fails=ranges[FAILS],
        mixed=ranges[MIXED],
        parts=count_parts(table, decided),
    )


def _without_cells(claim: Claim) -> JudgedClaim:
    return JudgedClaim(
        id=claim.id,
        article=claim.article,
        statement=claim.statement,
        note=claim.note,
        cells=(),
        than=(),
        conditions="",
        prediction="",
        because=claim.not_decidable,
        verdict=ClaimVerdict.NOT_DECIDABLE,
        deciding=0,
        supports=0,
        against=0,
        ties=0,
        missing=0,
        excluded={},
        examples_for=(),
        examples_against=(),
        holds=(),
        fails=(),
        mixed=(),
        parts=(),
    )


def decide(claim: Claim, table: Table) -> Decided:
    """Return the rows that speak for a claim and against it."""
    if claim.decided_by is None or claim.predicts is None:
        raise ValueError(f"{claim.id} has no cells")
    if claim.than is not None:
        return _compare(claim.decided_by, claim.than, claim.predicts, claim.alike, table)
    return _decide(claim.decided_by, claim.predicts, table)


def _decide(cell_set: CellSet, predicts: Prediction, table: Table) -> Decided:
    chosen = choose(cell_set, table)
    predicted = find_events(table, predicts.event) & find_said(table, predicts)
    deciding = chosen.decides & find_events(table, predicts.among)
    other = deciding & _fails_otherwise(predicts, table)
    return Decided(
        supports=np.flatnonzero(deciding & predicted & ~other),
        opposes=np.flatnonzero(deciding & ~predicted & ~other),
        missing=np.flatnonzero(chosen.missing),
        excluded=chosen.excluded,
        unmatched=chosen.unmatched,
        other_reasons=int(other.sum()),
        fails_at_home=chosen.fails_at_home,
    )


def _fails_otherwise(predicts: Prediction, table: Table) -> Mask:
    """Return the cells that fail for another reason than the claim names: they say nothing."""
    if predicts.reasons is None:
        return np.zeros(table.size, dtype=bool)
    return np.asarray((table.outcome != EQUIVALENT) & ~table.caused(predicts.reasons), dtype=bool)


def _compare(
    first: CellSet, second: CellSet, predicts: Prediction, alike: Sequence[str], table: Table
) -> Decided:
    """Join the two sets of cells; a pair where only one is equivalent decides."""
    ours, theirs = choose(first, table), choose(second, table)
    other = _fails_otherwise(predicts, table)
    left, right = _join(table, alike, ours.decides & ~other, theirs.decides & ~other)
    good, other_good = table.outcome[left] == EQUIVALENT, table.outcome[right] == EQUIVALENT
    better, worse = good & ~other_good, ~good & other_good
    return Decided(
        supports=left[better],
        opposes=left[worse],
        ties=left[good == other_good],
        missing=np.flatnonzero(ours.missing | theirs.missing),
        excluded=_add(ours.excluded, theirs.excluded),
        supports_than=right[better],
        opposes_than=right[worse],
        unmatched=(*ours.unmatched, *theirs.unmatched),
        other_reasons=int((other & (ours.decides | theirs.decides)).sum()),
        fails_at_home=ours.fails_at_home + theirs.fails_at_home,
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
