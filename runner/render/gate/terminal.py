"""The decision of a gate as text for a terminal, grouped by direction and cause.

Input: a `Decision`. Output: lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.domain import VERDICT_STYLES, Verdict
from runner.domain.gate import Decision, Direction, Held
from runner.render.gate.findings import (
    PLAIN_TITLES,
    TITLES,
    Finding,
    accepting_command,
    group,
)

SHOWN = 5
"""Cells that are named of a finding."""
SECTIONS: Mapping[Verdict, str] = {
    each.verdict: each.heading for each in VERDICT_STYLES if each.heading
}


def lines(decision: Decision, subject: str, titles: Mapping[str, str]) -> Iterator[str]:
    """Yield the summary; `titles` are those of the causes by their ids."""
    yield f"release: {decision.release} ({decision.release_of})"
    for held in decision.held:
        yield from _held_lines(decision, held, subject, titles)
    yield from problem_lines(decision)
    yield spread_line(decision)


def _held_lines(
    decision: Decision, held: Held, subject: str, titles: Mapping[str, str]
) -> Iterator[str]:
    kind = "mandatory" if held.mandatory else "advisory"
    yield ""
    yield f"held against {held.option} {held.name} ({kind})"
    for build, other in held.counterparts.items():
        yield f"  {build} is held against {other}"
    yield f"  {count_line(held)}"
    if held.outside:
        yield f"  {held.outside:,} cells of it were not asked for"
    for verdict, title in SECTIONS.items():
        findings = group(held.cells, verdict)
        if not findings:
            continue
        yield ""
        yield f"{title}: {sum(len(each.cells) for each in findings):,}"
        worse = TITLES if verdict is Verdict.REGRESSION else PLAIN_TITLES
        for direction in Direction:
            own = [each for each in findings if each.direction is direction]
            if own:
                yield f"  {worse[direction].format(subject=subject)}"
            for each in own:
                yield from _finding_lines(decision, held, each, titles)


def count_line(held: Held) -> str:
    """Count the cells by verdict: the numbers add up to all of them."""
    said = ", ".join(f"{number:,} {verdict}" for verdict, number in held.counts.items() if number)
    return f"{len(held.cells):,} cells: {said}"


def _finding_lines(
    decision: Decision, held: Held, finding: Finding, titles: Mapping[str, str]
) -> Iterator[str]:
    title = titles.get(finding.cause, finding.cause)
    code = f" [{finding.cause}]" if finding.cause in titles else ""
    yield f"    {len(finding.cells):,} x {title or finding.outcomes}{code} ({finding.formats})"
    if title and finding.outcomes:
        yield f"      {finding.outcomes}"
    yield from (f"      {each.cell.id}" for each in finding.cells[:SHOWN])
    if len(finding.cells) > SHOWN:
        yield f"      and {len(finding.cells) - SHOWN:,} more"
    message = next((each.message for each in finding.cells if each.message), "")
    if message and finding.verdict in {Verdict.REGRESSION, Verdict.CHANGED}:
        yield f"      {' '.join(message.split())[:160]}"
    if finding.verdict is Verdict.REGRESSION:
        yield f"      {finding.confirmed}"
        if held.mandatory:
            yield f"      accept: {accepting_command(finding.cells, decision.release)}"


def problem_lines(decision: Decision) -> Iterator[str]:
    """Yield what is wrong beside the cells: acceptances, and what is missing."""
    if decision.stale:
        yield ""
        yield f"stale acceptances: {len(decision.stale)}"
        yield from (
            f"  {each.acceptance.cells}: {each.why}: {each.detail}" for each in decision.stale
        )
    if decision.expired:
        yield ""
        yield f"expired acceptances, which cover nothing: {len(decision.expired)}"
        yield from (f"  {one.cells}: until {one.until}" for one in decision.expired)
    if decision.incomplete:
        yield ""
        yield f"missing, and nothing declares why: {len(decision.incomplete)}"
        yield from (f"  {text}" for text in decision.incomplete)


def spread_line(decision: Decision) -> str:
    """Say which tolerance numbers of two runs are held to, and where it is from."""
    spread = decision.spread
    if spread.largest is None:
        return (
            "numbers: no spread was measured, so they are not held against the baseline's; "
            "each load is held to its scenario's own tolerance"
        )
    parts = []
    if spread.repeats is not None:
        parts.append(f"{spread.repeats:.3g} over {spread.repeated} cells that ran again")
    if spread.audit is not None:
        parts.append(f"{spread.audit:.3g} in the last audit, of {spread.audited} cells")
    grew = f"{len(decision.drifted):,} equivalent cells differ by more than that from the baseline"
    return f"numbers: largest spread {' and '.join(parts)}; {grew}"
