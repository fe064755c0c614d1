"""Rebuild the pages from data alone."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.run_data import find_folder
from runner.domain.request import Request


@click.command(
    "report",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s report", "the pages of the last run"),
        (
            "nox -s report -- --data reports/published --base-url https://example.org/matrix/",
            "those of the published run, for the address where it is served",
        ),
    ),
)
@options.data
@options.out
@click.option(
    "--site", type=options.PATH, metavar="FOLDER", help="Folder of the pages (default: DATA/site)."
)
@click.option(
    "--base-url",
    default="",
    metavar="URL",
    help="Where it will be served: for the map of the site and the previews.",
)
@click.option(
    "--project-url",
    default="",
    metavar="URL",
    help="Where the project is: pages lead to it, and to its issues.",
)
def command(
    request: Request, *, data: Path | None, site: Path | None, base_url: str, project_url: str
) -> int:
    """Render the pages again; those of the published run only where it is named."""
    from runner.declare.catalog import load_catalog
    from runner.declare.causes import load_causes
    from runner.render.page import Declarations
    from runner.render.site import render_site

    folder = find_folder(request, data)
    # Pages nobody asked to change stay as they are: those of a run that is only read go
    # where one's own would be.
    own = folder if data is not None or folder == request.out else request.out
    pages = site or own / "site"
    declared = Declarations(
        causes=load_causes(request.root / "scenarios" / "causes.toml"),
        scenarios=load_catalog(request.root).scenarios,
    )
    render_site(folder, pages, base_url, declared, project_url)
    print(f"report: {pages / 'index.html'}")
    return 0
