"""Stage 9: published data -> the HTML report.

Input: a folder written by `publish`, and nothing else. Output: a static site that opens
from the file system, without a network, byte for byte the same for the same data.

Everything a model or a framework wrote is untrusted: templates escape, scripts insert
text only as text, and every page forbids inline scripts and styles.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from runner.analyse.attribution import ATTRIBUTION_TEXT, attribute_failures
from runner.analyse.grids import MEASURED, OUTCOMES, Coded, Count, Mask, code_cells, tally
from runner.domain import BARE, OUTCOME_TABLE, Family, Outcome
from runner.domain.claims import VERDICT_STYLES
from runner.domain.environments import FAMILY_CSS, FAMILY_LABEL
from runner.publish.reading import ReportData, load_data
from runner.render.extras.files import (
    EXTRA_ASSETS,
    extra_files,
    prepare_templates,
    round_off_address,
    sitemap_text,
)
from runner.render.pages.overview import pack_cells
from runner.render.pages.scenario import PATHS, scenario_views
from runner.render.pages.summaries import (
    SHOWN_RULES,
    bare_loads,
    boundary_rows,
    cause_rows,
    control_groups,
    environment_rows,
)
from runner.render.parts.text import code_line, link_name, mark_code, split_paragraphs, upper_first
from runner.render.scripts.cells import record_cells, script, shard_texts
from runner.store import atomic_write_bytes

TEMPLATES = Path(__file__).resolve().parents[2] / "reports" / "templates"
SCRIPTS = (
    *("core.js", "cells.js", "grid.js", "state.js", "answer.js", "overview.js"),
    *("scenario.js", "cell.js"),
)
ASSETS = ("report.css", *SCRIPTS, *EXTRA_ASSETS)
GENERATED = ("*.html", "*.xml", "scenario/*.html", "data/*.js", "badges/*.svg", "api/**/*.json")
"""What a former report may have left behind."""
EQUIVALENT = OUTCOMES.index(Outcome.EQUIVALENT)
DIVERGED = OUTCOMES.index(Outcome.DIVERGED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioRow:
    """One line of the overview's list of scenarios, counting bare loads."""

    scenario: Mapping[str, Any]
    cells: int
    bare: int
    measured: int
    share: int
    counts: list[Count]


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedyRow:
    """How often one way of loading helped where the bare load did not do."""

    remedy: Mapping[str, Any]
    tried: int
    helped: int
    silent: int
    controls: int
    """Loads where the bare load was equivalent."""
    controls_good: int
    beside: int
    """Loads where a bare load could not be tried, as the reader does not have the format."""
    beside_good: int
    formats: list[tuple[str, int, int]]
    """Format, tried, helped."""

    @property
    def share(self) -> int:
        """Helped, in percent of tried."""
        return 100 * self.helped // self.tried if self.tried else 0


def render_site(data_dir: Path, site_dir: Path, base_url: str = "") -> None:
    """Write the report of the run in `data_dir` into `site_dir`.

    `base_url` is where the site will be served from: only a map of the site and previews of
    its links need it, as their addresses are absolute.
    """
    base_url = round_off_address(base_url)
    data = load_data(data_dir)
    coded = code_cells(data)
    href = Path(os.path.relpath(data_dir.resolve(), site_dir.resolve())).as_posix()
    written: set[Path] = set()

    def write(name: str, text: str) -> None:
        path = site_dir / name
        atomic_write_bytes(path, text.encode("utf-8", "replace"), durable=False)
        written.add(path)

    for name, text in _site_files(data, coded, href, base_url):
        write(name, text)
    if base_url:
        names = [path.relative_to(site_dir).as_posix() for path in written]
        write("sitemap.xml", sitemap_text(names, data.run["finished"], base_url))
    for pattern in GENERATED:
        for old in set(site_dir.glob(pattern)) - written:
            old.unlink(missing_ok=True)


