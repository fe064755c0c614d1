"""The declarations of a run as the scripts of its pages need them: words, styles, lines of code.

No script has a table of its own of outcomes, families or verdicts: all of it comes from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.analyse.attribution import ATTRIBUTION_TEXT
from runner.domain import OUTCOME_TABLE, Family
from runner.domain.environments import FAMILY_CSS
from runner.render.parts.text import code_line, example_path


def index_data(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of `data/index.js`."""
    return {
        "outcomes": {
            str(style.outcome): {
                "symbol": style.symbol,
                "label": style.label,
                "explanation": style.explanation,
                "css": style.css,
                "ran": style.measured,
            }
            for style in OUTCOME_TABLE
        },
        "environments": {
            each["id"]: {
                "python": each["python_version"] or each["python"],
                "backend": each["backend"],
                "family": each["family"],
                "css": FAMILY_CSS[Family(each["family"])],
                "released": each["released"],
                "reason": each["reason"],
                "resolved": each["resolved"],
            }
            for each in run["environments"]
        },
        "scenarios": {
            each["id"]: {
                "title": each["title"],
                "summary": each["summary"],
                "group": each["group"],
                "rtol": each["rtol"],
                "atol": each["atol"],
            }
            for each in run["scenarios"]
        },
        "remedies": {
            each["id"]: {
                "title": each["title"],
                "code": {
                    name: code_line(each["code"], example_path(name)) for name in each["formats"]
                },
                "gives_up": each["gives_up"],
            }
            for each in run["remedies"]
        },
        "causes": {
            each["id"]: {name: each[name] for name in ("title", "explanation", "links")}
            for each in run.get("causes", [])
        },
        "attributions": ATTRIBUTION_TEXT,
        "formats": list(run["formats"]),
        "profile": run["profile"],
    }
