"""The list of scenarios by group, each with the outcomes of its bare loads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.analyse.grids import COMPATIBILITY, EQUIVALENT, MEASURED, Count, tally
from runner.publish.record import ScenarioRecord
from runner.render.page import File, Page, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioRow:
    """One line of the list of scenarios, counting bare loads."""

    scenario: ScenarioRecord
    cells: int
    bare: int
    compared: int
    """Of a whole file, in another environment than its writer: what the share is of."""
    same: int
    itself: int
    """Files that their writer does not get back itself."""
    counts: list[Count]


def _files(site: Site) -> Iterator[File]:
    yield site.render(
        PAGE,
        cells=len(site.coded.outcome),
        bare_cells=int(site.bare.sum()),
        groups=_scenario_groups(site),
    )


def _scenario_groups(site: Site) -> list[tuple[str, list[ScenarioRow]]]:
    data, coded, bare = site.data, site.coded, site.bare
    counted = bare & (site.about == COMPATIBILITY) & (coded.writer != coded.reader)
    counted &= MEASURED[coded.outcome]
    same = coded.outcome == EQUIVALENT
    own = bare & MEASURED[coded.outcome] & (coded.writer == coded.reader)
    groups: dict[str, list[ScenarioRow]] = {}
    for place, scenario in enumerate(data.run.scenarios):
        here = coded.scenario == place
        outcomes = coded.outcome[here & bare]
        whole = here & counted
        groups.setdefault(scenario.group, []).append(
            ScenarioRow(
                scenario=scenario,
                cells=int(here.sum()),
                bare=len(outcomes),
                compared=int(whole.sum()),
                same=int((whole & same).sum()),
                itself=int((here & own & ~same).sum()),
                counts=tally(outcomes),
            )
        )
    return list(groups.items())


PAGE = Page(name="scenarios", order=20, label="Scenarios", files=_files)
