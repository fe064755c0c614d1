"""The page of a release: both directions, held against the release before, every number a list."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from report_fixtures import (
    SmallRun,
    make_environment,
    make_remedy,
    make_result,
    make_scenario,
    publish_run,
)

from runner.domain import Cell, Family, Format, Outcome
from runner.render.site import render_site

NAMES = ("keras3.12", "keras3.13", "keras3.14")


def outcome_of(scenario, writer, reader):
    """3.13 writes what older ones do not read; 3.14 reads one file of 3.12 silently otherwise."""
    if scenario == "custom_loss_metric" and writer == reader == "keras3.14":
        return Outcome.LOAD_ERROR
    if NAMES.index(writer) > 0 == NAMES.index(reader):
        return Outcome.LOAD_ERROR
    if scenario == "plain_dense" and (writer, reader) == ("keras3.12", "keras3.14"):
        return Outcome.DIVERGED
    return Outcome.EQUIVALENT


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A run of three releases of one line."""
    environments = tuple(
        make_environment(name, Family.KERAS3, place) for place, name in enumerate(NAMES)
    )
    scenarios = (make_scenario("plain_dense"), make_scenario("custom_loss_metric"))
    results = []
    for scenario in scenarios:
        for format_ in (Format.H5, Format.KERAS):
            for writer in NAMES:
                for reader in NAMES:
                    outcome = outcome_of(scenario.id, writer, reader)
                    parts = {"scenario": scenario.id, "format": format_, "writer": writer}
                    cell = Cell(**parts, reader=reader, remedy="none")
                    results.append(make_result(cell, outcome))
                    if outcome is Outcome.LOAD_ERROR and writer == "keras3.13":
                        cell = Cell(**parts, reader=reader, remedy="compile_false")
                        results.append(make_result(cell, Outcome.EQUIVALENT))
    run = SmallRun(
        environments=environments,
        scenarios=scenarios,
        remedies=(make_remedy("none", 0), make_remedy("compile_false", 4)),
        results=tuple(results),
    )
    folder = tmp_path_factory.mktemp("line")
    publish_run(run, folder)
    render_site(folder, folder / "site")
    return folder


@pytest.fixture
def release(page, line):
    def go(name):
        page.goto(f"{(line / 'site').as_uri()}/release/{name}")
        return page

    return go


def test_a_release_says_both_directions_against_the_one_before(release):
    page = release("keras3.13.html")
    # Of 3.12 and 3.14: two scenarios in two formats of each, of which 3.14 gets one back itself.
    assert "6 of 6 files that other environments wrote" in page.inner_text("#reader")
    written = page.inner_text("#writer")
    assert "4 of 8 loads of its files in other environments" in written
    assert "of the 8 loads measured with both: 4 lost, 2 won" in written
    assert "Another way of loading was tried for 4 of 4" in written
    assert "Remedy compile_false gave the model back for 4" in written
    assert page.locator("#writer .losses a[href*='causes.html#unknown_class']").count() == 1


def test_what_is_silently_lost_and_what_is_lost_in_the_own_file(release):
    page = release("keras3.14.html")
    assert "2 load without an error and are another model" in page.inner_text("#reader")
    assert "2 lost" in page.inner_text("#reader")
    assert page.locator("#itself li").count() == 2


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_the_list_of_its_cells(release, name):
    page = release(f"{name}.html")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    links = page.locator("main a[href^='#list=']")
    found = [(links.nth(at).inner_text(), links.nth(at)) for at in range(links.count())]
    assert len(found) > 8
    for number, link in found:
        link.click()
        expect(page.locator("#list h2")).to_contain_text(f"{number} cell")
        assert page.locator("#list a[href*='cell.html#']").count() == int(number)
    page.locator("#list a[href*='cell.html#']").first.click()
    page.wait_for_selector("#cell h2")


def test_an_address_is_a_list_and_a_made_up_one_is_none(release):
    page = release("keras3.13.html#list=writer.lost&format=h5&cause=unknown_class")
    expect(page.locator("#list h2")).to_contain_text("2 cells: written by keras3.13, lost")
    page.click("#list a:text('Close')")
    expect(page.locator("#list")).to_be_hidden()
    page = release("keras3.12.html#list=writer.<b>&format=__proto__")
    expect(page.locator("#list h2")).to_contain_text("0 cells")


def test_every_page_of_a_release_leads_to_its_neighbours_and_pages_lead_to_it(release, line):
    page = release("keras3.13.html")
    page.click("nav.tabs a:text('keras3.12')")
    page.click("nav.tabs a:text('keras3.13')")
    page.click(".crumb a")
    page.click("main a:text-is('keras3.14')")
    expect(page).to_have_url(re.compile(r"release/keras3\.14\.html$"))
    page.goto(f"{(line / 'site').as_uri()}/pictures.html")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.locator("#coverage-h5 a:text-is('keras3.14')").first.click()
    expect(page).to_have_url(re.compile(r"release/keras3\.14\.html#reader$"))
