"""Every file of the site beside the pages of the matrix, and the addresses of all of them.

Input: data, coded cells and the site's templates. Output: `(name, text)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

import jinja2

from runner.analyse.grids import Coded
from runner.domain import Change
from runner.domain.errors import ConfigurationError
from runner.domain.verdicts import CHANGE_STYLES
from runner.publish.reading import ReportData
from runner.render.extras.api import api_files
from runner.render.extras.badges import badge_files
from runner.render.extras.feed import describe_entry, feed_text, first_entry
from runner.render.extras.pictures import picture_page
from runner.render.parts.svg import mark_path
from runner.render.scripts.cells import script
from runner.render.scripts.compare import compare_data

EXTRA_ASSETS = ("extras.css", "runfile.js", "compare.js")


def prepare_templates(templates: jinja2.Environment, base_url: str) -> None:
    """Give the templates what `meta.html` and `pictures.html` ask for."""
    templates.globals.update(base_url=base_url, page_address=page_address)
    templates.filters["mark"] = lambda shape: mark_path(shape, 6, 6)


def extra_files(
    data: ReportData,
    coded: Coded,
    templates: jinja2.Environment,
    *,
    data_href: str,
    base_url: str = "",
) -> Iterator[tuple[str, str]]:
    """`(name, text)` of every file; `base_url` ends with a slash, or is empty."""
    yield "compare.html", _compare_page(data, templates)
    yield "data/compare.js", script("matrixCells", compare_data(data, coded))
    pictures = picture_page(data, coded)
    yield "pictures.html", templates.get_template("pictures.html").render(root="", **pictures)
    yield "feed.xml", feed_text(data.run, data.changes, base_url)
    yield from badge_files(coded)
    yield from api_files(data, coded, data_href)


def round_off_address(base_url: str) -> str:
    """Return the address the site is served from with a slash at its end; empty stays so.

    Raises:
        ConfigurationError: it is no web address.
    """
    if not base_url:
        return ""
    if not base_url.startswith(("https://", "http://")) or set(base_url) & set(" \"'<>?#"):
        raise ConfigurationError(
            f"{base_url!r} is not an address a site can be served from",
            cause="it has to begin with https:// or http://, without a query",
            next_step="give --base-url https://HOST/PATH/, or leave it out",
        )
    return base_url.rstrip("/") + "/"


def sitemap_text(names: Iterable[str], modified: str, base_url: str) -> str:
    """Write the map of the site from its files' names; addresses in it have to be absolute."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ]
    # The page of a cell says nothing without the cell's id.
    for page in sorted(name for name in names if name.endswith(".html") and name != "cell.html"):
        address = escape(base_url + ("" if page == "index.html" else page))
        lines.append(f"<url><loc>{address}</loc><lastmod>{escape(modified)}</lastmod></url>")
    return "\n".join([*lines, "</urlset>", ""])


@jinja2.pass_context
def page_address(context: jinja2.runtime.Context) -> str:
    """Return the absolute address of the page being rendered; empty without a base address."""
    base_url = str(context.get("base_url", ""))
    if not base_url:
        return ""
    name = str(context.name)
    if name == "scenario.html":
        name = f"scenario/{context['scenario']['id']}.html"
    return base_url + ("" if name == "index.html" else name)


def _compare_page(data: ReportData, templates: jinja2.Environment) -> str:
    entries: list[dict[str, Any]] = (
        list(data.changes["runs"]) if data.changes else [first_entry(data.run)]
    )
    return templates.get_template("compare.html").render(
        root="",
        changes=[style for style in CHANGE_STYLES if style.change is not Change.SAME],
        history=[(describe_entry(each), each) for each in entries],
    )