def _site_files(
    data: ReportData, coded: Coded, data_href: str, base_url: str
) -> Iterator[tuple[str, str]]:
    """`(name, text)` of every file of the site."""
    templates = _load_templates(data.run, data_href, data.csv)
    prepare_templates(templates, base_url)
    yield "index.html", _index_page(templates, coded)
    for scenario, view in scenario_views(data, coded):
        page = templates.get_template("scenario.html").render(root="../", scenario=scenario, **view)
        yield f"scenario/{scenario['id']}.html", page
    for name, shown in _summaries(data, coded):
        yield name, templates.get_template(name).render(root="", **shown)
    yield "remedies.html", _remedies_page(templates, data, coded)
    yield "claims.html", _claims_page(templates, data)
    yield "scenarios.html", _scenarios_page(templates, data, coded)
    yield "data/grids.js", script("matrixGrids", pack_cells(data, coded))
    yield "cell.html", templates.get_template("cell.html").render(root="")
    yield "data/index.js", script("matrixIndex", _client_index(data.run))
    recorded = record_cells(data, coded, attribute_failures(data.cells))
    for name, text in shard_texts(coded, recorded):
        yield f"data/{name}", text
    yield from extra_files(data, coded, templates, data_href=data_href, base_url=base_url)
    for name in ASSETS:
        yield f"assets/{name}", (TEMPLATES / "assets" / name).read_text(encoding="utf-8")


def _summaries(data: ReportData, coded: Coded) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pages over the whole run, with what their templates show."""
    yield "environments.html", {"rows": environment_rows(data, coded)}
    cells, bare = len(coded.outcome), int(bare_loads(coded).sum())
    yield "causes.html", {"rows": cause_rows(data, coded), "cells": cells, "bare_cells": bare}
    boundaries = list(boundary_rows(data, coded))
    yield "boundaries.html", {"rows": boundaries, "shown": SHOWN_RULES, "cells": bare}
    yield "controls.html", {"groups": control_groups(data.run)}


def _load_templates(run: Mapping[str, Any], data_href: str, csv: str) -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["number"] = lambda value: f"{value:,}"
    templates.filters["paragraphs"] = split_paragraphs
    templates.filters["code_line"] = code_line
    templates.filters["prose"] = mark_code
    templates.filters["sentence"] = upper_first
    templates.filters["link_name"] = link_name
    templates.globals["page_name"] = _page_name
    templates.globals["scripts"] = _script_tags
    templates.tests["weblink"] = lambda url: bool(re.match(r"https?://", url))
    templates.globals.update(
        run=run,
        data_href=data_href,
        data_csv=csv,
        legend=OUTCOME_TABLE,
        outcomes={str(style.outcome): style for style in OUTCOME_TABLE},
        styles={str(style.verdict): style for style in VERDICT_STYLES},
        family_css={str(family): css for family, css in FAMILY_CSS.items()},
        families=[
            (FAMILY_CSS[family], FAMILY_LABEL[family])
            for family in Family
            if any(each["family"] == family for each in run["environments"])
        ],
        failed_controls=[each for each in run["controls"] if not each["passed"]],
    )
    return templates


def _script_tags(names: Sequence[str], data: Sequence[str] = (), root: str = "") -> Markup:
    """Make the tags of a page's own scripts, in their order, and of data it needs at once."""
    paths = [*(f"assets/{name}.js" for name in names), *(f"data/{name}.js" for name in data)]
    return Markup("\n").join(
        Markup('<script defer src="%s%s"></script>') % (root, path) for path in paths
    )


@jinja2.pass_context
def _page_name(context: jinja2.runtime.Context) -> str:
    """Return the template of the page being rendered, for the mark of where the reader is."""
    return str(context.name)


def _index_page(templates: jinja2.Environment, coded: Coded) -> str:
    bare = bare_loads(coded)
    return templates.get_template("index.html").render(
        root="",
        formats=[
            name for number, name in enumerate(coded.formats) if (coded.format == number).any()
        ],
        totals=tally(coded.outcome),
        cells=len(coded.outcome),
        bare_cells=int(bare.sum()),
        bare_counts=tally(coded.outcome[bare]),
        remedy_cells=int((~bare).sum()),
        remedy_counts=tally(coded.outcome[~bare]),
        headline=_headline(coded, bare),
    )


