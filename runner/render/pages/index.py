"""The first page: the answer for one file, the matrix of all pairs, the run in numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runner.analyse.grids import DIVERGED, EQUIVALENT, MEASURED, Coded, Mask, tally
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
        headline=_headline(coded, bare),
    )


def _headline(coded: Coded, bare: Mask) -> dict[str, int]:
    """Count the numbers of the first sentence, over bare loads that were really tried."""
    measured = bare & MEASURED[coded.outcome]
    other = measured & (coded.writer != coded.reader)
    failing = measured & (coded.outcome != EQUIVALENT)
    keys = coded.keys(remedy=0)
    tried = np.unique(keys[~bare & MEASURED[coded.outcome]])
    solved = np.unique(keys[~bare & (coded.outcome == EQUIVALENT)])
    return {
        "measured": int(measured.sum()),
        "equivalent": int((measured & (coded.outcome == EQUIVALENT)).sum()),
        "silent": int((measured & (coded.outcome == DIVERGED)).sum()),
        "other": int(other.sum()),
        "failing": int(failing.sum()),
        "tried": int(np.isin(keys[failing], tried).sum()),
        "solved": int(np.isin(keys[failing], solved).sum()),
    }


PAGE = Page(name="index", order=10, label="Overview", files=_files)
