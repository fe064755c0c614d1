"""The table of a check, a row as soon as a reader is known. Input: a `Reader`. Output: lines."""

from __future__ import annotations

from collections.abc import Iterable

from runner.check.answer import Answer, Reader
from runner.check.results import RESULTS, Result

HEADS = ("version", "outcome", "cause", "way", "s", "predicted")
LONGEST_CAUSE, LONGEST_WAY, LONGEST_WHY = 30, 34, 160
OUTCOME_WIDTH = 2 + max(len(each.label) for each in RESULTS.values())
SHOWN_WHY = frozenset(Result) - {Result.SAME, Result.LOADS, Result.UNSUPPORTED}


def head(environments: Iterable[str]) -> str:
    """Return the line above the table."""
    return _line(HEADS, _width(environments))


def row(reader: Reader, environments: Iterable[str], *, again: bool = False) -> list[str]:
    """Return a reader's lines; `again` marks a second look."""
    width = _width(environments)
    predicted = reader.prediction.words if reader.prediction else ""
    facts = RESULTS[reader.result]
    way = reader.words if facts.loaded else ""
    cells = (
        reader.environment,
        f"{facts.symbol} {facts.label}",
        reader.cause,
        way,
        f"{reader.build_s + reader.duration_s:.0f}",
        predicted,
    )
    lines = [_line(cells, width) + ("  (second look)" if again else "")]
    if reader.result in SHOWN_WHY and reader.why:
        lines.append(f"{'':{width}}  {_cut(reader.why, LONGEST_WHY)}")
    return lines


def sentences(answer: Answer) -> list[str]:
    """Return the answer in words, with lines to be pasted."""
    lines = []
    for said in answer.sentences:
        lines.append(said.text)
        lines += [f"    {line}" for line in said.code.splitlines()]
    return lines


def _width(environments: Iterable[str]) -> int:
    return max(7, *map(len, environments))


def _line(cells: tuple[str, ...], width: int) -> str:
    version, outcome, cause, way, seconds, predicted = cells
    cause, way = _cut(cause, LONGEST_CAUSE), _cut(way, LONGEST_WAY)
    return (
        f"{version:<{width}}  {outcome:<{OUTCOME_WIDTH}}  {cause:<{LONGEST_CAUSE}}  "
        f"{way:<{LONGEST_WAY}}  {seconds:>4}  {predicted}"
    ).rstrip()


def _cut(text: str, longest: int) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."
