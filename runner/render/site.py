"""The site of a run: pages, the data of their scripts, and extras, written as files.

Input: a published run, and nothing else. Output: a static site that opens
from the file system, without a network, byte for byte the same for the same data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from runner.analyse.ages import summarize_ages
from runner.analyse.grids import code_cells
from runner.publish.change_points import (
    CHANGE_POINTS_FILE,
    BisectionRecord,
    read_change_points,
)
from runner.publish.files import DATA_FILES, publish_files
from runner.publish.placing import place
from runner.publish.reading import PARQUET, PublishedRun, load_data, name_csv
from runner.render.extras import extra_files
from runner.render.extras.sitemap import round_off_address, sitemap_text
from runner.render.page import Declarations, File, Site
from runner.render.pages import PAGES
from runner.render.scripts import script_files
from runner.render.templates import TEMPLATES, load_templates

GENERATED = (
    *("*.html", "*.xml", "scenario/*.html", "release/*.html", "data/*.js", "badges/*.svg"),
    *("api/**/*.json", "assets/*.js", "assets/*.css", "assets/*.svg", "assets/vendor/**/*.*"),
    "files/*",
)
"""Globs over the files of former reports."""


NOTHING = Declarations()
"""For a site of a run alone."""
SITE = "site"
"""The folder of the site among the data of its run."""
CARRIED = "files"
"""The folder of the data in the site."""


def publish_site(
    out: Path,
    published: PublishedRun,
    data: Sequence[tuple[str, bytes]],
    declared: Declarations = NOTHING,
) -> Path:
    """Put the data of a run (name, content) and its report in place at once; return the page.

    `declared` is what the run was asked by; see `Declarations`.

    Raises:
        StoreError: they could not be written; the run before is untouched.
    """
    shown = replace(published, csv=name_csv({name for name, _ in data}))
    bisections = read_change_points(out / CHANGE_POINTS_FILE).bisections
    pages = site_files(shown, data_href=CARRIED, declared=declared, bisections=bisections)
    files = chain(pages, _carried(data, shown.csv))
    site = ((f"{SITE}/{name}", content) for name, content in files)
    ours = (*DATA_FILES, *(f"{SITE}/{pattern}" for pattern in GENERATED))
    publish_files(out, chain(data, site), ours=ours)
    return out / SITE / "index.html"


def render_site(
    data_dir: Path,
    site_dir: Path,
    base_url: str = "",
    declared: Declarations = NOTHING,
    project_url: str = "",
) -> None:
    """Write the report of the run in `data_dir` into `site_dir`, all at once or not at all.

    `base_url` is where the site will be served from: only a map of the site and previews of
    its links need it, as their addresses are absolute. `declared` is what the run was asked
    by; see `Declarations`.
    `project_url` is where the project is, so that pages can lead to it.
    """
    base_url = round_off_address(base_url)
    project_url = round_off_address(project_url, "--project-url").rstrip("/")
    data = load_data(data_dir)
    files = site_files(
        data,
        data_href=CARRIED,
        base_url=base_url,
        declared=declared,
        project_url=project_url,
        bisections=read_change_points(data_dir / CHANGE_POINTS_FILE).bisections,
    )
    there = ((name, (data_dir / name).read_bytes()) for name in _carried_names(data.csv))
    place(site_dir, chain(files, _carried(there, data.csv)), ours=GENERATED)


def _carried(data: Iterable[tuple[str, bytes]], csv: str) -> Iterator[tuple[str, bytes]]:
    """Yield the data that pages lead to, as files of the site: it may be served alone."""
    names = _carried_names(csv)
    yield from ((f"{CARRIED}/{name}", content) for name, content in data if name in names)


def _carried_names(csv: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((csv, PARQUET, "observations.parquet", "run.json")))


def site_files(
    data: PublishedRun,
    *,
    data_href: str,
    base_url: str = "",
    declared: Declarations = NOTHING,
    project_url: str = "",
    bisections: Sequence[BisectionRecord] = (),
) -> Iterator[tuple[str, bytes]]:
    """`(name, content)` of every page; `data_href` leads from the site to the data."""
    site = Site(
        data=data,
        coded=code_cells(data),
        templates=load_templates(
            data.run,
            PAGES,
            ages=summarize_ages(data.cells),
            data_href=data_href,
            csv=data.csv,
            project=project_url,
        ),
        data_href=data_href,
        base_url=base_url,
        declared=declared,
        bisections=bisections,
    )
    for name, text in _site_files(site):
        yield name, text.encode("utf-8", "replace")


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
    for path in sorted((TEMPLATES / "assets").glob("*.*")):
        yield f"assets/{path.name}", path.read_text(encoding="utf-8")
    for path in sorted((TEMPLATES / "assets" / "vendor").glob("*/*.*")):
        yield path.relative_to(TEMPLATES).as_posix(), path.read_text(encoding="utf-8")
