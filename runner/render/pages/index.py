"""The first page: the answer for one file, the matrix of all pairs, the run in numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runner.analyse.advice import number_pairs
from runner.analyse.grids import (
    COMPATIBILITY,
    DAMAGE,
    DIVERGED,
    EQUIVALENT,
    MEASURED,
    SCENARIO,
    UNKNOWN,
    UNUSABLE,
    Mask,
    tally,
)
from runner.domain import Help, Impact
from runner.render.page import File, Page, Site


def _files(site: Site) -> Iterator[File]:
    coded, bare = site.coded, site.bare
    yield site.render(
        PAGE,
        formats=[
            name for number, name in enumerate(coded.formats) if (coded.format == number).any()
        ],
        totals=tally(coded.outcome),
        cells=len(coded.outcome),
        bare_cells=int(bare.sum()),
        bare_counts=tally(coded.outcome[bare]),
        remedy_cells=int((~bare).sum()),
        remedy_counts=tally(coded.outcome[~bare]),
        headline=_headline(site),
    )


def _headline(site: Site) -> dict[str, int]:
    """Count the numbers of the first sentences, over bare loads that were really tried.

    What fails in its own writer says nothing of two versions, and is counted apart; so is what
    was damaged on purpose.
    """
    coded, cells = site.coded, site.data.cells
    measured = site.bare & MEASURED[coded.outcome]
    failing = coded.outcome != EQUIVALENT
    compared = measured & (site.about == COMPATIBILITY) & (coded.writer != coded.reader)
    impact = cells["impact"].astype(object).to_numpy()
    found = {
        "measured": int(measured.sum()),
        "compared": int(compared.sum()),
        "equivalent": int((compared & ~failing).sum()),
        "failing": int((compared & failing).sum()),
        "itself": int((measured & (site.about == COMPATIBILITY) & ~compared).sum()),
    }
    for name, outcome in (("silent", DIVERGED), ("unusable", UNUSABLE)):
        here = compared & (coded.outcome == outcome)
        found[name] = int(here.sum())
        for each in Impact:
            found[f"{name}_{each}"] = int((here & (impact == str(each))).sum())
    for name, about in (("scenario", SCENARIO), ("damaged", DAMAGE), ("unknown", UNKNOWN)):
        here = measured & (site.about == about)
        found[name] = int(here.sum())
        found[f"{name}_failing"] = int((here & failing).sum())
    return found | _advised(site, compared & failing)


def _advised(site: Site, rows: Mask) -> dict[str, int]:
    """Count the effects of other ways of loading for these bare loads."""
    advice = site.advice
    helps = advice["help"].astype(object).to_numpy()
    keys, wanted = number_pairs(advice, site.data.cells)
    here = np.isin(keys, wanted[rows])
    counted = {name: int((here & (helps == str(name))).sum()) for name in Help}
    restored, given_up = counted[Help.RESTORED], counted[Help.GIVEN_UP]
    return {
        "tried": restored + given_up + counted[Help.NONE_OF_TRIED],
        "solved": restored,
        "partly": given_up,
    }


PAGE = Page(name="index", order=10, label="Overview", files=_files)
