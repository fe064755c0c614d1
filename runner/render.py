"""Stage 9: published data -> the HTML report.

Input: a folder written by `publish`, and nothing else. Output: a static site that opens
from the file system, without a network, byte for byte the same for the same data.

Everything a model or a framework wrote is untrusted: templates escape, scripts insert
text only as text, and every page forbids inline scripts and styles.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from runner.attribution import ATTRIBUTION_TEXT, attribute_failures
from runner.boundaries import describe_boundaries
from runner.domain import UNCLASSIFIED, Family, Outcome
from runner.errors import StoreError
from runner.explore import pack_cells
from runner.grids import (
    BARE,
    BLANK,
    MEASURED,
    OUTCOMES,
    Coded,
    Codes,
    Count,
    Mask,
    best_grid,
    code_cells,
    outcome_counts,
    outcome_grid,
    outcome_matrix,
    share_grid,
    tally,
)
from runner.report_data import ReportData, load_data
from runner.shards import record_cells, script, shard_texts
from runner.store import atomic_write_bytes
from runner.vocabulary import FAMILY_CSS, FAMILY_LABEL, OUTCOME_STYLES, VERDICT_STYLES

TEMPLATES = Path(__file__).resolve().parent.parent / "reports" / "templates"
ASSETS = ("report.css", "report.js", "cell.js", "explore.js")
GENERATED = ("*.html", "scenario/*.html", "data/*.js")
"""What a former report may have left behind."""
EQUIVALENT = OUTCOMES.index(Outcome.EQUIVALENT)
DIVERGED = OUTCOMES.index(Outcome.DIVERGED)
BLANK_LETTER = "_"
PATHS = {
    "h5": "'model.h5'",
    "keras": "'model.keras'",
    "saved_model": "'model'",
    "weights_h5": "'model.weights.h5'",
    "json_weights": "'model.weights.h5'",
    "tf_checkpoint": "'checkpoint'",
    "export": "'model'",
}
"""What a person's own file would be called in a line of code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GridView:
    """One grid of a page with the counts it must reconcile with."""

    name: str
    title: str
    code: str
    cells: int
    counts: list[Count]
    table: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatView:
    """The grids of one format on a scenario's page."""

    name: str
    cells: int
    counts: list[Count]
    grids: list[GridView]
    best: Markup | None
    """The cheapest way that works, where a remedy helped at all."""
    best_used: list[tuple[int, str, int]]
    """Number and title of a remedy, and for how many pairs it is the cheapest that works."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseCount:
    """How many cells of a scenario have one cause."""

    id: str
    title: str
    explanation: str
    cells: int


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
    controls_good: int
    formats: list[tuple[str, int, int]]
    """Format, tried, helped."""

    @property
    def share(self) -> int:
        """Helped, in percent of tried."""
        return 100 * self.helped // self.tried if self.tried else 0


def render_site(data_dir: Path, site_dir: Path) -> None:
    """Write the report of the run in `data_dir` into `site_dir`."""
    data = load_data(data_dir)
    coded = code_cells(data)
    href = Path(os.path.relpath(data_dir.resolve(), site_dir.resolve())).as_posix()
    written: set[Path] = set()
    for name, text in _site_files(data, coded, href):
        path = site_dir / name
        atomic_write_bytes(path, text.encode("utf-8", "replace"), durable=False)
        written.add(path)
    for pattern in GENERATED:
        for old in set(site_dir.glob(pattern)) - written:
            old.unlink(missing_ok=True)


def _site_files(data: ReportData, coded: Coded, data_href: str) -> Iterator[tuple[str, str]]:
    """`(name, text)` of every file of the site."""
    templates = _load_templates(data.run, data_href)
    yield "index.html", _index_page(templates, data, coded)
    causes = _cause_counts(data)
    for place, scenario in enumerate(data.run["scenarios"]):
        page = _scenario_page(templates, coded, place, scenario, causes.get(scenario["id"], []))
        yield f"scenario/{scenario['id']}.html", page
    yield "environments.html", templates.get_template("environments.html").render(root="")
    yield "remedies.html", _remedies_page(templates, data, coded)
    yield "claims.html", _claims_page(templates, data)
    yield "explore.html", templates.get_template("explore.html").render(root="")
    yield "data/explore.js", script("matrixExplore", pack_cells(data, coded))
    yield "cell.html", templates.get_template("cell.html").render(root="")
    yield "data/index.js", script("matrixIndex", _client_index(data.run))
    yield "data/overview.js", script("matrixOverview", _overview_letters(coded))
    recorded = record_cells(data, coded, attribute_failures(data.cells))
    for name, text in shard_texts(coded, recorded):
        yield f"data/{name}", text
    for name in ASSETS:
        yield f"assets/{name}", (TEMPLATES / "assets" / name).read_text(encoding="utf-8")


def _load_templates(run: Mapping[str, Any], data_href: str) -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["number"] = lambda value: f"{value:,}"
    templates.filters["paragraphs"] = _paragraphs
    templates.filters["code_line"] = code_line
    templates.tests["weblink"] = lambda url: bool(re.match(r"https?://", url))
    templates.globals.update(
        run=run,
        data_href=data_href,
        legend=OUTCOME_STYLES,
        family_css={str(family): css for family, css in FAMILY_CSS.items()},
        families=[
            (FAMILY_CSS[family], FAMILY_LABEL[family])
            for family in Family
            if any(each["family"] == family for each in run["environments"])
        ],
        failed_controls=[each for each in run["controls"] if not each["passed"]],
    )
    return templates


def _index_page(templates: jinja2.Environment, data: ReportData, coded: Coded) -> str:
    bare = _bare(coded)
    overviews = []
    for place, name in enumerate(coded.formats):
        rows = np.flatnonzero(bare & (coded.format == place))
        if not len(rows):
            continue
        counts = outcome_counts(coded, rows)
        overviews.append(
            GridView(
                name=name,
                title=name,
                code="",
                cells=len(rows),
                counts=tally(coded.outcome[rows]),
                table=share_grid(coded, counts),
            )
        )
    remedied = np.flatnonzero(~bare)
    return templates.get_template("index.html").render(
        root="",
        totals=tally(coded.outcome),
        cells=len(coded.outcome),
        bare_cells=int(bare.sum()),
        remedy_cells=len(remedied),
        remedy_counts=tally(coded.outcome[remedied]),
        headline=_headline(coded, bare),
        overviews=overviews,
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


def _scenario_page(
    templates: jinja2.Environment,
    coded: Coded,
    place: int,
    scenario: Mapping[str, Any],
    causes: Sequence[CauseCount],
) -> str:
    here = np.flatnonzero(coded.scenario == place)
    remedies = {each["id"]: each for each in templates.globals["run"]["remedies"]}  # type: ignore[index]
    formats = []
    for number, name in enumerate(coded.formats):
        rows = here[coded.format[here] == number]
        if len(rows):
            formats.append(_format_view(coded, rows, name, remedies))
    return templates.get_template("scenario.html").render(
        root="../",
        scenario=scenario,
        cells=len(here),
        page_counts=tally(coded.outcome[here]),
        formats=formats,
        causes=causes,
        boundaries=list(describe_boundaries(coded, here)),
    )


def _cause_counts(data: ReportData) -> dict[str, list[CauseCount]]:
    """Count the causes of each scenario, the commonest first."""
    known = {each["id"]: each for each in data.run.get("causes", [])}
    named = data.cells[["scenario", "cause"]].astype(str)
    sizes = named[named["cause"] != ""].groupby(["scenario", "cause"]).size()
    found: dict[str, list[CauseCount]] = {}
    for (scenario, cause), cells in zip(sizes.index.to_list(), sizes.to_list(), strict=True):
        words = known.get(cause, {"title": cause, "explanation": ""})
        count = CauseCount(
            id=cause, title=words["title"], explanation=words["explanation"], cells=int(cells)
        )
        found.setdefault(scenario, []).append(count)
    for counts in found.values():
        counts.sort(key=lambda each: (each.id != UNCLASSIFIED, -each.cells, each.id))
    return found


def _format_view(
    coded: Coded, rows: Codes, name: str, remedies: Mapping[str, Mapping[str, Any]]
) -> FormatView:
    grids = []
    for number, remedy in enumerate(coded.remedies):
        chosen = rows[coded.remedy[rows] == number]
        if not len(chosen):
            continue
        matrix = outcome_matrix(coded, chosen)
        if int((matrix != BLANK).sum()) != len(chosen):
            raise StoreError(f"{name}/{remedy}: a cell is there twice, the totals would lie")
        grids.append(
            GridView(
                name=remedy,
                title=remedies[remedy]["title"],
                code=code_line(remedies[remedy]["code"], PATHS.get(name, "path")),
                cells=len(chosen),
                counts=tally(coded.outcome[chosen]),
                table=outcome_grid(coded, matrix),
            )
        )
    best, used = best_grid(coded, rows) if BARE in coded.remedies else (None, [])
    titles = [remedies[each]["title"] for each in coded.remedies]
    return FormatView(
        name=name,
        cells=len(rows),
        counts=tally(coded.outcome[rows]),
        grids=grids,
        best=best if used else None,
        best_used=[(remedy, titles[remedy], count) for remedy, count in used],
    )


def _remedies_page(templates: jinja2.Environment, data: ReportData, coded: Coded) -> str:
    bare = _bare(coded)
    keys = coded.keys(remedy=0)
    failing = np.unique(keys[bare & MEASURED[coded.outcome] & (coded.outcome != EQUIVALENT)])
    after_failure = np.isin(keys, failing)
    measured = MEASURED[coded.outcome]
    by_format = [(name, coded.format == number) for number, name in enumerate(coded.formats)]
    rows = []
    for place, remedy in enumerate(data.run["remedies"]):
        here = (coded.remedy == place) & measured
        tried, control = here & after_failure, here & ~after_failure
        good = coded.outcome == EQUIVALENT
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
        styles={str(style.verdict): style for style in VERDICT_STYLES},
        outcomes={str(style.outcome): style for style in OUTCOME_STYLES},
    )


def _bare(coded: Coded) -> Mask:
    if BARE not in coded.remedies:
        return np.zeros(len(coded.remedy), dtype=bool)
    return np.asarray(coded.remedy == coded.remedies.index(BARE))


def _overview_letters(coded: Coded) -> dict[str, Any]:
    """Each bare grid as one string of outcome letters, writer by writer."""
    letters = np.array([style.css for style in OUTCOME_STYLES] + [BLANK_LETTER])
    bare = _bare(coded)
    formats: dict[str, dict[str, str]] = {}
    for number, name in enumerate(coded.formats):
        for place, scenario in enumerate(coded.scenarios):
            rows = np.flatnonzero(bare & (coded.format == number) & (coded.scenario == place))
            if len(rows):
                matrix = outcome_matrix(coded, rows)
                formats.setdefault(name, {})[scenario] = "".join(letters[matrix.reshape(-1)])
    return {"environments": list(coded.environments), "formats": formats}


def _client_index(run: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what scripts know beside the shards."""
    return {
        "outcomes": {
            str(style.outcome): {
                "symbol": style.symbol,
                "label": style.label,
                "explanation": style.explanation,
                "css": style.css,
            }
            for style in OUTCOME_STYLES
        },
        "environments": {
            each["id"]: {
                "python": each["python_version"] or each["python"],
                "backend": each["backend"],
                "family": each["family"],
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
    }


def code_line(code: str, path: str = "path") -> str:
    """Write a remedy's code as a person would write it: declared braces are doubled."""
    return code.replace("{path}", path).replace("{{", "{").replace("}}", "}")


def _paragraphs(text: str) -> list[tuple[bool, str]]:
    """Split a docstring at empty lines: whether a part is code, and its text."""
    parts = [part.strip("\n") for part in re.split(r"\n\s*\n", text) if part.strip()]
    return [(part.startswith("    "), textwrap.dedent(part)) for part in parts]
