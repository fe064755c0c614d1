"""The acceptances of a gate: which failures they cover, and which of them are stale. Pure.

Input: the declared acceptances, and the release that is decided on. Output: held cells whose
accepted failures are known ones; and the acceptances that have to go. One that has expired
covers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from runner.domain import Outcome, Verdict
from runner.domain.gate import Acceptance, Held, HeldCell, Stale, Staleness
from runner.domain.selector import PARTS, CellPattern, compile_glob, parse_pattern

COVERED = frozenset({Verdict.REGRESSION, Verdict.CHANGED, Verdict.NEW})
"""Verdicts that an acceptance turns into a known failure."""


class Acceptances:
    """The acceptances of one gate, in file order: the first that covers a cell decides."""

    def __init__(self, declared: Sequence[Acceptance], release: str) -> None:
        self.declared = tuple(declared)
        self.expired = tuple(each for each in declared if each.expired(release))
        self.in_force = tuple(each for each in declared if each not in self.expired)
        self._patterns: list[tuple[Acceptance, CellPattern]] = [
            (each, parse_pattern(each.cells)) for each in self.in_force
        ]

    def apply(self, held: HeldCell) -> HeldCell:
        """Return the cell as a known failure, if that is what was accepted."""
        found = self.covering(held) if held.verdict in COVERED else None
        if found is None:
            return held
        return replace(
            held,
            verdict=Verdict.KNOWN_FAILURE,
            reason=found.reason,
            link=found.link,
            accepted=True,
        )

    def covering(self, held: HeldCell) -> Acceptance | None:
        """Return the first acceptance that covers a cell's result, if any."""
        if held.after is None or held.after.outcome is Outcome.EQUIVALENT:
            return None
        for acceptance, pattern in self._patterns:
            if acceptance.covers(held.after) and pattern.matches(held.cell):
                return acceptance
        return None


def find_stale(
    acceptances: Acceptances, held: Sequence[Held], asked: Callable[[Acceptance], bool]
) -> tuple[list[Stale], list[Acceptance]]:
    """Return the acceptances that are an error, and those of cells that nobody asked for.

    `asked` says whether an acceptance speaks of anything in this run, or of nothing declared.
    """
    stale: list[Stale] = []
    outside: list[Acceptance] = []
    for each in acceptances.declared:
        pattern = parse_pattern(each.cells)
        cells = [[cell for cell in one.cells if pattern.matches(cell.cell)] for one in held]
        if not any(cells):
            if asked(each):
                said = "no cell of this run has such an id"
                stale.append(Stale(acceptance=each, why=Staleness.NOTHING, detail=said))
            else:
                outside.append(each)
            continue
        stale += _stale_of(each, cells)
    return stale, outside


def _stale_of(acceptance: Acceptance, cells: Sequence[Sequence[HeldCell]]) -> Iterator[Stale]:
    first = cells[0]
    fixed = [cell for cell in first if cell.after and cell.after.outcome is Outcome.EQUIVALENT]
    if fixed:
        yield Stale(
            acceptance=acceptance,
            why=Staleness.FIXED,
            detail=f"{len(fixed)} of its {len(first)} cells are equivalent, the first: "
            f"{fixed[0].cell.id}",
        )
        return
    known = [
        all(_known_without(cell) for cell in one) and any(cell.after for cell in one)
        for one in cells
    ]
    if all(known):
        yield Stale(
            acceptance=acceptance,
            why=Staleness.NEEDLESS,
            detail=f"the baseline has the failure of each of its {len(first)} cells",
        )


def _known_without(held: HeldCell) -> bool:
    """Whether a cell is a known failure without its acceptance."""
    return held.verdict is Verdict.KNOWN_FAILURE and not held.accepted


def names_declared(acceptance: Acceptance, ids: Mapping[str, Sequence[str]]) -> bool:
    """Whether each part of an acceptance's selector matches one of these ids.

    `ids` has the ids of every part of a cell.
    """
    pattern = parse_pattern(acceptance.cells)
    return all(any(compile_glob(pattern.glob(part))(name) for name in ids[part]) for part in PARTS)
