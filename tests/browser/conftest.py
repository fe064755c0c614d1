"""The report of a hostile small run, opened from the file system in a real browser.

Every page of these tests fails its test if a script of it raises, if anything of the data
executes, or if it asks for anything that is not a file of the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from chromium import DESKTOP, NoBrowserError, open_browser
from playwright.sync_api import Browser, BrowserContext, Page, Request
from report_fixtures import HOSTILE, make_run, publish_run, write_record

from runner.analyse.claims.table import Table
from runner.analyse.claims.verdict import judge_claims
from runner.domain import CellSet, Claim, ClaimSet, Event, Prediction, Share
from runner.publish.tables import build_cells, build_observations
from runner.render.site import render_site

SOURCE = f'"""Left out."""\n\nimport keras\n\nTEXT = """{HOSTILE}"""\n'
CLAIM = Claim(
    id="c001.loads",
    article="one.txt",
    statement=f"It loads everywhere {HOSTILE}",
    note=HOSTILE,
    decided_by=CellSet(cells=("plain_dense/h5/*->*/none",)),
    predicts=Prediction(share=Share.ALL, event=Event.EQUIVALENT),
)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    opened = open_browser()
    try:
        found = opened.__enter__()
    except NoBrowserError as error:
        pytest.skip(str(error))
    yield found
    opened.__exit__(None, None, None)


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """Folder of the data; the site is in `site`."""
    folder = tmp_path_factory.mktemp("report")
    run = make_run()
    record = publish_run(run, folder, sources={"plain_dense": SOURCE})
    claims = judge_claims(
        ClaimSet(articles={"one.txt": f"First {HOSTILE}"}, claims=(CLAIM,)),
        Table(
            build_cells(run.results, run.order),
            build_observations(run.results, run.order),
            record.environments,
            {},
        ),
        run=record,
    )
    write_record(folder, "claims.json", claims)
    render_site(folder, folder / "site")
    return folder


@dataclass
class Watch:
    """What went wrong on any page of a context."""

    problems: list[str] = field(default_factory=list)

    def context(self, context: BrowserContext) -> None:
        context.on("page", self.page)
        context.on("request", self.request)

    def page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.problems.append(f"raised: {error}"))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda said: said.type == "error" and self.problems.append(f"console: {said.text}"),
        )

    def request(self, request: Request) -> None:
        if not request.url.startswith(("file:", "blob:file:", "blob:null", "data:")):
            self.problems.append(f"asked for {request.url}")


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=DESKTOP, accept_downloads=True)
    opened.set_default_timeout(20_000)
    watch.context(opened)
    yield opened
    owned = [page.url for page in opened.pages if is_owned(page)]
    opened.close()
    assert not owned
    assert watch.problems == []


def is_owned(page: Page) -> bool:
    """Whether anything of HOSTILE was executed or became an element."""
    return bool(
        page.evaluate(
            "() => document.title === 'owned' || 'owned' in globalThis"
            " || document.querySelector('img, iframe, script:not([src]), [onerror]') !== null"
        )
    )


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def visit(page: Page, report: Path) -> Callable[[str], Page]:
    """Open a page of the report by its name, with what follows `#`."""

    def go(name: str) -> Page:
        file, _, part = name.partition("#")
        page.goto((report / "site" / file).as_uri() + (f"#{part}" if part else ""))
        return page

    return go


@pytest.fixture
def overview(visit: Callable[[str], Page]) -> Page:
    """The first page, whole."""
    page = visit("index.html")
    page.wait_for_selector("#pairs tbody td")
    # The other ways of loading come after the first view.
    page.wait_for_selector("#answer[aria-busy=false]")
    return page
