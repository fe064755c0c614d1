"""Search: the box of every page, what it finds, and an error text, explained as `explain` does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chromium import PHONE, find_faults
from playwright.sync_api import expect
from report_fixtures import HOSTILE

from runner.analyse.error_text import read_text
from runner.analyse.explain import Evidence, name_causes
from runner.analyse.grids import code_cells
from runner.analyse.messages import find_families, texts_of
from runner.declare.causes import load_causes
from runner.publish.reading import load_data
from runner.render.scripts.search import search_data

ROOT = Path(__file__).resolve().parents[2]
RAISED = f"Unknown layer {HOSTILE}"
CAPTURES = ROOT / "tests/unit/data/causes"


@pytest.fixture
def search(visit):
    page = visit("search.html")
    page.wait_for_selector("#find:not([hidden])")
    return page


def ask(page, text):
    page.fill("#query", text)
    page.keyboard.press("Enter")
    return page.inner_text("#hits")


def test_the_box_of_another_page_leads_to_the_answer(visit):
    page = visit("scenario/plain_dense.html")
    page.fill(".find textarea", "plain dense")
    page.keyboard.press("Enter")
    page.wait_for_selector("#hits a")
    assert page.url.endswith("search.html#q=plain%20dense")
    assert page.input_value("#query") == "plain dense"
    page.locator("#hits a[href='scenario/plain_dense.html']").first.click()
    expect(page.locator("h1")).to_contain_text("Title of plain_dense")
    page.go_back()
    page.wait_for_selector("#hits a")
    assert page.input_value("#query") == "plain dense"


def test_no_other_page_loads_the_index(visit):
    page = visit("index.html")
    page.wait_for_selector("#pairs tbody td")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert not [name for name in loaded if "minisearch" in name or "search.js" in name]


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("unknown_class", "causes.html#unknown_class"),
        ("compile_false", "remedies.html#compile_false"),
        ("loads everywhere", "claims.html#c001.loads"),
        ("keras3.10", "environments.html#keras3.10"),
        ("custom loss", "scenario/custom_loss_metric.html"),
        ("custm_loss", "scenario/custom_loss_metric.html"),
    ],
)
def test_what_has_an_address_is_found(search, text, href):
    ask(search, text)
    assert search.locator(f"#hits a[href='{href}']").count() == 1
    assert "found" in search.inner_text("#status")


def test_nothing_is_found_in_words(search):
    assert ask(search, "zzzqqq") == ""
    assert "Nothing of this run" in search.inner_text("#status")
    ask(search, HOSTILE)
    assert search.locator("#hits :is(script, img, svg, iframe)").count() == 0


def test_an_error_text_stands_in_the_html_and_the_search_lands_on_it(search, report):
    text = (report / "site" / "errors.html").read_text(encoding="utf-8")
    assert "ValueError" in text
    assert HOSTILE not in text
    ask(
        search,
        f"Traceback (most recent call last):\n  File 'a'\nValueError: {RAISED}",
    )
    first = search.locator(".explained a").first
    assert first.get_attribute("href") == "causes.html#unknown_class"
    search.locator(".explained a[href^='errors.html#']").first.click()
    expect(search.locator("li:target")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_results(search, scheme):
    search.emulate_media(color_scheme=scheme)
    ask(search, "ValueError: a message of which this run has a like")
    ask(search, f"ValueError: {RAISED}")
    assert search.locator("#hits a").count()
    assert find_faults(search) == []
    search.set_viewport_size(PHONE)
    assert find_faults(search) == []
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert search.evaluate(wide) <= 0


@pytest.fixture(scope="module")
def published():
    """The published run, the rules, and what the page knows of both."""
    data = load_data(ROOT / "reports/published")
    causes = load_causes(ROOT / "scenarios/causes.toml")
    evidence = Evidence(texts=texts_of(data, code_cells(data)))
    return evidence, causes, search_data(data, find_families(evidence), causes)


def captured():
    """Real exceptions as people paste them: a line, a traceback, a log, a report of pytest."""
    for path in sorted(CAPTURES.glob("*.json")):
        for each in json.loads(path.read_text(encoding="utf-8"))["captures"]:
            if not each["exception"]:
                continue
            last = f"{each['exception']}: {each['message']}"
            trace = each["traceback"] or last
            yield last
            yield each["message"][: len(each["message"]) // 2]
            yield f"\x1b[31m12:00 INFO start\x1b[0m\r\n{trace}\n"
            yield "\n".join(f"2024 worker: {line}" for line in trace.split("\n"))
            yield "\n".join(f"E   {line}" for line in last.split("\n"))


def test_the_page_explains_a_text_as_the_command_line_does(visit, published):
    evidence, causes, known = published
    asked = list(dict.fromkeys(captured()))
    assert len(asked) > 300
    page = visit("search.html")
    told = page.evaluate(
        "([texts, known]) => texts.map((text) => explainText(text, known).causes"
        ".map(({id, cells, of}) => [id, cells, of]))",
        [asked, known],
    )
    different = []
    for text, here in zip(asked, told, strict=True):
        found = name_causes(read_text(text), causes, evidence)
        there = (
            [[name, found.counts[name], found.counts.total()] for name in found.names]
            if found
            else []
        )
        if here != there:
            different.append((text, here, there))
    assert different == []
    assert sum(bool(each) for each in told) > 0.8 * len(told)
