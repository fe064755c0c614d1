"""Pages over the whole run: its environments, causes, boundaries and controls.

Input: the published data and the coded cells. Output: what the templates show; on each page
the counts add up to the cells of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from runner.analyse.boundaries import Boundary, describe_boundaries
from runner.analyse.grids import Coded, Codes, Count, Mask, code_column, tally
from runner.domain import BARE
from runner.publish.reading import ReportData

SHOWN_RULES = 6
"""Rules of one scenario and format on the page of all boundaries; its own page has all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentRow:
    """How the cells of one environment came out, in both of its roles."""

    environment: Mapping[str, Any]
    written: int
    written_counts: list[Count]
    read: int
    read_counts: list[Count]


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseRow:
    """One cause with the cells that have it."""

    cause: Mapping[str, Any]
    cells: int
    bare: int
    counts: list[Count]
    scenarios: list[tuple[str, str, int]]
    """Id and title of a scenario, and how many of its cells have the cause."""


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


CONTROL_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "readback": "an environment reads back what it wrote, and notices a damaged file",
        "comparison": "the comparison finds what was falsified",
        "writes": "a format said not to exist cannot be written",
        "reads": "a format said not to exist cannot be read",
    }
)
"""By the first word of a control's id: what must be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownControl:
    """One control; `cell` is empty where it is of no single cell."""

    id: str
    cell: str
    passed: bool
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlGroup:
    """The controls of one kind."""

    kind: str
    words: str
    passed: list[ShownControl]
    failed: list[ShownControl]


def bare_loads(coded: Coded) -> Mask:
    """Return which cells are bare loads."""
    if BARE not in coded.remedies:
        return np.zeros(len(coded.remedy), dtype=bool)
    return np.asarray(coded.remedy == coded.remedies.index(BARE))


def environment_rows(data: ReportData, coded: Coded) -> list[EnvironmentRow]:
    """Return one row an environment, in release order."""
    rows = []
    for place, environment in enumerate(data.run["environments"]):
        written = coded.outcome[coded.writer == place]
        read = coded.outcome[coded.reader == place]
        rows.append(
            EnvironmentRow(
                environment=environment,
                written=len(written),
                written_counts=tally(written),
                read=len(read),
                read_counts=tally(read),
            )
        )
    return rows


def cause_rows(data: ReportData, coded: Coded) -> list[CauseRow]:
    """Return one row a cause that was seen, the commonest first."""
    known = {each["id"]: each for each in data.run.get("causes", [])}
    ids = sorted({str(each) for each in data.cells["cause"].unique()} - {""})
    cause = code_column(data.cells["cause"], ("", *ids)) - 1
    bare = bare_loads(coded)
    rows = []
    for place, name in enumerate(ids):
        here = cause == place
        unnamed = {"id": name, "title": name, "explanation": "", "links": [], "seen": []}
        rows.append(
            CauseRow(
                cause=known.get(name, unnamed),
                cells=int(here.sum()),
                bare=int((here & bare).sum()),
                counts=tally(coded.outcome[here]),
                scenarios=_by_scenario(data, coded.scenario[here]),
            )
        )
    return sorted(rows, key=lambda row: (-row.cells, row.cause["id"]))


def _by_scenario(data: ReportData, scenario: Codes) -> list[tuple[str, str, int]]:
    numbers = np.bincount(scenario, minlength=len(data.run["scenarios"])).tolist()
    found = [
        (each["id"], each["title"], number)
        for each, number in zip(data.run["scenarios"], numbers, strict=True)
        if number
    ]
    return sorted(found, key=lambda each: (-each[2], each[0]))


def boundary_rows(data: ReportData, coded: Coded) -> Iterator[BoundaryRow]:
    """Yield for each scenario the widest rules of its bare loads, format by format."""
    bare = bare_loads(coded)
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


def control_groups(run: Mapping[str, Any]) -> list[ControlGroup]:
    """Sort the controls of a run by kind."""
    groups: dict[str, ControlGroup] = {}
    for each in run["controls"]:
        kind, _, cell = each["id"].partition(" ")
        group = groups.setdefault(
            kind,
            ControlGroup(kind=kind, words=CONTROL_WORDS.get(kind, ""), passed=[], failed=[]),
        )
        shown = ShownControl(
            id=each["id"],
            cell=cell if "->" in cell else "",
            passed=each["passed"],
            detail=each["detail"],
        )
        (group.passed if shown.passed else group.failed).append(shown)
    return list(groups.values())
