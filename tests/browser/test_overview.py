"""The first page: every control, the address, back, the keyboard, the download."""

from __future__ import annotations

import csv
import io
import re

import pytest
from playwright.sync_api import expect

BARE_CELLS = 36


@pytest.fixture
def overview(visit):
    page = visit("index.html")
    page.wait_for_selector("#pairs tbody td")
    return page


def total(page):
    """How many cells the summary of the matrix speaks of."""
    words = page.inner_text("#summary").replace(",", "")
    return int(next(word for word in words.replace("=", " ").split() if word.isdigit()))


def test_the_first_screen_answers_the_question(overview):
    overview.select_option("#picker [name=from]", "tf1.15")
    overview.select_option("#picker [name=as]", "keras")
    overview.select_option("#picker [name=to]", "keras3.10")
    said = overview.inner_text("#answer")
    assert "Remedy compile_false" in said
    assert "load('model.keras', custom_objects={...})" in said
    overview.select_option("#picker [name=with]", "plain_dense")
    said = overview.inner_text("#answer")
    assert "load error" in said
    link = overview.locator("#answer a[href*='cell.html#']").first
    link.click()
    expect(overview).to_have_url(re.compile(r"cell\.html#plain_dense/keras/tf1\.15-"))
    overview.go_back()
    overview.wait_for_selector("#pairs tbody td")
    assert overview.input_value("#picker [name=with]") == "plain_dense"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "keras"),
        ("models", "plain_dense"),
        ("models", "group:control"),
        ("remedy", "compile_false"),
        ("remedy", "cheapest"),
        ("outcome", "diverged"),
        ("cause", "unknown_class"),
    ],
)
def test_a_filter_is_in_the_address_and_back_undoes_it(overview, name, value):
    before = overview.inner_text("#summary")
    overview.select_option(f"#filters [name={name}]", value)
    chosen, address = overview.inner_text("#summary"), overview.url
    assert f"{name}=" in address
    with overview.expect_download() as waited:
        overview.click("#download")
    rows = list(csv.DictReader(io.StringIO(waited.value.path().read_text(encoding="utf-8"))))
    assert rows
    wanted = {"format": "format", "outcome": "outcome", "cause": "cause"}.get(name)
    if wanted:
        assert {row[wanted] for row in rows} == {value}
    overview.go_back()
    assert overview.inner_text("#summary") == before
    assert overview.input_value(f"#filters [name={name}]") != value
    overview.goto(address)
    overview.reload()
    overview.wait_for_selector("#pairs tbody td")
    assert overview.inner_text("#summary") == chosen
    overview.click("#reset")
    assert overview.inner_text("#summary") == before


def test_the_usual_view_has_every_bare_load(overview):
    assert str(BARE_CELLS) in overview.inner_text("#summary")
    with overview.expect_download() as waited:
        overview.click("#download")
    text = waited.value.path().read_text(encoding="utf-8")
    assert len(text.splitlines()) == BARE_CELLS + 1


def test_a_pair_lists_its_cells_and_leads_to_them(overview):
    overview.locator("#pairs tbody td").first.click()
    assert overview.locator("#pair").is_visible()
    assert overview.locator("#pair a[href*='cell.html#']").count() >= 1
    assert "pair=" in overview.url
    overview.go_back()
    assert overview.locator("#pair").is_hidden()


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


def test_a_made_up_address_is_the_usual_view(visit, overview):
    usual = overview.inner_text("#summary")
    page = visit("scenarios.html")
    page = visit("index.html#format=<img src=x onerror=owned()>&from=__proto__&pair=a->b")
    page.wait_for_selector("#pairs tbody td")
    assert page.inner_text("#summary") == usual


def test_the_head_and_the_writers_stay_in_sight(overview):
    for cell in ("#pairs thead th", "#pairs tbody th"):
        assert overview.locator(cell).first.evaluate("(e) => getComputedStyle(e).position") == (
            "sticky"
        )
