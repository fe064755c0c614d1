"""The page of reported breakages and the catalogue name the same scenarios."""

from __future__ import annotations

import re
from pathlib import Path

from runner.declare.catalog import load_catalog

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\|[^|]+\|([^|]+)\|$", re.MULTILINE)


def test_every_reported_scenario_stands_on_the_page_with_its_report():
    scenarios = load_catalog(ROOT).scenarios.values()
    text = (ROOT / "docs" / "reported.md").read_text(encoding="utf-8")
    named = {name for row in ROW.findall(text) for name in re.findall(r"`([a-z0-9_.]+)`", row)}
    reported = {each.id for each in scenarios if each.group == "reported"}
    assert named - {each.id for each in scenarios} == set(), "no such scenario"
    assert reported - named == set(), "not on the page"
    assert [each.id for each in scenarios if each.id in reported and not each.links] == []