def _scenarios_page(templates: jinja2.Environment, data: ReportData, coded: Coded) -> str:
    bare = bare_loads(coded)
    return templates.get_template("scenarios.html").render(
        root="",
        cells=len(coded.outcome),
        bare_cells=int(bare.sum()),
        groups=_scenario_groups(data, coded, bare),
    )


def _headline(coded: Coded, bare: Mask) -> dict[str, int]:
    """Count the numbers of the first sentence, over bare loads that were really tried."""
    measured = bare & MEASURED[coded.outcome]
    other = measured & (coded.writer != coded.reader)
    failing = measured & (coded.outcome != EQUIVALENT)
    keys = coded.keys(remedy=0)
    tried = np.unique(keys[~bare & MEASURED[coded.outcome]])
    solved = np.unique(keys[~bare & (coded.outcome == EQUIVALENT)])
    return {
        "measured": int(measured.sum()),
        "equivalent": int((measured & (coded.outcome == EQUIVALENT)).sum()),
        "silent": int((measured & (coded.outcome == DIVERGED)).sum()),
        "other": int(other.sum()),
        "failing": int(failing.sum()),
        "tried": int(np.isin(keys[failing], tried).sum()),
        "solved": int(np.isin(keys[failing], solved).sum()),
    }


def _scenario_groups(
    data: ReportData, coded: Coded, bare: Mask
) -> list[tuple[str, list[ScenarioRow]]]:
    groups: dict[str, list[ScenarioRow]] = {}
    for place, scenario in enumerate(data.run["scenarios"]):
        here = coded.scenario == place
        outcomes = coded.outcome[here & bare]
        measured = int(MEASURED[outcomes].sum())
        good = int((outcomes == EQUIVALENT).sum())
        groups.setdefault(scenario["group"], []).append(
            ScenarioRow(
                scenario=scenario,
                cells=int(here.sum()),
                bare=len(outcomes),
                measured=measured,
                share=100 * good // measured if measured else 0,
                counts=tally(outcomes),
            )
        )
    return list(groups.items())


def _remedies_page(templates: jinja2.Environment, data: ReportData, coded: Coded) -> str:
    bare = bare_loads(coded)
    keys = coded.keys(remedy=0)
    measured, good = MEASURED[coded.outcome], coded.outcome == EQUIVALENT
    failing = np.unique(keys[bare & measured & ~good])
    after_failure = np.isin(keys, failing)
    after_success = np.isin(keys, keys[bare & good])
    by_format = [(name, coded.format == number) for number, name in enumerate(coded.formats)]
    rows = []
    for place, remedy in enumerate(data.run["remedies"]):
        here = (coded.remedy == place) & measured
        tried, control = here & after_failure, here & after_success
        beside = here & ~after_failure & ~after_success
        formats = [
            (name, int((tried & inside).sum()), int((tried & good & inside).sum()))
            for name, inside in by_format
        ]
        rows.append(
            RemedyRow(
                remedy=remedy,
                tried=int(tried.sum()),
                helped=int((tried & good).sum()),
                silent=int((tried & (coded.outcome == DIVERGED)).sum()),
                controls=int(control.sum()),
                controls_good=int((control & good).sum()),
                beside=int(beside.sum()),
                beside_good=int((beside & good).sum()),
                formats=[each for each in formats if each[1]],
            )
        )
    return templates.get_template("remedies.html").render(
        root="",
        failing=len(failing),
        rows=[row for row in rows if row.remedy["id"] != BARE],
        cells=len(coded.outcome),
        counts_all=tally(coded.outcome),
        bare_cells=int(bare.sum()),
    )


def _claims_page(templates: jinja2.Environment, data: ReportData) -> str:
    claims = data.claims["claims"] if data.claims else []
    articles = data.claims["articles"] if data.claims else []
    by_article = [
        (article, [each for each in claims if each["article"] == article["file"]])
        for article in articles
    ]
    totals = [
        (style, sum(each["verdict"] == style.verdict for each in claims))
        for style in VERDICT_STYLES
    ]
    return templates.get_template("claims.html").render(
        root="",
        by_article=by_article,
        totals=totals,
    )


def _client_index(run: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what scripts know beside the shards."""
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
                    name: code_line(each["code"], PATHS.get(name, "path"))
                    for name in each["formats"]
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
