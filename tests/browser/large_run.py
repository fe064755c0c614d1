"""The report of a made-up run of a million cells, to measure how fast its pages are at that size.

Of the site only the pages and the data that are measured are written: what their number of cells
makes large, made by the same code as the report of any run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from report_fixtures import SmallRun, make_remedy, make_scenario, put_together

from runner.analyse.ages import summarize_ages
from runner.analyse.grids import code_cells
from runner.domain import Aspect, Backend, Environment, Family, Format, Help, Origin, Outcome
from runner.publish.reading import PublishedRun
from runner.publish.record import CauseRecord
from runner.publish.tables import find_baselines
from runner.render.page import Declarations, Site
from runner.render.pages import PAGES
from runner.render.scripts.compare import compare_data
from runner.render.scripts.grids import pack_cells, split_grids
from runner.render.scripts.index import cause_data, index_data
from runner.render.scripts.script import packed_script, script
from runner.render.templates import TEMPLATES, load_templates

ENVIRONMENTS = 60
SCENARIOS = 35
FORMATS = (Format.H5, Format.KERAS, Format.WEIGHTS_H5, Format.SAVED_MODEL)
REMEDIES = 2
CELLS = ENVIRONMENTS**2 * SCENARIOS * len(FORMATS) * REMEDIES
CAUSES = tuple(f"cause_{number}" for number in range(40))
CHANCES = {
    Outcome.EQUIVALENT: 40,
    Outcome.LOAD_ERROR: 40,
    Outcome.DIVERGED: 10,
    Outcome.UNSUPPORTED: 7,
    Outcome.UNUSABLE: 3,
}
DAYS = ("2026-01-02T03:04:05+00:00", "2026-02-03T04:05:06+00:00")
WRITTEN = ("index", "compare")


def write_large_site(folder: Path) -> int:
    """Write the site, the same every time. Returns how many cells it has."""
    data = make_large_run()
    coded = code_cells(data)
    ages = summarize_ages(data.cells)
    given: dict[str, Any] = {"ages": ages, "data_href": "files", "csv": "cells.csv", "project": ""}
    site = Site(
        data=data,
        coded=coded,
        templates=load_templates(data.run, PAGES, **given),
        data_href="files",
        base_url="",
        declared=Declarations(),
    )
    files = [file for page in PAGES if page.name in WRITTEN for file in page.files(site)]
    bare, others = split_grids(pack_cells(data, coded, site.advice))
    files += [
        ("data/index.js", script("matrixIndex", index_data(data.run))),
        ("data/causes.js", packed_script("causes", cause_data(data.run))),
        ("data/grids.js", packed_script("grids", bare)),
        ("data/ways.js", packed_script("ways", others)),
        ("data/compare.js", packed_script("compare", compare_data(data, coded))),
    ]
    assets = TEMPLATES / "assets"
    files += [(f"assets/{path.name}", path.read_text("utf-8")) for path in assets.glob("*.*")]
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return len(data.cells)


def make_large_run() -> PublishedRun:
    """Return a run of `CELLS` cells without observations."""
    environments = tuple(map(make_environment, range(ENVIRONMENTS)))
    scenarios = tuple(
        make_scenario(f"scenario_{number:02}", group=f"group {number % 5}", formats=FORMATS)
        for number in range(SCENARIOS)
    )
    remedies = (make_remedy("none", 0), make_remedy("compile_false", 4, Aspect.OPTIMIZER))
    small = put_together(
        SmallRun(environments=environments, scenarios=scenarios, remedies=remedies, results=())
    )
    ids: Sequence[tuple[str, Sequence[str]]] = (
        ("scenario", [each.id for each in scenarios]),
        ("format", [str(each) for each in FORMATS]),
        ("writer", [each.id for each in environments]),
        ("reader", [each.id for each in environments]),
        ("remedy", [each.id for each in remedies]),
    )
    places = np.meshgrid(*(np.arange(len(names)) for _, names in ids), indexing="ij")
    chance = np.random.default_rng(1)
    cells = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(place.reshape(-1), names, ordered=True)
            for (name, names), place in zip(ids, places, strict=True)
        }
    )
    weights = np.array(list(CHANCES.values())) / sum(CHANCES.values())
    outcome = chance.choice(len(CHANCES), size=CELLS, p=weights)
    # A writer gets its own file back, mostly.
    own = (cells["writer"].cat.codes == cells["reader"].cat.codes).to_numpy()
    outcome[own & (chance.random(CELLS) < 0.9)] = 0
    why = np.where(outcome == 0, 0, chance.integers(1, len(CAUSES) + 1, CELLS))
    columns: dict[str, Any] = {
        "outcome": pd.Categorical.from_codes(outcome, [str(each) for each in CHANCES]),
        "cause": pd.Categorical.from_codes(why, ["", *CAUSES]),
        "measured_at": pd.Categorical.from_codes(chance.integers(0, 2, CELLS), DAYS),
        "origin": pd.Categorical.from_codes(
            chance.integers(0, 2, CELLS), [str(Origin.MEASURED), str(Origin.KEPT)]
        ),
    }
    cells = cells.assign(**columns)
    for name in small.cells.columns:
        if name not in cells:
            cells[name] = pd.Categorical.from_codes(np.zeros(CELLS, dtype=np.int8), [""])
    cells = cells[list(small.cells.columns)]
    cells["baseline"] = find_baselines(cells)
    totals = msgspec.structs.replace(
        small.run.totals,
        cells=CELLS,
        by_outcome={each: int((outcome == number).sum()) for number, each in enumerate(CHANCES)},
    )
    causes = tuple(
        CauseRecord(id=name, title=f"Cause {name}", explanation="", links=(), seen=())
        for name in CAUSES
    )
    formats = dict.fromkeys(FORMATS, (Aspect.OUTPUTS,))
    run = msgspec.structs.replace(small.run, totals=totals, causes=causes, formats=formats)
    return PublishedRun(run=run, cells=cells, observations=small.observations, advice=advise(cells))


def advise(cells: pd.DataFrame) -> pd.DataFrame:
    """Advise the other way of loading wherever it gives back what the bare load does not.

    The advice of a real run says more, and takes minutes for a million cells.
    """
    bare = (cells["remedy"] == "none").to_numpy()
    # The remedy is the last part of the order: a bare load is followed by the other way.
    helps = (cells["outcome"] == str(Outcome.EQUIVALENT)).to_numpy()
    wanted = bare & ~helps
    helped = np.roll(helps, -1)[wanted]
    advice = cells.loc[wanted, ["scenario", "format", "writer", "reader"]].reset_index(drop=True)
    advice["advice"] = np.where(helped, "compile_false", "")
    advice["help"] = np.where(helped, str(Help.RESTORED), str(Help.NONE_OF_TRIED))
    return advice


def make_environment(number: int) -> Environment:
    family = list(Family)[number * 4 // ENVIRONMENTS]
    return Environment(
        id=f"env{number // 10}.{number % 10}",
        family=family,
        backend=Backend.TENSORFLOW,
        python="3.10",
        requirements=(),
        released=date(2019, 1, 1) + timedelta(days=40 * number),
        formats=frozenset(FORMATS),
        order=number,
    )


def write_cells(path: Path, rows: int) -> None:
    """Write the cells.csv of another run of that many of these cells."""
    run = make_large_run()
    names = ["scenario", "format", "writer", "reader", "remedy", "outcome", "cause", "aspects"]
    step = max(1, CELLS // rows)
    run.cells.iloc[::step][names].to_csv(path, index=False)
