"""The page of a scenario: its parts, its grids with mouse and keyboard, links to a part of it."""

from __future__ import annotations

import csv
import re
from collections import Counter

import pytest
from playwright.sync_api import expect

from runner.domain import OUTCOME_TABLE

PAGE = "scenario/plain_dense.html"
LABELS = {style.label: str(style.outcome) for style in OUTCOME_TABLE}
SYMBOLS = {style.symbol: str(style.outcome) for style in OUTCOME_TABLE}
BARE_GRID = "table[data-format=h5][data-remedy=none]:not([data-best])"
FOLDED = "details[id='h5/compile_false']"


@pytest.fixture
def scenario(visit):
    page = visit(PAGE)
    page.wait_for_selector(f"{BARE_GRID}[role=grid]")
    return page


@pytest.fixture
def rows(report):
    with (report / "cells.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["scenario"] == "plain_dense"]


def test_it_says_what_it_is_with_its_code_and_its_claims(scenario):
    code = scenario.locator("pre.source")
    assert code.locator(".p-kn").first.inner_text() == "import"
    assert "</script><img" in code.inner_text()
    assert "Left out." not in code.inner_text()
    assert "Cause" not in scenario.inner_text("#claims")
    assert "It loads everywhere" in scenario.inner_text("#claims")
    assert scenario.locator("#claims a").first.get_attribute("href").endswith("#c001.loads")
    assert "written by" in scenario.inner_text("#boundaries")
    assert scenario.locator("#causes tbody tr").count() == 1
    assert "unknown_class" in scenario.inner_text("#causes")


def test_every_grid_shows_the_cells_it_counts(scenario, rows):
    scenario.evaluate(
        "for (const each of document.querySelectorAll('details.grid')) each.open = true"
    )
    tables = scenario.locator("table.g:not([data-best])")
    expect(scenario.locator("table.g[role=grid]")).to_have_count(
        scenario.locator("table.g").count()
    )
    seen = 0
    for place in range(tables.count()):
        table = tables.nth(place)
        of = {name: table.get_attribute(f"data-{name}") for name in ("format", "remedy")}
        wanted = Counter(
            row["outcome"] for row in rows if all(row[name] == of[name] for name in of)
        )
        drawn = [text for text in table.locator("tbody td").all_text_contents() if text.strip()]
        summary = table.locator("xpath=ancestor::details/summary//span[@class='count']")
        said = {}
        for text in summary.all_text_contents():
            number, name = re.search(r"([\d,]+)\s*(.*)", text.strip()).groups()
            said[LABELS[name]] = int(number)
        assert Counter(SYMBOLS[text.strip()] for text in drawn) == wanted == Counter(said)
        seen += len(drawn)
    assert seen == len(rows)
    assert f"= {len(rows)} cells" in scenario.locator("main > p .sum").first.inner_text()


def test_a_cell_is_read_out_marked_and_opened(scenario):
    heads = scenario.locator(f"{BARE_GRID} thead th").all_text_contents()
    row = scenario.locator(f"{BARE_GRID} tbody tr:has(th:text-is('tf1.15')) td")
    cell = row.nth(heads.index("keras3.10"))
    cell.hover()
    grid = scenario.locator("details[id='h5/none']")
    said = grid.locator(".readout").inner_text()
    assert said.startswith("Saved with tf1.15, loaded with keras3.10: ✗ load error")
    assert cell.get_attribute("aria-label") == said
    assert grid.locator("th.on").all_text_contents() == ["keras3.10", "tf1.15"]
    assert grid.locator("td.beam").count() == 5
    cell.click()
    expect(scenario).to_have_url(re.compile(r"cell\.html#plain_dense/h5/tf1\.15-"))
    expect(scenario.locator("#title")).to_have_text("tf1.15 → keras3.10")
    scenario.go_back()
    expect(scenario).to_have_url(re.compile(r"plain_dense\.html$"))


def test_a_folded_grid_with_the_keyboard_alone(scenario):
    scenario.locator(f"{FOLDED} > summary").focus()
    assert scenario.locator(f"{FOLDED} td").count() == 0
    scenario.keyboard.press("Enter")
    cell = scenario.locator(f"{FOLDED} td[tabindex='0']")
    expect(cell).to_have_count(1)
    cell.focus()
    assert "Saved with" in scenario.locator(f"{FOLDED} .readout").inner_text()
    scenario.keyboard.press("Control+End")
    scenario.keyboard.press("Enter")
    expect(scenario).to_have_url(re.compile(r"cell\.html#plain_dense/h5/.*/compile_false$"))


def test_the_cheapest_way_that_works_leads_to_its_cell(scenario):
    cell = scenario.locator("table[data-best][data-format=h5] td.r").first
    cell.hover()
    box = scenario.locator("details[id='h5/best'] .readout")
    assert "the cheapest way that works: Remedy compile_false" in box.inner_text()
    cell.click()
    expect(scenario).to_have_url(re.compile(r"/compile_false$"))
    expect(scenario.locator(".verdict .say")).to_have_text("equivalent")


def test_a_link_to_a_folded_grid_opens_it(visit):
    page = visit(f"{PAGE}#h5/compile_false")
    expect(page.locator(FOLDED)).to_have_attribute("open", "")
    expect(page.locator(f"{FOLDED} td[tabindex='0']")).to_have_count(1)


def test_the_tabs_lead_to_every_part(scenario):
    names = scenario.locator("nav.tabs a").evaluate_all("(all) => all.map((each) => each.hash)")
    assert names == ["#h5", "#keras", "#boundaries", "#causes", "#claims"]
    for name in names:
        scenario.click(f"nav.tabs a[href='{name}']")
        expect(scenario.locator(f"section[id='{name[1:]}']")).to_be_in_viewport()
