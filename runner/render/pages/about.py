"""The page about the report: its words, its data, its badges, and how to run and correct it."""

from __future__ import annotations

from collections.abc import Iterator

from runner.analyse.attribution import ATTRIBUTION_TEXT
from runner.domain import ORIGIN_TABLE, OUTCOME_TABLE
from runner.domain.claims import VERDICT_STYLES
from runner.domain.scenarios import ASPECT_WORDS
from runner.domain.verdicts import CHANGE_STYLES
from runner.render.page import File, Page, Site


def _files(site: Site) -> Iterator[File]:
    yield site.render(
        PAGE,
        outcome_table=OUTCOME_TABLE,
        origins=[each for each in ORIGIN_TABLE if each.origin],
        attributions=ATTRIBUTION_TEXT,
        verdicts=VERDICT_STYLES,
        changes=CHANGE_STYLES,
        aspects=ASPECT_WORDS,
        formats=site.coded.formats,
    )


PAGE = Page(name="about", order=110, files=_files)
