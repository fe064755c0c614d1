"""The list of scenarios by group, each with the outcomes of its bare loads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.analyse.grids import EQUIVALENT, MEASURED, Coded, Count, Mask, tally
from runner.publish.reading import PublishedRun
from runner.publish.record import ScenarioRecord
from runner.render.page import File, Page, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioRow:
    """One line of the list of scenarios, counting bare loads."""

    scenario: ScenarioRecord
    cells: int
    bare: int
    measured: int
    share: int
    counts: list[Count]


def _files(site: Site) -> Iterator[File]:
    yield site.render(
        PAGE,
        cells=len(site.coded.outcome),
        bare_cells=int(site.bare.sum()),
        groups=_scenario_groups(site.data, site.coded, site.bare),
    )


def _scenario_groups(
    data: PublishedRun, coded: Coded, bare: Mask
) -> list[tuple[str, list[ScenarioRow]]]:
    groups: dict[str, list[ScenarioRow]] = {}
    for place, scenario in enumerate(data.run.scenarios):
        here = coded.scenario == place
        outcomes = coded.outcome[here & bare]
        measured = int(MEASURED[outcomes].sum())
        good = int((outcomes == EQUIVALENT).sum())
        groups.setdefault(scenario.group, []).append(
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


PAGE = Page(name="scenarios", order=20, label="Scenarios", files=_files)
