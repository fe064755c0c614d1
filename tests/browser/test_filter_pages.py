"""The long pages: narrowed to words and properties, folded, and exactly that in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

ITEMS = "[data-item]:visible"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("claims.html", "verdict", "confirmed"),
        ("claims.html", "article", "one.txt"),
        ("causes.html", "outcome", "l"),
        ("boundaries.html", "format", "keras"),
        ("boundaries.html", "outcome", "d"),
        ("scenarios.html", "group", "1"),
        ("scenarios.html", "kind", "damaged"),
    ],
)
def test_a_property_leaves_the_parts_that_have_it(visit, name, field, value):
    page = visit(name)
    wanted = page.locator("[data-item]").evaluate_all(
        "(all, [field, value]) => all.filter((each) => each.dataset[field].split(' ')"
        ".includes(value)).length",
        [field, value],
    )
    options = page.locator(f"[data-filter] [name={field}] option").evaluate_all(
        "(all) => all.map((each) => each.value)"
    )
    if value in options:
        page.select_option(f"[data-filter] [name={field}]", value)
    else:
        visit(f"{name}#{field}={value}")
        wanted = page.locator("[data-item]").count()
    expect(page.locator(ITEMS)).to_have_count(wanted)
    if value in options:
        expect(page).to_have_url(re.compile(re.escape(f"{field}={value}")))
        page.go_back()
        expect(page.locator(ITEMS)).to_have_count(page.locator("[data-item]").count())


def test_words_leave_the_parts_that_contain_all_of_them(visit):
    page = visit("boundaries.html")
    there = page.locator("[data-item]").count()
    page.fill("[data-filter] [name=text]", "plain_dense WRITTEN")
    found = page.locator(ITEMS).count()
    assert 0 < found < there
    expect(page.locator("#shown")).to_have_text(f"{found} of {there} are shown.")
    assert page.locator("section[id=custom_loss_metric]").is_hidden()
    page.fill("[data-filter] [name=text]", "no such words")
    expect(page.locator(ITEMS)).to_have_count(0)
    assert page.locator("h2:visible").count() == 0
    page.keyboard.press("Enter")
    page.reload()
    expect(page.locator("#shown")).to_have_text(f"0 of {there} are shown.")


def test_all_is_folded_and_unfolded_at_once(visit):
    page = visit("causes.html")
    page.click("button:text-is('Unfold all')")
    assert page.locator("[data-item] details:not([open])").count() == 0
    page.click("button:text-is('Fold all')")
    assert page.locator("[data-item] details[open]").count() == 0


def test_a_link_to_a_part_still_leads_to_it(visit):
    page = visit("causes.html#unknown_class")
    expect(page.locator("#unknown_class")).to_be_in_viewport()
    expect(page.locator("#shown")).to_contain_text("All ")
