"""The first page: every control, the address, back, the keyboard, the download."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from chromium import PHONE
from playwright.sync_api import expect

from runner.declare.environments import read_environments

ROOT = Path(__file__).resolve().parents[2]

BARE_CELLS = 36
COUNTED = 24
"""Bare loads of files that their writers load back; keras2.3 could not be built."""
COLUMNS = ("scenario", "format", "writer", "reader", "remedy", "outcome", "cause")


def test_the_first_screen_answers_the_question(overview):
    overview.select_option("#picker [name=from]", "tf1.15")
    overview.select_option("#picker [name=as]", "keras")
    overview.select_option("#picker [name=to]", "keras3.10")
    said = overview.inner_text("#answer")
    assert "Remedy compile_false" in said
    assert "load('model.keras', custom_objects={...})" in said
    repeat = "nox -s matrix -- --writer tf1.15 --reader keras3.10 --format keras --scenario"
    # A profile may leave scenarios out, which the answer counts.
    assert f"{repeat} '*'" in said
    overview.select_option("#picker [name=with]", "plain_dense")
    said = overview.inner_text("#answer")
    assert "load error" in said
    assert f"{repeat} plain_dense" in said
    link = overview.locator("#answer a[href*='cell.html#']").first
    link.click()
    expect(overview).to_have_url(re.compile(r"cell\.html#plain_dense/keras/tf1\.15-"))
    overview.go_back()
    overview.wait_for_selector("#pairs tbody td")
    assert overview.input_value("#picker [name=with]") == "plain_dense"


FILTERS = [
    ("format", "keras"),
    ("models", "plain_dense"),
    ("models", "group:control"),
    ("remedy", "compile_false"),
    ("remedy", "cheapest"),
    ("outcome", "diverged"),
    ("cause", "unknown_class"),
]


@pytest.fixture
def rows(report):
    """The published cells, as the download writes them."""
    with (report / "cells.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(row[name] for name in COLUMNS) for row in csv.DictReader(file)]


def address_of(page):
    """Return the address as the page knows it at once; playwright learns of it later."""
    return page.evaluate("location.href")


def downloaded(page):
    with page.expect_download() as waited:
        page.click("#download")
    text = waited.value.path().read_text(encoding="utf-8")
    head, *found = csv.reader(io.StringIO(text))
    assert tuple(head) == (*COLUMNS, "origin", "measured")
    assert {row[-2] for row in found} <= {"measured", ""}
    return sorted(tuple(row[: len(COLUMNS)]) for row in found)


def wanted(rows, name, value):
    """What a filter is to leave of the published cells."""
    rows = [row for row in rows if row[2] != "keras2.3"]
    bare = [row for row in rows if row[4] == "none"]
    if name == "remedy" and value == "cheapest":
        helped = {row[:4]: row for row in rows if row[4] != "none" and row[5] == "equivalent"}
        return sorted(row if row[5] == "equivalent" else helped.get(row[:4], row) for row in bare)
    if name == "remedy":
        return sorted(row for row in rows if row[4] == value)
    if value.startswith("group:"):
        return sorted(bare)  # both scenarios are of one group
    place = COLUMNS.index({"models": "scenario"}.get(name, name))
    return sorted(row for row in bare if row[place] == value)


def drawn(page):
    """How many cells each pair of the matrix shows, as it says them in words."""
    page.wait_for_selector("#pairs:not([aria-busy=true])")
    said = []
    for cell in page.locator("#pairs tbody td").all():
        cell.hover()
        said.append(page.inner_text("#reading"))
    counted = (each.partition(": ")[2].partition(";")[0] for each in said)
    numbers = (re.findall(r"(\d+) ", each) for each in counted if "no cell" not in each)
    return sum(int(number) for each in numbers for number in each)


@pytest.mark.parametrize(("name", "value"), FILTERS)
def test_a_filter_is_in_the_address_and_back_undoes_it(overview, rows, name, value):
    before = overview.inner_text("#summary")
    overview.select_option(f"#filters [name={name}]", value)
    chosen, address = overview.inner_text("#summary"), address_of(overview)
    assert f"{name}=" in address
    found = downloaded(overview)
    assert found == wanted(rows, name, value)
    assert found
    assert f"Download these {len(found)} cells" in overview.inner_text("#download")
    overview.go_back()
    expect(overview.locator(f"#filters [name={name}]")).not_to_have_value(value)
    assert overview.inner_text("#summary") == before
    overview.goto(address)
    overview.reload()
    overview.wait_for_selector("#pairs tbody td")
    assert overview.inner_text("#summary") == chosen
    overview.click("#reset")
    assert overview.inner_text("#summary") == before


@pytest.mark.parametrize(("name", "value"), FILTERS)
def test_matrix_summary_and_published_cells_reconcile(overview, rows, name, value):
    overview.select_option(f"#filters [name={name}]", value)
    left = wanted(rows, name, value)
    if name == "outcome":
        # The others are counted beside it, so that a share can be seen.
        assert f"{len(left)}\u00a0" in overview.inner_text("#summary").replace(" ", "\u00a0")
        left = wanted(rows, "models", "group:control")
    assert total(overview) == len(left) == drawn(overview)


def total(page):
    """How many cells the summary of the matrix speaks of."""
    return int(re.search(r"= ([\d,]+) cells", page.inner_text("#summary"))[1].replace(",", ""))


def test_one_address_is_the_whole_view(overview, context):
    for name, value in (("from", "tf1.15"), ("as", "keras"), ("to", "keras3.10")):
        overview.select_option(f"#picker [name={name}]", value)
    overview.select_option("#picker [name=with]", "plain_dense")
    for name, value in (
        *(("format", "keras"), ("models", "plain_dense"), ("remedy", "cheapest")),
        *(("outcome", "equivalent"), ("cause", "unknown_class")),
    ):
        overview.select_option(f"#filters [name={name}]", value)
    overview.locator("#pairs tbody tr:has(th:text-is('tf1.15')) td:not(:empty)").first.click()
    parts = ("#answer", "#summary", "#pairs", "#pair", "#download")
    other = context.new_page()
    other.goto(address_of(overview))
    other.wait_for_selector("#pair:not([hidden])")
    for name in ("from", "as", "to", "with", "format", "models", "remedy", "outcome", "cause"):
        chosen = f"select[name={name}]"
        assert other.input_value(chosen) == overview.input_value(chosen)
    assert [other.inner_text(part) for part in parts] == [
        overview.inner_text(part) for part in parts
    ]
    assert other.locator("#pairs td.chosen").count() == 1


def test_the_usual_view_has_every_bare_load(overview):
    assert str(COUNTED) in overview.inner_text("#summary")
    overview.select_option("#filters [name=files]", "all")
    assert str(BARE_CELLS) in overview.inner_text("#summary")
    with overview.expect_download() as waited:
        overview.click("#download")
    text = waited.value.path().read_text(encoding="utf-8")
    assert len(text.splitlines()) == BARE_CELLS + 1


def test_a_pair_lists_its_cells_and_leads_to_them(overview):
    overview.locator("#pairs tbody td").first.click()
    assert overview.locator("#pair").is_visible()
    number = int(re.search(r": (\d+) cells? of", overview.inner_text("#pair h3"))[1])
    assert overview.locator("#pair a[href*='cell.html#']").count() == number > 0
    heads = [int(each.split()[-1]) for each in overview.locator("#pair h4").all_inner_texts()]
    assert sum(heads) == number
    assert "pair=" in address_of(overview)
    overview.go_back()
    expect(overview.locator("#pair")).to_be_hidden()
    overview.go_forward()
    overview.click("#pair button:text('Close')")
    assert overview.locator("#pair").is_hidden()
    assert "pair=" not in address_of(overview)


def test_a_pair_of_the_matrix_can_be_asked_about(overview):
    overview.locator("#pairs tbody tr:has(th:text-is('tf1.15')) td").nth(0).click()
    overview.click("#pair button:text('Ask about')")
    assert overview.input_value("#picker [name=from]") == "tf1.15"
    assert overview.input_value("#picker [name=to]") == "keras3.10"
    assert overview.evaluate("document.activeElement.name") == "from"


def test_a_silent_load_stands_out_most(overview):
    """Solid, and named before anything else: in the matrix, in the answer, in the list."""
    overview.locator("#pairs td:has-text('≠')").first.click()
    assert "diverged" in overview.locator("#pair h4").first.inner_text()
    strength = (
        "(css) => { const made = document.createElement('i'); made.className = css;"
        " document.querySelector('#summary').append(made);"
        " const [r, g, b] = getComputedStyle(made).backgroundColor.match(/\\d+/g).map(Number);"
        " made.remove(); return Math.max(r, g, b) - Math.min(r, g, b); }"
    )
    others = [overview.evaluate(strength, css) for css in ("e", "u", "l", "t", "s", "n")]
    assert overview.evaluate(strength, "d") > max(others)
    overview.select_option("#picker [name=from]", "keras3.10")
    overview.select_option("#picker [name=to]", "tf1.15")
    verdict = overview.locator("#answer .verdict")
    assert verdict.locator("> i").get_attribute("class") == "d"
    assert "not the model that was saved" in verdict.inner_text()


def test_everything_of_the_first_page_with_the_keyboard_alone(overview):
    def tab_to(part):
        for _ in range(40):
            overview.keyboard.press("Tab")
            if overview.evaluate("(part) => document.activeElement.matches(part)", part):
                return
        raise AssertionError(f"the keyboard does not get to {part}")

    tab_to("#picker [name=from]")
    overview.keyboard.type("keras3")
    assert overview.input_value("#picker [name=from]") == "keras3.10"
    tab_to("#filters [name=format]")
    overview.keyboard.type("keras")
    assert "format=keras" in address_of(overview)
    tab_to("#reset")
    overview.keyboard.press("Enter")
    assert "format=keras" not in address_of(overview)
    assert "from=keras3.10" in address_of(overview)
    tab_to("#pairs td")
    overview.keyboard.press("Enter")
    tab_to("#pair a")
    overview.keyboard.press("Enter")
    overview.wait_for_url("**/cell.html#**")


def test_the_matrix_with_the_keyboard_alone(overview):
    overview.locator("#pairs td[tabindex='0']").focus()
    overview.keyboard.press("ArrowRight")
    overview.keyboard.press("ArrowDown")
    place = "[document.activeElement.cellIndex, document.activeElement.closest('tr').rowIndex]"
    assert overview.evaluate(place) == [2, 2]
    assert overview.inner_text("#reading").startswith("Saved with")
    overview.keyboard.press("Home")
    overview.keyboard.press("Control+End")
    assert overview.evaluate(place) == [3, 3]
    overview.keyboard.press("Enter")
    assert overview.locator("#pair").is_visible()


def test_a_link_to_a_view_shows_the_matrix_first(visit):
    page = visit("index.html#cause=unknown_class")
    page.wait_for_selector("#pairs tbody td")
    expect(page.locator("#matrix")).to_be_in_viewport()
    page = visit("scenarios.html")
    page = visit("index.html#from=keras3.10")
    page.wait_for_selector("#pairs tbody td")
    assert page.evaluate("scrollY") == 0


def test_a_made_up_address_is_the_usual_view(visit, overview):
    usual = overview.inner_text("#summary")
    page = visit("scenarios.html")
    page = visit("index.html#format=<img src=x onerror=owned()>&from=__proto__&pair=a->b")
    page.wait_for_selector("#pairs tbody td")
    assert page.inner_text("#summary") == usual


def test_the_head_and_the_writers_stay_in_sight(overview):
    overview.set_viewport_size({"width": 220, "height": 190})
    places = (
        "() => { const box = document.querySelector('#pairs').parentElement;"
        " box.scrollTo(1000, 1000);"
        " const at = box.getBoundingClientRect();"
        " const of = (css) => document.querySelector(css).getBoundingClientRect();"
        " const [head, row] = [of('#pairs thead th:last-child'), of('#pairs tbody:last-child th')];"
        " return [box.scrollTop, box.scrollLeft, head.top - at.top, row.left - at.left]; }"
    )
    down, right, head, row = overview.evaluate(places)
    assert down > 10
    assert right > 10
    assert abs(head) < 3
    assert abs(row) < 3


def test_row_and_column_of_a_cell_are_marked(overview):
    cell = overview.locator("#pairs tbody tr").nth(1).locator("td").nth(2)
    usual = cell.evaluate("(e) => getComputedStyle(e).outlineStyle")
    cell.hover()
    assert usual == "none"
    assert cell.evaluate("(e) => getComputedStyle(e).outlineStyle") == "solid"
    assert overview.locator("#pairs th.on").count() == 2
    assert overview.locator("#pairs td.beam").count() == 5
    beam = overview.locator("#pairs td.beam:not(.on)").first
    assert "brightness" in beam.evaluate("(e) => getComputedStyle(e).filter")
    overview.locator("#pairs tbody td").first.hover()
    assert overview.locator("#pairs td.beam").count() == 5


def test_what_was_measured_and_is_not_of_a_cause_is_blank_and_not_hatched(overview):
    overview.select_option("#filters [name=cause]", "unknown_class")
    overview.wait_for_selector("#pairs:not([aria-busy=true])")
    look = "(e) => [e.className, getComputedStyle(e).backgroundImage === 'none']"
    row = overview.locator("#pairs tbody tr:has(th:text-is('keras3.10'))")
    cells = row.locator("td")
    heads = overview.locator("#pairs thead th").all_inner_texts()
    found = {name: cells.nth(at).evaluate(look) for at, name in enumerate(heads)}
    # It reads its own file: that was measured, and has no failure.
    assert found["keras3.10"] == ["none x", True]
    cells.nth(heads.index("keras3.10")).hover()
    assert "others of the pair were measured" in overview.inner_text("#reading")


@pytest.mark.parametrize("format_", ["", "h5"])
@pytest.mark.parametrize(
    ("writer", "reader"),
    [("tf1.15", "keras3.10"), ("keras3.10", "tf1.15"), ("tf1.15", ""), ("", "keras3.10")],
)
def test_narrowed_to_a_pair_the_download_is_every_cell_of_it(
    overview, rows, writer, reader, format_
):
    asked = {"writer": writer, "reader": reader, "format": format_}
    everything = {"remedy": "any", "files": "all", "over": "all"}
    for name, value in (asked | everything).items():
        overview.select_option(f"#filters [name={name}]", value)
    left = sorted(
        row
        for row in rows
        if all(not value or row[COLUMNS.index(name)] == value for name, value in asked.items())
    )
    assert len({row[COLUMNS.index("remedy")] for row in left}) == (
        1 if writer == "keras3.10" else 2
    )
    assert downloaded(overview) == left
    assert total(overview) == len(left)
    # The table has the pairs that were asked for, and no other.
    heads = overview.locator("#pairs thead th").all_inner_texts()
    names = overview.locator("#pairs tbody th").all_inner_texts()
    assert heads == [reader] if reader else len(heads) > 1
    assert names == [writer] if writer else len(names) > 1
    # The address is all of it, for another visitor.
    summary = overview.inner_text("#summary")
    overview.reload()
    overview.wait_for_selector("#pairs tbody td")
    assert overview.inner_text("#summary") == summary


def test_the_answer_leads_to_every_silent_difference_of_its_pair(overview, rows):
    overview.select_option("#picker [name=from]", "keras3.10")
    overview.select_option("#picker [name=to]", "tf1.15")
    silent = [row for row in rows if row[2:4] == ("keras3.10", "tf1.15") and row[5] == "diverged"]
    here = [row for row in silent if row[1] == overview.input_value("#picker [name=as]")]
    # Each kind of its format is named in the answer itself.
    kinds = overview.locator("#answer details:has(.t-d) li")
    assert kinds.count() == len(here) > 0
    overview.click("#answer a:text('Every silent difference of this pair')")
    overview.wait_for_selector("#pair:not([hidden])")
    links = overview.locator("#pair a[href*='cell.html#']")
    found = sorted(
        link.partition("#")[2].replace("%3E", ">")
        for link in links.evaluate_all("(all) => all.map((each) => each.getAttribute('href'))")
    )
    assert found == sorted(f"{s}/{f}/{w}->{r}/{m}" for s, f, w, r, m, *_ in silent)
    assert downloaded(overview) == sorted(silent)
    assert overview.inner_text("#pair h4") == f"≠diverged {len(silent)}"


def test_a_line_of_code_in_the_answer_wraps_on_a_phone(overview):
    overview.set_viewport_size(PHONE)
    for name, value in (("from", "tf1.15"), ("as", "h5"), ("to", "tf1.15")):
        overview.select_option(f"#picker [name={name}]", value)
    overview.evaluate(
        "document.querySelector('#answer .verdict li code').textContent ="
        " 'keras.models.load_model(a_model_of_ones_own)'"
    )
    box, code = (
        overview.locator(each).bounding_box()
        for each in ("#answer .verdict", "#answer .verdict li code")
    )
    assert code["x"] + code["width"] <= box["x"] + box["width"]


def test_nothing_is_said_of_other_ways_of_loading_before_they_are_read(page, report):
    """The first view has the bare loads alone; a choice of more waits for the rest."""
    held = []

    def hold(route):
        held.append(route)

    page.route("**/data/ways.js", hold)
    page.goto((report / "site" / "index.html").as_uri())
    page.wait_for_selector("#answer .verdict")
    page.select_option("#picker [name=from]", "tf1.15")
    page.select_option("#picker [name=as]", "keras")
    page.select_option("#picker [name=to]", "keras3.10")
    page.select_option("#filters [name=remedy]", "cheapest")
    assert "another way of loading" not in page.inner_text("#answer")
    assert "was not tried" not in page.inner_text("#answer")
    assert page.inner_text("#summary") == "Reading the other ways of loading …"
    assert page.is_disabled("#download")
    held[0].continue_()
    page.wait_for_selector("#answer[aria-busy=false]")
    assert "Remedy compile_false" in page.inner_text("#answer")
    assert page.is_enabled("#download")


def test_the_year_of_an_environment_is_that_of_its_minor_version(page):
    """In the published run too, whose patches came years later."""
    page.goto((ROOT / "reports/published/site/index.html").as_uri())
    page.wait_for_selector("#pairs tbody td")
    labels = set(page.locator("#picker [name=from] option").all_inner_texts())
    declared = read_environments().environments
    years = {f"{each.id} ({each.first_released.year})" for each in declared}
    assert labels
    assert labels <= years
    assert {"tf2.0 (2019)", "tf2.1 (2020)", "keras3.0 (2023)"} <= labels
