"""A made-up run of 100,000 cells, to measure how fast the report is at that size."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

from report_fixtures import SmallRun, make_remedy, make_result, make_scenario, publish_run

from runner.domain import Aspect, Backend, Cell, Environment, Family, Format, Outcome

ENVIRONMENTS = 44
SCENARIOS = 26
FORMATS = (Format.H5, Format.KERAS)
CELLS = ENVIRONMENTS**2 * SCENARIOS * len(FORMATS)
CAUSES = tuple(f"cause_{number}" for number in range(40))
CHANCES = {
    Outcome.EQUIVALENT: 40,
    Outcome.LOAD_ERROR: 40,
    Outcome.DIVERGED: 10,
    Outcome.UNSUPPORTED: 7,
    Outcome.UNUSABLE: 3,
}


def publish_large_run(folder: Path) -> int:
    """Publish the run; the same every time. Returns how many cells it has."""
    environments = tuple(map(make_environment, range(ENVIRONMENTS)))
    scenarios = tuple(
        make_scenario(f"scenario_{number:02}", group=f"group {number % 5}", formats=FORMATS)
        for number in range(SCENARIOS)
    )
    chance = random.Random(1)
    outcomes = chance.choices(list(CHANCES), weights=list(CHANCES.values()), k=CELLS)
    cells = (
        Cell(
            scenario=scenario.id, format=format_, writer=writer.id, reader=reader.id, remedy="none"
        )
        for scenario in scenarios
        for format_ in FORMATS
        for writer in environments
        for reader in environments
    )
    results = tuple(
        make_seen(cell, outcome, chance.choice(CAUSES))
        for cell, outcome in zip(cells, outcomes, strict=True)
    )
    run = SmallRun(
        environments=environments,
        scenarios=scenarios,
        remedies=(make_remedy("none", 0), make_remedy("compile_false", 4, Aspect.OPTIMIZER)),
        results=results,
    )
    publish_run(run, folder)
    return len(results)


def make_environment(number: int) -> Environment:
    family = list(Family)[number * 4 // ENVIRONMENTS]
    return Environment(
        id=f"env{number // 10}.{number % 10}",
        family=family,
        backend=Backend.TENSORFLOW,
        python="3.10",
        requirements=(),
        released=date(2019, 1, 1) + timedelta(days=60 * number),
        formats=frozenset(FORMATS),
        order=number,
    )


def make_seen(cell: Cell, outcome: Outcome, cause: str):
    if outcome is Outcome.LOAD_ERROR:
        said = {"status": "raised", "stage": "load", "exception": "ValueError"}
        found = make_result(cell, outcome, **said, message=f"It does not load: {cause}")
    else:
        found = make_result(cell, outcome)
    object.__setattr__(found, "cause", "" if outcome is Outcome.EQUIVALENT else cause)
    return found
