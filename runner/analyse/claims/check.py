"""Part of stage 7b: what is declared of claims, held against the cells of a run. Pure.

Input: the claims, their verdicts and the `Table`. Output: a `Fault` for each thing that does
not hold. Numbers and quantifiers of the sentences are checked where claims.toml is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from runner.analyse.claims.cells import has_bare_loads
from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import decide
from runner.analyse.claims.words import Decided
from runner.analyse.grids import EQUIVALENT
from runner.domain import Claim, ClaimSet, ClaimVerdict, Prediction, Share
from runner.publish.record import JudgedClaim

SHOWN = 5
"""Cells that are named as examples."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What a claim says that its cells do not."""

    claim: str
    text: str
    examples: tuple[str, ...] = ()


def check_claims(declared: ClaimSet, judged: Sequence[JudgedClaim], table: Table) -> list[Fault]:
    """Return all that does not hold of the claims.

    A run that has all environments has a cell for each selector whose scenario and format it
    has; a smaller run may lack any.
    """
    found = check_verdicts(declared.claims, judged, table)
    if set(declared.released) <= set(table.axis.ids):
        for claim in judged:
            found += [
                Fault(claim=claim.id, text=f"no cell is {selector} under its conditions")
                for selector in claim.unmatched
                if has_bare_loads(selector, table)
            ]
    return found


def check_verdicts(
    claims: Sequence[Claim], judged: Sequence[JudgedClaim], table: Table
) -> list[Fault]:
    """Return where a verdict is not what its cells say; for a run of any cells."""
    found: list[Fault] = []
    by_id = {each.id: each for each in judged}
    for claim in claims:
        said = by_id[claim.id]
        if claim.predicts is None:
            if said.verdict is not ClaimVerdict.NOT_DECIDABLE or said.deciding:
                found.append(Fault(claim=claim.id, text="decided, and has no cells"))
            continue
        if not agrees(claim.predicts.share, said):
            counts = (
                f"{said.supports} for, {said.against} against, {said.ties} without a difference"
            )
            text = f"{said.verdict} does not agree with `{claim.predicts.share}`: {counts}"
            found.append(Fault(claim=claim.id, text=text))
        found += _check_causes(claim.id, claim.predicts, decide(claim, table), table)
    return found


def agrees(share: Share, said: JudgedClaim) -> bool:
    """Whether a verdict is one that its counts allow, by the quantifier of the claim."""
    good, bad, verdict = said.supports, said.against, said.verdict
    if verdict is ClaimVerdict.UNDECIDED:
        return bool(said.missing or said.unmatched) or not (good or bad or said.ties)
    if verdict is ClaimVerdict.DEPENDS:
        return bool(said.hangs_on) or (bool(good and bad) and share in {Share.ALL, Share.BETTER})
    if verdict is ClaimVerdict.CONFIRMED:
        return good > 0 and not said.hangs_on and (share in {Share.SOME, Share.MOST} or not bad)
    if verdict is ClaimVerdict.REFUTED:
        return not said.hangs_on and (share is Share.MOST or not good)
    return False


def _check_causes(
    claim: str, predicts: Prediction, decided: Decided, table: Table
) -> Iterator[Fault]:
    """No cell decides that fails for another reason than the claim names."""
    if predicts.reasons is None:
        return
    rows = np.concatenate([decided.supports, decided.opposes])
    failing = rows[table.outcome[rows] != EQUIVALENT]
    wrong = failing[~table.caused(predicts.reasons)[failing]]
    if len(wrong):
        text = f"{len(wrong)} cells decide it that fail for another cause than it names"
        yield Fault(
            claim=claim,
            text=text,
            examples=tuple(table.cell_id(row) for row in wrong[:SHOWN].tolist()),
        )
