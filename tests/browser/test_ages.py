"""The age of cells: when and by which run they were measured, on every page that shows them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from playwright.sync_api import expect
from report_fixtures import make_run, publish_run

from runner.domain import Origin
from runner.render.site import render_site

KEPT = "plain_dense/h5/tf1.15->keras3.10/none"
STALE = "plain_dense/keras/tf1.15->keras3.10/none"
TODAY = "custom_loss_metric/h5/tf1.15->keras3.10/none"


@pytest.fixture(scope="module")
def aged(tmp_path_factory):
    """A run that measured one scenario, and kept the other of two earlier runs."""

    def age(result):
        if result.observation is None:
            return result
        if result.cell.scenario != "plain_dense":
            return replace(result, measured_at="2026-01-02T03:04:05+00:00")
        if result.cell.format == "h5":
            return replace(result, measured_at="2025-12-01T00:00:00+00:00", origin=Origin.KEPT)
        return replace(
            result,
            measured_at="2025-11-30T10:00:00+00:00",
            origin=Origin.STALE,
            frozen="2025-10-01",
        )

    run = make_run()
    folder = tmp_path_factory.mktemp("aged")
    publish_run(replace(run, results=tuple(age(each) for each in run.results)), folder)
    render_site(folder, folder / "site")
    return folder


@pytest.fixture
def open_page(page, aged):
    def go(name):
        page.goto(f"{(aged / 'site').as_uri()}/{name}")
        return page

    return go


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (KEPT, "Measured 2025-12-01 00:00 UTC, by an earlier run and kept"),
        (STALE, "Measured 2025-11-30 10:00 UTC, by an earlier run and kept, and not known to be"),
        (TODAY, "Measured 2026-01-02 03:04 UTC, by this run"),
    ],
)
def test_a_cell_says_its_age_before_anything_else(open_page, name, said):
    page = open_page(f"cell.html#{name}")
    page.wait_for_selector("#cell h2")
    assert said in page.inner_text("#cell .verdict")


def test_a_grid_marks_what_is_stale_and_says_the_age_of_each_cell(open_page):
    page = open_page("scenario/plain_dense.html")
    page.wait_for_selector("table[role=grid]")
    assert page.locator("#h5 table.g td.old").count() == 0
    cell = page.locator("#keras table.g[data-remedy=none]:not([data-best]) td.old.d").first
    cell.hover()
    expect(page.locator("#keras .readout").first).to_contain_text("Measured 2025-11-30, by an")
    drawn = page.locator("#keras table.g[data-remedy=compile_false] td.old")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    expect(drawn.first).to_be_visible()


def test_the_matrix_is_narrowed_to_an_origin_and_a_day(open_page, aged):
    page = open_page("index.html")
    page.wait_for_selector("#pairs tbody td")
    with (aged / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["remedy"] == "none"]
    for value, wanted in (
        ("origin:stale", [row for row in rows if row["origin"] == "stale"]),
        ("origin:kept", [row for row in rows if row["origin"] == "kept"]),
        ("moment:2026-01-02", [row for row in rows if row["measured_at"][:10] == "2026-01-02"]),
    ):
        page.select_option("#filters [name=files]", "all")
        page.select_option("#filters [name=age]", value)
        with page.expect_download() as waited:
            page.click("#download")
        text = waited.value.path().read_text(encoding="utf-8")
        found = list(csv.DictReader(io.StringIO(text)))
        assert len(found) == len(wanted) > 0
        for row in found:
            assert value in (f"origin:{row['origin']}", f"moment:{row['measured']}")


def test_an_answer_and_every_page_say_how_old_their_cells_are(open_page):
    page = open_page("index.html#from=tf1.15&to=keras3.10&as=h5")
    page.wait_for_selector("#pairs tbody td")
    said = page.inner_text("#answer .age")
    assert "between 2025-12-01 and 2026-01-02" in said
    assert "1 measured by this run, 1 kept from an earlier run" in said
    for name in ("index.html", "scenarios.html", "causes.html"):
        foot = open_page(name).inner_text("footer")
        assert "Measured between 2025-11-30 10:00 UTC and 2026-01-02 03:04 UTC" in foot
        assert "stale" in foot


def test_what_read_a_frozen_artifact_can_be_chosen_and_says_so(open_page):
    page = open_page("index.html#age=frozen:yes&files=all&over=all&remedy=any")
    page.wait_for_selector("#pairs tbody td")
    with page.expect_download() as waited:
        page.click("#download")
    rows = list(csv.DictReader(io.StringIO(waited.value.path().read_text(encoding="utf-8"))))
    assert rows
    assert {(row["scenario"], row["format"]) for row in rows} == {("plain_dense", "keras")}
    page = open_page(f"cell.html#{STALE}")
    expect(page.locator(".verdict .age")).to_contain_text(
        "It read a frozen artifact, written on 2025-10-01."
    )
