"""The templates of the pages, with the filters and the words that all of them use.

Everything a model or a framework wrote is untrusted: templates escape, scripts insert text
only as text, and every page forbids inline scripts and styles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from runner.analyse.ages import AgeSummary
from runner.domain import OUTCOME_TABLE, Family
from runner.domain.claims import VERDICT_STYLES
from runner.domain.environments import FAMILY_CSS, FAMILY_LABEL
from runner.publish.record import RunRecord
from runner.render.page import Page
from runner.render.parts.svg import mark_path
from runner.render.parts.text import (
    code_line,
    link_name,
    mark_code,
    split_paragraphs,
    upper_first,
    write_moment,
)

TEMPLATES = Path(__file__).resolve().parents[2] / "reports" / "templates"


def plain_templates() -> jinja2.Environment:
    """Return the templates as every page has them: escaped, and strict on what is not given."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def load_templates(
    run: RunRecord,
    pages: Sequence[Page],
    *,
    ages: AgeSummary,
    data_href: str,
    csv: str,
    project: str,
) -> jinja2.Environment:
    """Return the templates for the pages of one run; `csv` is the name of the cells as text."""
    templates = plain_templates()
    templates.filters.update(
        number=lambda value: f"{value:,}",
        paragraphs=split_paragraphs,
        code_line=code_line,
        mark_code=mark_code,
        sentence=upper_first,
        link_name=link_name,
        moment=write_moment,
        mark=lambda shape: mark_path(shape, 6, 6),
    )
    templates.tests["contains_word"] = lambda text, word: word in text.split()
    templates.tests["weblink"] = lambda url: bool(re.match(r"https?://", url))
    templates.globals.update(
        scripts=_script_tags,
        navigation=[page for page in pages if page.label],
        run=run,
        ages=ages,
        data_href=data_href,
        data_csv=csv,
        project=project,
        legend=OUTCOME_TABLE,
        outcomes={str(style.outcome): style for style in OUTCOME_TABLE},
        styles={str(style.verdict): style for style in VERDICT_STYLES},
        family_css={str(family): css for family, css in FAMILY_CSS.items()},
        families=[
            (FAMILY_CSS[family], FAMILY_LABEL[family])
            for family in Family
            if any(each.family == family for each in run.environments)
        ],
        failed_controls=[each for each in run.controls if not each.passed],
    )
    return templates


def _script_tags(names: Sequence[str], data: Sequence[str] = (), root: str = "") -> Markup:
    """Make the tags of a page's own scripts, in their order, and of data it needs at once."""
    paths = [*(f"assets/{name}.js" for name in names), *(f"data/{name}.js" for name in data)]
    return Markup("\n").join(
        Markup('<script defer src="%s%s"></script>') % (root, path) for path in paths
    )
