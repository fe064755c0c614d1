"""The answer of a check as one page, in the report's style, with nothing beside it.

Input: an `Answer`. Output: HTML. Everything that a file or a framework wrote is escaped; the page
has no script and reaches nothing.
"""

from __future__ import annotations

import base64
import hashlib

import jinja2

from runner.check.answer import Answer
from runner.check.results import RESULTS
from runner.render.templates import TEMPLATES


def render(answer: Answer) -> str:
    """Return the page."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sheet = (TEMPLATES / "assets" / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode("ascii")
    return templates.get_template("check.html").render(
        answer=answer,
        sheet=sheet,
        sheet_digest=digest,
        facts=RESULTS,
    )
