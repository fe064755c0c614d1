"""The page of one cell: a frame that a script fills with the cell its address names."""

from __future__ import annotations

from collections.abc import Iterator

from runner.render.page import File, Page, Site


def _files(site: Site) -> Iterator[File]:
    yield site.render(PAGE)


PAGE = Page(name="cell", order=22, parent="scenarios", listed=False, files=_files)
