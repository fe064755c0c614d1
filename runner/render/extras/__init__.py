"""The extras of the site, which are no pages: the feed, badges and the JSON API."""

from __future__ import annotations

from collections.abc import Iterator

from runner.render.extras.api import api_files
from runner.render.extras.badges import badge_files
from runner.render.extras.feed import feed_text
from runner.render.page import File, Site


def extra_files(site: Site) -> Iterator[File]:
    """`(name, text)` of every such file but the map of the site, which names the pages."""
    yield "feed.xml", feed_text(site.data.run, site.data.changes, site.releases, site.base_url)
    yield from badge_files(site.coded, site.about)
    yield from api_files(site.data, site.coded, site.advice, site.data_href)
