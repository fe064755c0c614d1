"""A visitor's own model file: a script reads it in the browser, and tells what the run knows."""

from __future__ import annotations

from collections.abc import Iterator

from runner.render.page import File, Page, Site


def _files(site: Site) -> Iterator[File]:
    yield site.render(PAGE, witnesses=bool(site.declared.scenarios))


PAGE = Page(name="file", order=15, label="Your file", files=_files)
