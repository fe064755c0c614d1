"""A page is a module and a template: the registry, the folder and the navigation agree."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from report_fixtures import make_run, publish_run

from runner.render import pages
from runner.render.page import Page
from runner.render.pages import PAGES
from runner.render.site import render_site
from runner.render.templates import TEMPLATES

FRAME = "base.html"
"""What every page extends; what several pages include is in `parts/`."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    publish_run(make_run(), folder)
    render_site(folder, folder / "site")
    return folder / "site"


OF_COMMANDS = frozenset({"check.html"})
"""Templates of pages that a command writes for one user, outside the site."""


def page_modules() -> dict[str, object]:
    """The page of each module of the folder, by the module's name."""
    folder = Path(pages.__file__).parent
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    return {name: import_module(f"runner.render.pages.{name}").PAGE for name in names}


def test_every_module_is_one_page_of_its_name_and_is_in_the_registry() -> None:
    found = page_modules()

    assert all(isinstance(page, Page) for page in found.values())
    assert {name: page.name for name, page in found.items() if isinstance(page, Page)} == {
        name: name for name in found
    }
    assert sorted(page.name for page in PAGES) == sorted(found)


def test_every_template_belongs_to_exactly_one_page() -> None:
    templates = {path.name for path in TEMPLATES.glob("*.html")} - {FRAME} - OF_COMMANDS

    assert sorted(page.template for page in PAGES) == sorted(templates)


def test_parts_are_used_and_are_no_pages() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")}
    for part in (TEMPLATES / "parts").iterdir():
        users = [path for path, text in texts.items() if f'"parts/{part.name}"' in text]
        assert users, part
        assert FRAME not in texts[part], part


def test_no_two_pages_have_one_place() -> None:
    twice = [order for order, number in Counter(page.order for page in PAGES).items() if number > 1]

    assert not twice
    assert list(PAGES) == sorted(PAGES, key=lambda page: page.order)


def test_a_page_outside_the_navigation_is_marked_at_one_inside() -> None:
    inside = {page.name for page in PAGES if page.label}

    assert not [page.name for page in PAGES if page.parent and page.parent not in inside]
    assert not [page.name for page in PAGES if page.parent and page.label]


def test_the_navigation_of_every_page_is_that_of_the_registry(site: Path) -> None:
    wanted = [(page.template, page.label) for page in PAGES if page.label]
    by_file = {page.template: page for page in PAGES}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        folder, _, inside = name.partition("/")
        page = by_file[f"{folder}.html" if inside else name]
        nav = re.findall(r'<nav aria-label="Pages">(.*?)</nav>', path.read_text("utf-8"), re.DOTALL)
        root = "../" * name.count("/")
        links = re.findall(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>([^<]+)</a>', nav[0])
        assert [(href.removeprefix(root), label) for href, _, label in links] == wanted, name
        marked = [(href.removeprefix(root), mark) for href, mark, _ in links if mark]
        if page.label:
            assert marked == [(page.template, "page")], name
        elif page.parent:
            assert marked == [(f"{page.parent}.html", "true")], name
        else:
            assert marked == [], name
