"""The page of each scenario: its grids, boundaries, causes, claims and code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from runner.analyse.grids import (
    BLANK,
    Coded,
    Codes,
    Count,
    Mask,
    best_remedies,
    outcome_matrix,
    tally,
)
from runner.domain import BARE, UNCLASSIFIED, Origin
from runner.domain.errors import StoreError
from runner.domain.selector import compile_glob, parse_pattern
from runner.publish.reading import PublishedRun
from runner.publish.record import JudgedClaim, RemedyRecord
from runner.render.page import File, Page, Site
from runner.render.parts.grid import outcome_grid
from runner.render.parts.text import code_line, drop_docstring, example_path, highlight_python


@dataclass(frozen=True, kw_only=True, slots=True)
class GridView:
    """One grid of a page with the counts it must reconcile with."""

    name: str
    title: str
    code: str
    cells: int
    counts: list[Count]
    table: Markup | None
    """The bare loads, which are read the most; a script draws the others from its data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatView:
    """The grids of one format on a scenario's page."""

    name: str
    cells: int
    counts: list[Count]
    grids: list[GridView]
    best_used: list[tuple[int, str, int]]
    """Number and title of a remedy, and for how many pairs it is the cheapest that works."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseCount:
    """How many cells of a scenario have one cause."""

    id: str
    title: str
    explanation: str
    cells: int
    bare: int
    """How many of them are bare loads."""


def _files(site: Site) -> Iterator[File]:
    data, coded = site.data, site.coded
    causes = _cause_counts(data)
    remedies = {each.id: each for each in data.run.remedies}
    stale = (data.cells["origin"].astype(object) == str(Origin.STALE)).to_numpy()
    sources = data.run.sources
    claims = data.claims.claims if data.claims else ()
    for place, scenario in enumerate(data.run.scenarios):
        here = np.flatnonzero(coded.scenario == place)
        by_format = [
            (name, here[coded.format[here] == number]) for number, name in enumerate(coded.formats)
        ]
        source = sources.get(scenario.module, "")
        yield site.render(
            PAGE,
            f"scenario/{scenario.id}.html",
            scenario=scenario,
            cells=len(here),
            page_counts=tally(coded.outcome[here]),
            formats=[
                _format_view(coded, rows, name, remedies, stale)
                for name, rows in by_format
                if len(rows)
            ],
            causes=causes.get(scenario.id, []),
            boundaries=site.boundaries.get(scenario.id, []),
            claims=[each for each in claims if _concerns(each, scenario.id)],
            code=highlight_python(drop_docstring(source)) if source else "",
        )


def _concerns(claim: JudgedClaim, scenario: str) -> bool:
    """Whether cells of the scenario decide a claim; one about every scenario is about none."""
    globs = [parse_pattern(each).scenario for each in (*claim.cells, *claim.than)]
    return any(glob != "*" and compile_glob(glob)(scenario) for glob in globs)


def _cause_counts(data: PublishedRun) -> dict[str, list[CauseCount]]:
    """Count the causes of each scenario, the commonest first."""
    named = data.cells[["scenario", "cause", "remedy"]].astype(str)
    named = named[named["cause"] != ""]
    bare = (named["remedy"] == BARE).rename("bare")
    sizes = bare.groupby([named["scenario"], named["cause"]]).agg(["size", "sum"])
    found: dict[str, list[CauseCount]] = {}
    for (scenario, cause), (cells, bare_cells) in zip(
        sizes.index.to_list(), sizes.to_numpy().tolist(), strict=True
    ):
        words = data.run.describe_cause(cause)
        counted = CauseCount(
            id=cause,
            title=words.title,
            explanation=words.explanation,
            cells=int(cells),
            bare=int(bare_cells),
        )
        found.setdefault(scenario, []).append(counted)
    for counts in found.values():
        counts.sort(key=lambda each: (each.id != UNCLASSIFIED, -each.cells, each.id))
    return found


def _format_view(
    coded: Coded, rows: Codes, name: str, remedies: Mapping[str, RemedyRecord], stale: Mask
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
                title=remedies[remedy].title,
                code=code_line(remedies[remedy].code, example_path(name)),
                cells=len(chosen),
                counts=tally(coded.outcome[chosen]),
                table=outcome_grid(coded, matrix, _mark(coded, chosen, stale))
                if remedy == BARE
                else None,
            )
        )
    titles = [remedies[each].title for each in coded.remedies]
    return FormatView(
        name=name,
        cells=len(rows),
        counts=tally(coded.outcome[rows]),
        grids=grids,
        best_used=[(remedy, titles[remedy], count) for remedy, count in best_remedies(coded, rows)],
    )


def _mark(coded: Coded, rows: Codes, marked: Mask) -> list[list[int]]:
    """Writer x reader: 1 for the rows that are marked."""
    size = len(coded.environments)
    found = np.zeros((size, size), dtype=np.int64)
    here = rows[marked[rows]]
    found[coded.writer[here], coded.reader[here]] = 1
    matrix: list[list[int]] = found.tolist()
    return matrix


PAGE = Page(name="scenario", order=21, parent="scenarios", files=_files)
