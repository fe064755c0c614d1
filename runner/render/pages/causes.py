"""The causes that were seen, each with its cells and scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runner.analyse.grids import Coded, Codes, Count, Mask, code_column, tally
from runner.publish.reading import PublishedRun
from runner.publish.record import CauseRecord
from runner.render.page import File, Page, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseRow:
    """One cause with the cells that have it."""

    cause: CauseRecord
    cells: int
    bare: int
    counts: list[Count]
    scenarios: list[tuple[str, str, int]]
    """Id and title of a scenario, and how many of its cells have the cause."""

    @property
    def css_names(self) -> str:
        """The classes of its outcomes, with spaces between them."""
        return " ".join(each.css for each in self.counts)


def _files(site: Site) -> Iterator[File]:
    yield site.render(
        PAGE,
        rows=_cause_rows(site.data, site.coded, site.bare),
        cells=len(site.coded.outcome),
        bare_cells=int(site.bare.sum()),
    )


def _cause_rows(data: PublishedRun, coded: Coded, bare: Mask) -> list[CauseRow]:
    """Return one row a cause that was seen, the commonest first."""
    ids = sorted({str(each) for each in data.cells["cause"].unique()} - {""})
    cause = code_column(data.cells["cause"], ("", *ids)) - 1
    rows = []
    for place, name in enumerate(ids):
        here = cause == place
        rows.append(
            CauseRow(
                cause=data.run.describe_cause(name),
                cells=int(here.sum()),
                bare=int((here & bare).sum()),
                counts=tally(coded.outcome[here]),
                scenarios=_by_scenario(data, coded.scenario[here]),
            )
        )
    return sorted(rows, key=lambda row: (-row.cells, row.cause.id))


def _by_scenario(data: PublishedRun, scenario: Codes) -> list[tuple[str, str, int]]:
    numbers = np.bincount(scenario, minlength=len(data.run.scenarios)).tolist()
    found = [
        (each.id, each.title, number)
        for each, number in zip(data.run.scenarios, numbers, strict=True)
        if number
    ]
    return sorted(found, key=lambda each: (-each[2], each[0]))


PAGE = Page(name="causes", order=40, label="Causes", files=_files)
