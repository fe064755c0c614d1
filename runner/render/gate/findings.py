"""The findings of a gate: its cells grouped by direction, verdict and cause.

Input: the cells of a `Held`. Output: `Finding`s, and the selectors that name exactly their cells,
for the command that accepts them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runner.domain import FACTS, Cell, Detail, Verdict
from runner.domain.gate import Direction, HeldCell, release_numbers
from runner.domain.selector import PARTS

REASON, LINK = "REASON", "LINK"
"""Places of an accepting command that only a person can fill."""
LASTS_MINORS = 2
"""An acceptance holds for the release under test and the next minor version by default."""
TITLES: Mapping[Direction, str] = {
    Direction.READS: "what {subject} no longer reads",
    Direction.WRITTEN: "what others no longer read of {subject}",
    Direction.ITSELF: "what {subject} no longer reads of itself",
    Direction.OTHERS: "between other environments",
}
PLAIN_TITLES: Mapping[Direction, str] = {
    Direction.READS: "{subject} reads others",
    Direction.WRITTEN: "others read {subject}",
    Direction.ITSELF: "{subject} reads itself",
    Direction.OTHERS: "between other environments",
}
"""Of verdicts that are no regression."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Cells of one direction, verdict and cause."""

    direction: Direction
    verdict: Verdict
    cause: str
    cells: tuple[HeldCell, ...]

    @property
    def outcomes(self) -> str:
        """Name the outcomes before and after, each once."""
        sides = [
            " or ".join(dict.fromkeys(describe(side) for side in details if side is not None))
            for details in (
                [each.before for each in self.cells],
                [each.after for each in self.cells],
            )
        ]
        return " -> ".join(each for each in sides if each)

    @property
    def formats(self) -> str:
        """Name the formats of its cells."""
        return ", ".join(dict.fromkeys(str(each.cell.format) for each in self.cells))

    @property
    def confirmed(self) -> str:
        """Say how many of its cells ran again, and how often."""
        again = [each for each in self.cells if each.runs > 1]
        if not again:
            return "none of them ran again"
        times = max(each.runs for each in again)
        return f"{len(again)} of {len(self.cells)} ran {times} times, with the same verdict"


def group(cells: Iterable[HeldCell], *verdicts: Verdict) -> list[Finding]:
    """Return the findings of some verdicts: by direction, the largest first."""
    found: dict[tuple[Direction, Verdict, str], list[HeldCell]] = {}
    for each in cells:
        if each.verdict in verdicts:
            found.setdefault((each.direction, each.verdict, _cause(each)), []).append(each)
    directions = list(Direction)
    return sorted(
        (
            Finding(direction=direction, verdict=verdict, cause=cause, cells=tuple(members))
            for (direction, verdict, cause), members in found.items()
        ),
        key=lambda each: (
            verdicts.index(each.verdict),
            directions.index(each.direction),
            -len(each.cells),
            each.cause,
        ),
    )


def _cause(held: HeldCell) -> str:
    if held.verdict in {Verdict.NOT_JUDGED, Verdict.VANISHED}:
        return _without_cell(held.reason)
    sides = [side for side in (held.after, held.before) if side is not None and side.cause]
    return sides[0].cause if sides else ""


def _without_cell(reason: str) -> str:
    """Return a reason without the environments it is of: one finding for all of a kind."""
    return re.sub(r"\b[\w.]+/\w+/\S+->\S+/\w+", "another cell", reason)


def describe(detail: Detail) -> str:
    """Say an outcome, and the aspects that differ."""
    aspects = ", ".join(sorted(detail.aspects))
    return f"{FACTS[detail.outcome].label}{f' ({aspects})' if aspects else ''}"


def selectors(cells: Iterable[Cell]) -> list[str]:
    """Return selectors that together match exactly these cells, as few as merging finds.

    A build is named with a wildcard for its label: the next run calls it something else.
    """
    boxes = [
        {part: frozenset([_general(str(getattr(cell, part)))]) for part in PARTS} for cell in cells
    ]
    for part in ("writer", "reader", "format", "remedy", "scenario"):
        merged: dict[tuple[frozenset[str], ...], frozenset[str]] = {}
        for box in boxes:
            key = tuple(box[other] for other in PARTS if other != part)
            merged[key] = merged.get(key, frozenset()) | box[part]
        boxes = [
            dict(zip([other for other in PARTS if other != part], key, strict=True)) | {part: ids}
            for key, ids in merged.items()
        ]
    texts = [{part: ",".join(_ordered(box[part])) for part in PARTS} for box in boxes]
    return sorted(
        "{scenario}/{format}/{writer}->{reader}/{remedy}".format_map(text) for text in texts
    )


def _general(name: str) -> str:
    return f"{name.partition('@')[0]}@*" if "@" in name else name


def _ordered(names: Iterable[str]) -> list[str]:
    """Sort names as people do: keras3.9 before keras3.10."""
    return sorted(
        names, key=lambda name: [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", name)]
    )


def accepting_command(cells: Sequence[HeldCell], release: str) -> str:
    """Return the command that accepts these cells; a person fills in reason and link."""
    chosen = " ".join(shlex.quote(each) for each in selectors(each.cell for each in cells))
    return (
        f"nox -s accept -- {chosen} --until {default_until(release)} "
        f"--link https://{LINK} --reason '{REASON}'"
    )


def default_until(release: str) -> str:
    """Return the release with which an acceptance ends, if nobody says another."""
    major, minor, _ = release_numbers(release)
    return f"{major}.{minor + LASTS_MINORS}"
