"""The page of one cell: all that was observed, its own address, and what to do."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from report_fixtures import (
    HOSTILE,
    SmallRun,
    make_environment,
    make_remedy,
    make_result,
    make_scenario,
    publish_run,
)

from runner.domain import Cell, Family, Format, Outcome
from runner.render.site import render_site

ERROR = "plain_dense/h5/tf1.15->keras3.10/none"
DIVERGED = "plain_dense/h5/keras3.10->tf1.15/none"


@pytest.fixture
def cell(visit):
    def go(name):
        page = visit(f"cell.html#{name}")
        page.wait_for_selector("#cell h2")
        return page

    return go


def test_everything_that_was_observed_is_there(cell):
    page = cell(ERROR)
    assert page.inner_text("#title") == "tf1.15 → keras3.10"
    verdict = page.inner_text(".verdict")
    assert "load error" in verdict
    assert "unknown_class" in verdict
    said = page.inner_text("#cell")
    assert "ValueError" in said
    assert "Raised during: load" in said
    assert HOSTILE in page.locator("h2:text('ValueError') ~ pre").first.inner_text()
    assert "SHA-256 0123456789ab" in said
    assert "120 ms" in said
    assert "a child forked after the import" in said
    for side in ("writer", "reader"):
        box = page.locator(".sides > div", has=page.locator(f"h3:has-text('{side}')"))
        assert "tensorflow-cpu 2.15.1" in box.inner_text()
        assert "Python 3.10.1" in box.inner_text()


def test_tracebacks_warnings_and_output_are_folded(cell):
    page = cell(ERROR)
    for title, inside in (("Traceback", "a.py"), ("Warnings", "second"), ("Captured", "owned")):
        fold = page.locator("#cell details", has=page.locator(f"summary:has-text('{title}')"))
        assert fold.locator("pre").is_hidden()
        fold.locator("summary").click()
        assert inside in fold.locator("pre").inner_text()


def test_remedies_tried_are_listed_with_their_outcome_and_lead_to_their_cells(cell):
    page = cell(ERROR)
    assert "Remedy compile_false" in page.locator("h2:text('What to do') ~ p").first.inner_text()
    table = page.locator("table", has=page.locator("caption:text('Ways of loading')"))
    cells = table.locator("tbody th, tbody td:nth-child(2)").all_text_contents()
    assert cells == ["Remedy none", "✗load error", "Remedy compile_false", "✓equivalent"]
    table.locator("a", has_text="compile_false").click()
    expect(page.locator(".verdict .say")).to_have_text("equivalent")
    expect(page).to_have_url(re.compile("/compile_false$"))
    page.go_back()
    expect(page.locator(".verdict .say")).to_have_text("load error")


def test_aspects_have_numbers_and_what_differs_comes_first(cell):
    page = cell(DIVERGED)
    table = page.locator("table", has=page.locator("caption:text('Aspects')"))
    rows = table.locator("tbody tr").all_inner_texts()
    assert any("≠ differs" in row and "0.12" in row for row in rows)
    assert any("∅ missing" in row for row in rows)
    agreeing = cell("plain_dense/h5/tf1.15->tf1.15/none")
    assert "✓ agrees" in agreeing.inner_text("#cell")
    assert "< 1e-7" in agreeing.inner_text("#cell")


def test_the_command_repeats_this_cell_and_can_be_copied(cell, context):
    page = cell(ERROR)
    command = page.locator(".copy pre").first.inner_text()
    assert f"nox -s matrix -- --profile smoke --select '{ERROR}' --force" in command
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".copy button").first.click()
    expect(page.locator(".copy button").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_whose_doing_it_is(tmp_path, page, context):
    """A reader that reads nobody's file; its own says nothing of the pair."""
    environments = tuple(make_environment(f"tf2.{n}", Family.TF_KERAS, n) for n in range(5))
    cells = (
        Cell(scenario="plain_dense", format=Format.H5, writer=w.id, reader=r.id, remedy="none")
        for w in environments
        for r in environments
    )
    results = tuple(
        make_result(each, Outcome.LOAD_ERROR, status="raised", exception="ValueError", message="x")
        if each.reader == "tf2.3"
        else make_result(each, Outcome.EQUIVALENT)
        for each in cells
    )
    run = SmallRun(
        environments=environments,
        scenarios=(make_scenario("plain_dense", formats=(Format.H5,)),),
        remedies=(make_remedy("none", 0),),
        results=results,
    )
    publish_run(run, tmp_path)
    render_site(tmp_path, tmp_path / "site")
    address = (tmp_path / "site/cell.html").as_uri()
    page.goto(f"{address}#plain_dense/h5/tf2.0->tf2.3/none")
    page.wait_for_selector("#cell h2")
    assert "the reader: at least 9 of 10 such files" in page.inner_text("#cell .meta")
    said = page.inner_text("#cell")
    assert "No other way of loading was tried for this pair." in said
    assert "The nearest environment that reads the file with a plain load: tf2.4." in said


@pytest.mark.parametrize(
    "name",
    [
        "nowhere/h5/tf1.15->keras3.10/none",
        "plain_dense/h5/tf1.15->tf9/none",
        "../../etc/h5/a->b/none",
        "__proto__/h5/a->b/none",
        "plain_dense/%E0%A4%A/tf1.15->keras3.10/none",
        "<img src=x onerror=owned()>/h5/a->b/none",
    ],
)
def test_an_address_of_no_cell_says_so(visit, name):
    page = visit(f"cell.html#{name}")
    expect(page.locator("#cell .lead")).to_contain_text("There is no cell")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nonsense", "There is no cell “nonsense”"),
        ("plain_dense/h5/tf9.9->keras3.10/none", "it has no writer “tf9.9”"),
        ("plain_dense/h5/tf1.15->keras3.10/magic", "h5/tf1.15->keras3.10/magic in this run"),
        ("plain_dense/h5/tf1.15->keras3.10/magic", "it has no way of loading “magic”"),
        ("plain_dense/h5/tf1.15->tf1.15/compile_false", "was not measured in this run"),
    ],
)
def test_an_address_of_no_cell_says_why_and_nothing_undefined(visit, name, said):
    page = visit(f"cell.html#{name}")
    expect(page.locator("#cell .lead")).to_contain_text(said)
    assert "undefined" not in page.inner_text("main")


def test_a_cell_that_was_not_tried_leads_to_the_bare_load(visit):
    page = visit("cell.html#plain_dense/h5/tf1.15->tf1.15/compile_false")
    page.click("#cell a:text('equivalent')")
    expect(page.locator("#title")).to_have_text("tf1.15 → tf1.15")


def test_the_button_to_copy_does_not_cover_the_command(cell):
    page = cell(ERROR)
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        boxes = [page.locator(f".copy > {tag}").first.bounding_box() for tag in ("pre", "button")]
        command, button = boxes
        beside = button["x"] >= command["x"] + command["width"]
        assert beside or button["y"] >= command["y"] + command["height"]


def test_a_wrong_cell_is_reported_with_a_text_that_names_it(cell):
    page = cell(ERROR)
    page.click("#wrong summary")
    said = page.inner_text("#wrong pre")
    assert ERROR in said
    assert "load_error, cause unknown_class" in said
    assert page.locator("#wrong a").count() == 0


def test_facts_and_attribution_are_words(cell):
    said = cell(ERROR).inner_text("#cell dl.meta")
    assert "{" not in said
    assert "whose doing" not in said
