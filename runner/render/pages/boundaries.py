"""The boundaries of every scenario and format in words: the widest rules of its bare loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.analyse.boundaries import Boundary, describe_boundaries
from runner.analyse.grids import Coded, Count, Mask, tally
from runner.publish.reading import ReportData
from runner.render.page import File, Page, Site

SHOWN_RULES = 6
"""Rules of one scenario and format on the page of all boundaries; its own page has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundaryGrid:
    """Every rule of the bare loads of one format, with the cells they speak of."""

    format: str
    cells: int
    counts: list[Count]
    rules: tuple[Boundary, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundaryRow:
    """What breaks where, for one scenario."""

    scenario: Mapping[str, Any]
    grids: list[BoundaryGrid]


def _files(site: Site) -> Iterator[File]:
    rows = list(_boundary_rows(site.data, site.coded, site.bare))
    yield site.render(PAGE, rows=rows, shown=SHOWN_RULES, cells=int(site.bare.sum()))


def _boundary_rows(data: ReportData, coded: Coded, bare: Mask) -> Iterator[BoundaryRow]:
    """Yield for each scenario the widest rules of its bare loads, format by format."""
    for place, scenario in enumerate(data.run["scenarios"]):
        here = bare & (coded.scenario == place)
        grids = []
        for found in describe_boundaries(coded, np.flatnonzero(here)):
            inside = here & (coded.format == coded.formats.index(found.format))
            grids.append(
                BoundaryGrid(
                    format=found.format,
                    cells=int(inside.sum()),
                    counts=tally(coded.outcome[inside]),
                    rules=found.rules,
                )
            )
        if grids:
            yield BoundaryRow(scenario=scenario, grids=grids)


PAGE = Page(name="boundaries", order=50, label="Boundaries", files=_files)
