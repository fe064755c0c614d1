"""The remedies, each with how often it helped where the bare load did not do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runner.analyse.advice import restore_what_failed
from runner.analyse.grids import COMPATIBILITY, DIVERGED, EQUIVALENT, MEASURED, tally
from runner.domain import BARE
from runner.publish.record import RemedyRecord
from runner.render.page import File, Page, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class RemedyRow:
    """How often one way of loading helped where the bare load did not do, of a whole file."""

    remedy: RemedyRecord
    tried: int
    helped: int
    partly: int
    """It gave the model without what had failed."""
    silent: int
    others: int
    """Loads of damaged files, and of models that their writer, loading the same way, does not get
    back either or was not asked for: they are in no number above."""
    others_helped: int
    controls: int
    """Loads where the bare load was equivalent."""
    controls_good: int
    beside: int
    """Loads where a bare load could not be tried, as the reader does not have the format."""
    beside_good: int
    formats: list[tuple[str, int, int]]
    """Format, tried, helped."""

    @property
    def share(self) -> int:
        """Helped, in percent of tried."""
        return 100 * self.helped // self.tried if self.tried else 0


def _files(site: Site) -> Iterator[File]:
    data, coded, bare = site.data, site.coded, site.bare
    keys = coded.keys(remedy=0)
    measured, good = MEASURED[coded.outcome], coded.outcome == EQUIVALENT
    restoring = restore_what_failed(data.cells, data.run)
    failed = bare & measured & ~good
    relevant = site.about == COMPATIBILITY
    failing, apart = np.unique(keys[failed & relevant]), np.unique(keys[failed & ~relevant])
    after_failure, after_other = np.isin(keys, failing), np.isin(keys, apart)
    after_success = np.isin(keys, keys[bare & good])
    by_format = [(name, coded.format == number) for number, name in enumerate(coded.formats)]
    rows = []
    for place, remedy in enumerate(data.run.remedies):
        here = (coded.remedy == place) & measured
        tried, control = here & after_failure, here & after_success
        other = here & after_other
        beside = here & ~after_failure & ~after_other & ~after_success
        formats = [
            (name, int((tried & inside).sum()), int((tried & restoring & inside).sum()))
            for name, inside in by_format
        ]
        rows.append(
            RemedyRow(
                remedy=remedy,
                tried=int(tried.sum()),
                helped=int((tried & restoring).sum()),
                partly=int((tried & good & ~restoring).sum()),
                silent=int((tried & (coded.outcome == DIVERGED)).sum()),
                others=int(other.sum()),
                others_helped=int((other & restoring).sum()),
                controls=int(control.sum()),
                controls_good=int((control & good).sum()),
                beside=int(beside.sum()),
                beside_good=int((beside & good).sum()),
                formats=[each for each in formats if each[1]],
            )
        )
    yield site.render(
        PAGE,
        failing=len(failing),
        apart=len(apart),
        rows=[row for row in rows if row.remedy.id != BARE],
        cells=len(coded.outcome),
        counts_all=tally(coded.outcome),
        bare_cells=int(bare.sum()),
    )


PAGE = Page(name="remedies", order=30, label="Remedies", files=_files)
