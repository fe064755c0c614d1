"""The answer of a check as one page, in the report's style, with nothing beside it.

Input: an `Answer`. Output: HTML. Everything that a file or a framework wrote is escaped; the page
has no script and reaches nothing.
"""

from __future__ import annotations

import base64
import hashlib

from runner.check.answer import Answer
from runner.check.results import RESULTS
from runner.render.templates import TEMPLATES, plain_templates


def render(answer: Answer) -> str:
    """Return the page."""
    sheet = (TEMPLATES / "assets" / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode("ascii")
    return (
        plain_templates()
        .get_template("check.html")
        .render(
            answer=answer,
            sheet=sheet,
            sheet_digest=digest,
            facts=RESULTS,
        )
    )
