"""The search: one box for all that has an address; a script finds, in data that it loads itself."""

from __future__ import annotations

from collections.abc import Iterator

from runner.render.page import File, Page, Site


def _files(site: Site) -> Iterator[File]:
    yield site.render(PAGE, errors=len(site.messages))


PAGE = Page(name="search", order=95, files=_files)
"""The box in the head of every page leads to it."""
