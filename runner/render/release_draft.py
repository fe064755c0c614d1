"""The first draft of a release's page: its row and column against the release before -> Markdown.

Input: the results of a run, and the details of an earlier one. Output: text. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.domain import FACTS, Cell, CellResult, Detail, Environment
from runner.domain.change_points import Axis, notes_of, version_of
from runner.judge.verdict import detail_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The cells of a new environment that have a counterpart, and those that have none."""

    changed: Mapping[Axis, Mapping[tuple[Detail, Detail], Sequence[Cell]]]
    compared: int
    without: int
    """Cells whose counterpart was not measured before."""
    unknown: int
    """Cells that say nothing of the model, now or before."""


def compare(
    results: Sequence[CellResult], before: Mapping[Cell, Detail], new: str, previous: str
) -> Comparison:
    """Hold the row and the column of an environment against those of the one before it."""
    changed: dict[Axis, dict[tuple[Detail, Detail], list[Cell]]] = {each: {} for each in Axis}
    compared = without = unknown = 0
    for result in results:
        cell = result.cell
        if new not in (cell.writer, cell.reader):
            continue
        was = before.get(
            replace(
                cell,
                writer=previous if cell.writer == new else cell.writer,
                reader=previous if cell.reader == new else cell.reader,
            )
        )
        if was is None:
            without += 1
            continue
        details = (was, detail_of(result))
        if not all(FACTS[each.outcome].judged for each in details):
            unknown += 1
            continue
        compared += 1
        if details[0] != details[1]:
            axis = Axis.READER if cell.reader == new else Axis.WRITER
            changed[axis].setdefault(details, []).append(cell)
    return Comparison(changed=changed, compared=compared, without=without, unknown=unknown)


HEADINGS = {
    Axis.READER: "What it reads otherwise",
    Axis.WRITER: "Whose readers see its files otherwise",
}


def draft(
    environment: Environment,
    previous: Environment,
    found: Comparison,
    titles: Mapping[str, str],
    source: str,
) -> Iterator[str]:
    """Yield the lines; `titles` are those of the causes, `source` names the earlier run."""
    yield f"# {environment.id} (version {version_of(environment)})"
    yield ""
    yield f"Released on {environment.released}: [notes]({notes_of(environment)})."
    yield (
        f"{found.compared} cells were compared with those of {previous.id}"
        f" ({version_of(previous)}) in {source}; {found.without} have none there, and"
        f" {found.unknown} could not be judged."
    )
    if not any(found.changed.values()):
        yield ""
        yield f"No cell differs from {previous.id}."
    for axis, groups in found.changed.items():
        if not groups:
            continue
        yield ""
        yield f"## {HEADINGS[axis]}"
        yield ""
        yield "| cells | was | is | an example |"
        yield "| --- | --- | --- | --- |"
        for (was, now), cells in sorted(groups.items(), key=lambda each: -len(each[1])):
            said = f"{_words(was, titles)} | {_words(now, titles)}"
            yield f"| {len(cells)} | {said} | `{cells[0].id}` |"


def _words(detail: Detail, titles: Mapping[str, str]) -> str:
    parts = [FACTS[detail.outcome].label]
    if detail.cause:
        parts.append(f"({titles.get(detail.cause, detail.cause)})")
    if detail.aspects:
        parts.append(f"in {', '.join(sorted(detail.aspects))}")
    return " ".join(parts).replace("|", "\\|")
