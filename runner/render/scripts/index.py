"""The declarations of a run as the scripts of its pages need them: words, styles, lines of code.

No script has a table of its own of outcomes, families or verdicts: all of it comes from here.
"""

from __future__ import annotations

from typing import Any

from runner.analyse.attribution import ATTRIBUTION_TEXT
from runner.domain import ORIGIN_TABLE, OUTCOME_TABLE
from runner.domain.environments import FAMILY_CSS
from runner.domain.scenarios import ASPECT_WORDS
from runner.publish.record import RunRecord
from runner.render.parts.text import code_line, example_path


def index_data(run: RunRecord) -> dict[str, Any]:
    """Return the value of `data/index.js`."""
    return {
        "outcomes": {
            str(style.outcome): {
                "symbol": style.symbol,
                "label": style.label,
                "explanation": style.explanation,
                "css": style.css,
                "ran": style.measured,
                "judged": style.judged,
                "remediable": style.remediable,
            }
            for style in OUTCOME_TABLE
        },
        "environments": {
            each.id: {
                "python": each.python_version or each.python,
                "backend": each.backend,
                "family": each.family,
                "css": FAMILY_CSS[each.family],
                "released": each.released.isoformat(),
                "first_released": each.first_released.isoformat(),
                "reason": each.reason,
                "resolved": each.resolved,
            }
            for each in run.environments
        },
        "scenarios": {
            each.id: {
                "title": each.title,
                "summary": each.summary,
                "group": each.group,
                "rtol": each.rtol,
                "atol": each.atol,
                "aspects": each.aspects,
                "damaged": bool(each.damage),
            }
            for each in run.scenarios
        },
        "remedies": {
            each.id: {
                "title": each.title,
                "code": {name: code_line(each.code, example_path(name)) for name in each.formats},
                "gives_up": each.gives_up,
            }
            for each in run.remedies
        },
        "causes": {each.id: {"title": each.title} for each in run.causes},
        "attributions": ATTRIBUTION_TEXT,
        "formats": list(map(str, run.formats)),
        "carries": {str(name): list(map(str, each)) for name, each in run.formats.items()},
        "aspects": {str(name): words for name, words in ASPECT_WORDS.items()},
        "profile": run.profile,
        "run": {
            "started": run.started,
            "cells": run.totals.cells,
            "kept": {"started": run.kept.started, "cells": run.kept.cells} if run.kept else None,
        },
        "origins": {
            str(each.origin): {"label": each.label, "explanation": each.explanation}
            for each in ORIGIN_TABLE
        },
    }


def cause_data(run: RunRecord) -> dict[str, Any]:
    """Return the value of `data/causes.js`: what a first view of the titles does not need."""
    return {each.id: {"explanation": each.explanation, "links": each.links} for each in run.causes}
