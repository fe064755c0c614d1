"""Part of stage 7b: the rows that speak for and against a claim -> its verdict. Pure.

A verdict is given only if no cell that is missing could change it. It is worked out once
more without each single environment: one that flips then hangs on that environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.analyse.claims.table import Mask, Places, Table
from runner.analyse.claims.words import Decided
from runner.domain import ClaimVerdict, Share, Weight

HALF = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Votes:
    """What speaks for and against a claim, each with the environments it comes from."""

    share: Share
    weight: Weight
    supports: Places
    """n x 4: writer and reader of the cell, and of the one it is compared with or the same."""
    opposes: Places
    ties: Places
    missing: Places
    unmatched: int
    lines: Places
    """Of each environment, the number of its line of releases."""


def gather_votes(table: Table, decided: Decided, share: Share, weight: Weight) -> Votes:
    """Return the votes of a claim's rows."""
    lines = {each.line: place for place, each in enumerate(table.versions)}
    return Votes(
        share=share,
        weight=weight,
        supports=_sides(table, decided.supports, decided.supports_than),
        opposes=_sides(table, decided.opposes, decided.opposes_than),
        ties=_sides(table, decided.ties, None),
        missing=_sides(table, decided.missing, None),
        unmatched=len(decided.unmatched),
        lines=np.array([lines[each.line] for each in table.versions], dtype=np.int64),
    )


def _sides(table: Table, rows: Places, than: Places | None) -> Places:
    both = (rows, rows if than is None else than)
    return np.stack(
        [table.codes(name)[each] for each in both for name in ("writer", "reader")], axis=1
    )


def reach_verdict(votes: Votes) -> ClaimVerdict:
    """Return what all cells say of a claim."""
    whole = (votes.supports, votes.opposes, votes.ties, votes.missing)
    return _verdict(votes, *(np.ones(len(each), dtype=bool) for each in whole))


def find_hanging(votes: Votes) -> Iterator[tuple[int, ClaimVerdict]]:
    """Yield the environments without which the verdict is another, with that verdict.

    Where nothing is left without it, the claim is about that environment and does not hang
    on it.
    """
    verdict = reach_verdict(votes)
    whole = (votes.supports, votes.opposes, votes.ties, votes.missing)
    for place in range(len(votes.lines)):
        kept = [(each != place).all(axis=1) for each in whole]
        if all(mask.all() for mask in kept):
            continue
        without = _verdict(votes, *kept)
        if without not in {verdict, ClaimVerdict.UNDECIDED}:
            yield place, without


def _verdict(
    votes: Votes, supports: Mask, opposes: Mask, ties: Mask, missing: Mask
) -> ClaimVerdict:
    good, bad = int(supports.sum()), int(opposes.sum())
    waiting = int(missing.sum()) + votes.unmatched
    if votes.share is Share.MOST:
        return _majority(votes, supports, opposes, missing)
    if votes.share is Share.SOME and good:
        return ClaimVerdict.CONFIRMED
    if good and bad:
        return ClaimVerdict.DEPENDS
    if waiting or not (good or bad or ties.any()):
        return ClaimVerdict.UNDECIDED
    return ClaimVerdict.CONFIRMED if good else ClaimVerdict.REFUTED


def _majority(votes: Votes, supports: Mask, opposes: Mask, missing: Mask) -> ClaimVerdict:
    if votes.unmatched or not (supports.any() or opposes.any()):
        return ClaimVerdict.UNDECIDED
    low, high = _bounds(votes, supports, opposes, missing)
    if low > HALF:
        return ClaimVerdict.CONFIRMED
    return ClaimVerdict.REFUTED if high <= HALF else ClaimVerdict.UNDECIDED


def weighed_share(votes: Votes) -> float:
    """Return the share of the votes that speak for a claim, each pair or generation once."""
    if not len(votes.supports) + len(votes.opposes):
        return 0.0
    supports, opposes = (np.ones(len(each), dtype=bool) for each in (votes.supports, votes.opposes))
    return _bounds(votes, supports, opposes, np.zeros(len(votes.missing), dtype=bool))[0]


def _bounds(votes: Votes, supports: Mask, opposes: Mask, missing: Mask) -> tuple[float, float]:
    """Return the least and the greatest share that is possible with what is missing."""
    sides = [
        votes.supports[supports, :2],
        votes.opposes[opposes, :2],
        votes.missing[missing, :2],
    ]
    pairs, place = np.unique(np.concatenate(sides), axis=0, return_inverse=True)
    place, counts, start = place.reshape(-1), [], 0
    for side in sides:
        counts.append(np.bincount(place[start : start + len(side)], minlength=len(pairs)))
        start += len(side)
    good, bad, waiting = counts
    every = good + bad + waiting
    low, high = good / every, (good + waiting) / every
    if votes.weight is Weight.GENERATION:
        low, high = (_average(pairs, votes.lines, each) for each in (low, high))
    return float(low.mean()), float(high.mean())


def _average(
    pairs: Places, lines: Places, shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the mean share of each pair of lines."""
    _, place = np.unique(lines[pairs], axis=0, return_inverse=True)
    place = place.reshape(-1)
    return np.asarray(np.bincount(place, weights=shares) / np.bincount(place))
