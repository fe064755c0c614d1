"""Every page, as it is: nothing hostile runs, axe finds nothing, and it fits a phone."""

from __future__ import annotations

import pytest
from chromium import DESKTOP, LOOKS, PHONE, find_faults
from report_fixtures import HOSTILE

CELL = "plain_dense/h5/tf1.15->keras3.10/none"
PAPER = {"width": 718, "height": 1000}
PAGES = (
    *("index.html", "scenarios.html", "scenario/plain_dense.html", "environments.html"),
    *("remedies.html", "causes.html", "boundaries.html", "claims.html", "controls.html"),
    *("release/keras3.10.html", "release/keras3.10.html#list=reader.all"),
    *("about.html", "cell.html#nonsense", f"cell.html#{CELL.replace('h5', 'keras')}x"),
    *("pictures.html", "compare.html", "cell.html", f"cell.html#{CELL}"),
    *("search.html", "errors.html", "file.html"),
)


def test_no_page_is_forgotten(report):
    there = {path.relative_to(report / "site").as_posix() for path in report.rglob("*.html")}
    named = {name.partition("#")[0] for name in PAGES}
    several = ("scenario/", "release/")
    kinds = {name for name in named if name.startswith(several)}
    assert {name for name in there if not name.startswith(several)} | kinds == named


@pytest.mark.parametrize("name", PAGES)
def test_a_page_leads_to_the_data_the_glossary_and_a_way_to_report_a_wrong_cell(
    visit, report, name
):
    page = visit(name)
    hrefs = page.locator("footer a").evaluate_all("(all) => all.map((each) => each.href)")
    site = (report / "site").as_uri()
    led = {href.removeprefix(f"{site}/") for href in hrefs}
    assert {f"about.html#{part}" for part in ("words", "data", "badges", "run-it", "wrong")} <= led
    assert {"files/cells.csv", "files/run.json", "controls.html"} <= led


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name):
    page = visit(name)
    if name.startswith("cell.html#"):
        page.wait_for_selector("#cell h2" if name.endswith(f"#{CELL}") else "#cell .lead")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true;")
    assert find_faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    assert find_faults(page, LOOKS) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_a_paper(visit, page, name):
    page.set_viewport_size(PHONE)
    visit(name)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0
    page.set_viewport_size(DESKTOP)
    assert page.evaluate(wide) <= 0
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("main").is_visible()
    assert page.locator("nav:visible, #filters:visible, button:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_alone_gets_to_the_content(visit, name):
    page = visit(name)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    if "#" in name:
        # The address says what the page shows, and still does.
        assert page.evaluate("location.href").endswith(name.partition("#")[2].replace(">", "%3E"))
    # Everything that can be reached shows where the focus is.
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "() => { const at = document.activeElement; if (at === document.body) return 'none';"
            " const s = getComputedStyle(at); return s.outlineStyle + s.boxShadow; }"
        )
        assert style != "nonenone"


def test_a_hostile_message_is_text(visit):
    page = visit(f"cell.html#{CELL}")
    page.wait_for_selector("#cell h2")
    assert HOSTILE.splitlines()[0][:30] in page.inner_text("#cell")


def test_an_inline_script_is_refused_even_if_one_gets_in(visit, watch):
    page = visit("index.html")
    page.evaluate(
        "() => { const made = document.createElement('script');"
        " made.textContent = 'globalThis.inlined = 1'; document.head.append(made); made.remove(); }"
    )
    assert page.evaluate("globalThis.inlined") is None
    # Chromium says so on its console, and that is what is wanted here.
    assert [each for each in watch.problems if "Content Security Policy" in each]
    watch.problems.clear()


def test_links_of_the_navigation_lead_from_page_to_page(visit):
    page = visit("index.html")
    names = page.locator(".top nav a").evaluate_all("(all) => all.map((each) => each.href)")
    assert len(names) >= 6
    for address in names:
        page.goto(address)
        assert page.locator("h1").count() == 1
        assert page.locator("head > title").count() == 1
