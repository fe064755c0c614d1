"""The decision of a gate as JUnit XML: a test suite for each baseline, a test case for each cell.

Input: a `Decision`. Output: XML. A case is named by the cell's id, a regression is a failure, a
cell that could not be judged or has vanished an error, a known failure is skipped. What is wrong
beside the cells is a suite of its own.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from runner.domain import VERDICT_STYLES, Verdict
from runner.domain.gate import Decision, Held, HeldCell
from runner.render.gate.findings import describe

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""
TAGS = {each.verdict: each.junit for each in VERDICT_STYLES if each.junit}


def write(decision: Decision) -> str:
    """Return the XML."""
    root = ET.Element("testsuites", name="compatibility")
    for held in decision.held:
        _add_suite(root, held)
    problems = [
        *(
            ("acceptances", f"{each.acceptance.cells}: {each.why}", each.detail)
            for each in decision.stale
        ),
        *(("completeness", each, each) for each in decision.incomplete),
    ]
    if problems:
        suite = ET.SubElement(
            root,
            "testsuite",
            name="gate",
            tests=str(len(problems)),
            failures="0",
            errors=str(len(problems)),
            skipped="0",
        )
        for kind, name, text in problems:
            case = ET.SubElement(suite, "testcase", classname=kind, name=_clean(name))
            ET.SubElement(case, "error", message=_clean(text))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_suite(root: ET.Element, held: Held) -> None:
    # A regression against an advisory baseline is told and fails nothing.
    tags = TAGS if held.mandatory else {**TAGS, Verdict.REGRESSION: "skipped"}
    kinds = [tags.get(each.verdict, "") for each in held.cells]
    suite = ET.SubElement(
        root,
        "testsuite",
        name=_clean(f"{held.option} {held.name}"),
        tests=str(len(kinds)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
    )
    for each, tag in zip(held.cells, kinds, strict=True):
        _add_case(suite, each, tag)


def _add_case(suite: ET.Element, held: HeldCell, tag: str) -> None:
    cell = held.cell
    case = ET.SubElement(
        suite, "testcase", classname=f"{cell.scenario}.{cell.format}", name=_clean(cell.id)
    )
    properties = ET.SubElement(case, "properties")
    facts = {"verdict": str(held.verdict), "direction": str(held.direction)}
    if held.after and held.after.cause:
        facts["cause"] = held.after.cause
    if held.runs > 1:
        facts |= {"runs": str(held.runs), "agreed": str(held.agreed)}
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    if tag:
        sides = [describe(side) for side in (held.before, held.after) if side is not None]
        told = f"{held.verdict}: {' -> '.join(sides)}" + (f"; {held.reason}" if held.reason else "")
        element = ET.SubElement(case, tag, message=_clean(told))
        if held.message and tag != "skipped":
            element.text = _clean(held.message)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
