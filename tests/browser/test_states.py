"""What was not tried or measured is never told as a failure; today's versions are in sight."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE
from playwright.sync_api import expect

from runner.publish.reading import load_data

PUBLISHED = Path(__file__).resolve().parents[2] / "reports" / "published"
IN_SIGHT = """(name) => {
    const box = document.querySelector("#pairs").parentElement.getBoundingClientRect();
    const head = [...document.querySelectorAll("#pairs thead th")].find(
        (each) => each.innerText.trim() === name);
    const at = head.getBoundingClientRect();
    const right = Math.min(box.right, document.documentElement.clientWidth);
    return box.left <= at.left && at.right <= right;
}"""


def ask(page, writer, format_, reader):
    for name, value in (("from", writer), ("as", format_), ("to", reader)):
        page.select_option(f"#picker [name={name}]", value)
    return page.inner_text("#answer")


def test_where_no_other_way_was_tried_none_is_said_to_fail(overview):
    said = ask(overview, "keras3.10", "h5", "tf1.15")
    assert "For none of the 2 that do not come back as saved was another way of loading tried" in (
        said
    )
    assert said.count("The nearest pair in which some were is tf1.15 → keras3.10") == 2
    assert "it gave the model back for" not in said
    said = ask(overview, "tf1.15", "keras", "keras3.10")
    assert "another way of loading was tried for 2: it gave the model back for 2." in said
    assert "not tried" not in said


def test_what_could_not_be_measured_is_hatched_and_no_failure(overview):
    cells = overview.locator("#pairs tbody tr:has(th:text-is('keras2.3')) td")
    hatched = "(all) => all.map((e) => getComputedStyle(e).backgroundImage.includes('gradient'))"
    assert set(cells.evaluate_all(hatched)) == {True}
    cells.first.hover()
    expect(overview.locator("#reading")).to_contain_text("Saved with keras2.3")
    assert "fail" not in overview.inner_text("#reading")
    measured = overview.locator("#pairs tbody tr:has(th:text-is('tf1.15')) td")
    heads = overview.locator("#pairs thead th").all_inner_texts()
    assert not measured.nth(heads.index("keras3.10")).evaluate_all(hatched)[0]


def test_causes_remedies_and_claims_say_what_was_counted(visit, report):
    with (report / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    caused = [row for row in rows if row["cause"] == "unknown_class"]
    page = visit("causes.html")
    line = page.locator("table tr:has-text('unknown_class')").first.inner_text().split()
    assert line[1:3] == [str(len(caused)), str(sum(row["remedy"] == "none" for row in caused))]
    helped = [row for row in rows if row["remedy"] == "compile_false"]
    restored = sum(row["outcome"] == "equivalent" for row in helped)
    page = visit("remedies.html")
    assert f"helped in {restored} of the {len(helped)} loads" in page.inner_text("main")
    page = visit("claims.html")
    judged = re.search(r"all: (\d+) of (\d+) cells", page.inner_text("main"))
    assert judged
    assert int(judged[1]) < int(judged[2])


def test_controls_tell_the_audit_and_what_was_expected(visit):
    said = visit("controls.html").inner_text("main")
    assert "2 cells were run again, each in a fresh process; 1 had another outcome." in said
    assert "plain_dense/h5/tf1.15->tf1.15/none: equivalent, repeated crashed." in said
    assert "40 not judged" in said


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_newest_versions_are_in_sight(page, size):
    page.set_viewport_size(size)
    page.goto((PUBLISHED / "site" / "index.html").as_uri())
    page.wait_for_selector("#pairs:not([aria-busy=true]) tbody td:not(:empty)")
    environments = load_data(PUBLISHED).run.environments
    newest = max(environments, key=lambda each: each.minor_released or each.released)
    page.locator("#pairs").scroll_into_view_if_needed()
    assert page.evaluate(IN_SIGHT, newest.id)
    oldest = min(environments, key=lambda each: each.released)
    assert not page.evaluate(IN_SIGHT, oldest.id)
