"""The decision of a gate in Markdown, for a pull request or a job's summary.

Input: a `Decision`, where the page is, and the command that repeats it. Output: a text far below
the limits of hosted services: 65,536 characters of a comment, 1 MiB of a summary. What does not
fit is counted, never cut in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.domain import Verdict
from runner.domain.errors import MatrixError
from runner.domain.gate import Decision, Held
from runner.render.gate.findings import (
    PLAIN_TITLES,
    TITLES,
    Finding,
    accepting_command,
    describe,
    group,
)
from runner.render.gate.terminal import SECTIONS, count_line, problem_lines, spread_line
from runner.render.gate.verdict import headline

LIMIT = 50_000
"""Characters of the whole text."""
SHOWN = 8
"""Cells that are named of a finding."""
FINDINGS = 12
"""Findings of one verdict that are shown."""
COMMAND = 2_000
"""Characters of an accepting command that are shown; of a longer one the terminal has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What a text says besides the decision."""

    subject: str
    titles: Mapping[str, str]
    """Of causes, by id."""
    command: str
    page: str = ""
    """Address of the report; empty for none."""


def write(decision: Decision, failures: list[MatrixError], setting: Setting) -> str:
    """Return the text."""
    blocks = list(_blocks(decision, failures, setting))
    ending = list(_ending(setting))
    kept, used = [], sum(len(each) + 2 for each in ending)
    for place, block in enumerate(blocks):
        used += len(block) + 2
        if used > LIMIT:
            kept.append(f"{len(blocks) - place} more sections are in the report.")
            break
        kept.append(block)
    return "\n\n".join([*kept, *ending]) + "\n"


def _blocks(decision: Decision, failures: list[MatrixError], setting: Setting) -> Iterator[str]:
    yield f"## Compatibility of {decision.release}: {headline(decision, failures)}"
    if failures:
        yield "\n".join(f"- {_plain(each.message)}" for each in failures)
    for held in decision.held:
        kind = "mandatory" if held.mandatory else "advisory"
        yield f"### Held against {_code(held.name)} ({kind})"
        others = [
            f"{_code(one)} is held against {_code(other)}."
            for one, other in held.counterparts.items()
        ]
        yield "\n".join([count_line(held) + ".", *others])
        for verdict in SECTIONS:
            yield from _section(decision, held, verdict, setting)
    problems = [each for each in problem_lines(decision) if each]
    if problems:
        yield "```\n" + "\n".join(each.replace("```", "'''") for each in problems) + "\n```"
    yield f"{spread_line(decision).capitalize()}."


def _section(decision: Decision, held: Held, verdict: Verdict, setting: Setting) -> Iterator[str]:
    findings = group(held.cells, verdict)
    if not findings:
        return
    total = sum(len(each.cells) for each in findings)
    yield f"#### {SECTIONS[verdict].capitalize()}: {total:,}"
    for each in findings[:FINDINGS]:
        yield _finding(decision, held, each, setting)
    if len(findings) > FINDINGS:
        rest = sum(len(each.cells) for each in findings[FINDINGS:])
        yield f"and {rest:,} cells of {len(findings) - FINDINGS} other causes."


def _finding(decision: Decision, held: Held, finding: Finding, setting: Setting) -> str:
    worse = TITLES if finding.verdict is Verdict.REGRESSION else PLAIN_TITLES
    where = worse[finding.direction].format(subject=setting.subject)
    title = setting.titles.get(finding.cause, finding.cause) or finding.outcomes
    text = [
        f"**{len(finding.cells):,} x {_plain(title)}** ({_plain(where)}; {finding.formats})",
        "",
        "| cell | before | after |",
        "|---|---|---|",
    ]
    for each in finding.cells[:SHOWN]:
        before = describe(each.before) if each.before else ""
        after = describe(each.after) if each.after else ""
        text.append(f"| {_code(each.cell.id)} | {before} | {after} |")
    if len(finding.cells) > SHOWN:
        text += ["", f"and {len(finding.cells) - SHOWN:,} more."]
    if finding.verdict is Verdict.REGRESSION and held.mandatory:
        command = accepting_command(finding.cells, decision.release)
        text += ["", f"{finding.confirmed.capitalize()}. To accept:", ""]
        text.append(_block(command) if len(command) <= COMMAND else "see the job's log.")
    return "\n".join(text)


def _ending(setting: Setting) -> Iterator[str]:
    if setting.page:
        yield f"[The report, cell by cell]({setting.page})"
    yield "To repeat it:\n\n" + _block(setting.command[:COMMAND])


def _block(text: str) -> str:
    return f"    {' '.join(text.split())}"


def _plain(text: str) -> str:
    """Write somebody's text so that Markdown and HTML read nothing into it."""
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _code(text: str) -> str:
    return f"`{' '.join(text.replace('`', ' ').replace('|', ' ').split())}`"
