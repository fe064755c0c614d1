"""The page that compares two runs, and lists the published ones with their changes."""

from __future__ import annotations

from collections.abc import Iterator

from runner.analyse.changes import enter_run
from runner.domain import Change
from runner.domain.verdicts import CHANGE_STYLES
from runner.render.extras.feed import describe_entry
from runner.render.page import File, Page, Site


def _files(site: Site) -> Iterator[File]:
    changes = site.data.changes
    entries = changes.runs if changes else (enter_run(site.data.run),)
    yield site.render(
        PAGE,
        changes=[style for style in CHANGE_STYLES if style.change is not Change.SAME],
        history=[(describe_entry(each), each) for each in entries],
    )


PAGE = Page(name="compare", order=90, label="Compare", files=_files)
