"""The boundaries of every scenario and format in words: the widest rules of its bare loads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.analyse.boundaries import Boundary
from runner.analyse.grids import Count, tally
from runner.domain import BARE
from runner.publish.record import ScenarioRecord
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
    """The boundaries of one scenario."""

    scenario: ScenarioRecord
    grids: list[BoundaryGrid]


def _files(site: Site) -> Iterator[File]:
    rows = list(_boundary_rows(site))
    yield site.render(
        PAGE, rows=rows, shown=SHOWN_RULES, formats=site.coded.formats, cells=int(site.bare.sum())
    )


def newest_first(rules: Sequence[Boundary]) -> tuple[Boundary, ...]:
    """Put what begins with the newest release before the others: most people ask about it."""
    return tuple(sorted(rules, key=lambda each: not each.newest))


def _boundary_rows(site: Site) -> Iterator[BoundaryRow]:
    """Yield for each scenario the widest rules of its bare loads, format by format."""
    coded = site.coded
    for place, scenario in enumerate(site.data.run.scenarios):
        here = coded.outcome[site.bare & (coded.scenario == place)]
        formats = coded.format[site.bare & (coded.scenario == place)]
        grids = []
        for found in site.boundaries.get(scenario.id, []):
            if found.remedy == BARE:
                inside = here[formats == coded.formats.index(found.format)]
                grids.append(
                    BoundaryGrid(
                        format=found.format,
                        cells=len(inside),
                        counts=tally(inside),
                        rules=newest_first(found.rules),
                    )
                )
        if grids:
            yield BoundaryRow(scenario=scenario, grids=grids)


PAGE = Page(name="boundaries", order=50, label="Boundaries", files=_files)
