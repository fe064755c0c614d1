"""The site of a run: pages, the data of their scripts, and extras, written as files.

Input: a folder written by `publish`, and nothing else. Output: a static site that opens
from the file system, without a network, byte for byte the same for the same data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from runner.analyse.grids import code_cells
from runner.publish.reading import load_data
from runner.render.extras import extra_files
from runner.render.extras.sitemap import round_off_address, sitemap_text
from runner.render.page import File, Site
from runner.render.pages import PAGES
from runner.render.scripts import script_files
from runner.render.templates import TEMPLATES, load_templates
from runner.store import atomic_write_bytes

GENERATED = (
    *("*.html", "*.xml", "scenario/*.html", "data/*.js", "badges/*.svg", "api/**/*.json"),
    *("assets/*.js", "assets/*.css"),
)
"""What a former report may have left behind."""


def render_site(data_dir: Path, site_dir: Path, base_url: str = "") -> None:
    """Write the report of the run in `data_dir` into `site_dir`.

    `base_url` is where the site will be served from: only a map of the site and previews of
    its links need it, as their addresses are absolute.
    """
    base_url = round_off_address(base_url)
    data = load_data(data_dir)
    href = Path(os.path.relpath(data_dir.resolve(), site_dir.resolve())).as_posix()
    site = Site(
        data=data,
        coded=code_cells(data),
        templates=load_templates(data.run, PAGES, data_href=href, csv=data.csv),
        data_href=href,
        base_url=base_url,
    )
    written: set[Path] = set()
    for name, text in _site_files(site):
        path = site_dir / name
        atomic_write_bytes(path, text.encode("utf-8", "replace"), durable=False)
        written.add(path)
    for pattern in GENERATED:
        for old in set(site_dir.glob(pattern)) - written:
            old.unlink(missing_ok=True)


def _site_files(site: Site) -> Iterator[File]:
    """`(name, text)` of every file of the site."""
    listed: list[str] = []
    for page in PAGES:
        for name, text in page.files(site):
            if page.listed:
                listed.append(name)
            yield name, text
    yield from script_files(site)
    yield from extra_files(site)
    if site.base_url:
        yield "sitemap.xml", sitemap_text(listed, site.data.run.finished, site.base_url)
    for path in sorted((TEMPLATES / "assets").glob("*.*s")):
        yield f"assets/{path.name}", path.read_text(encoding="utf-8")
