"""The environments, each with the outcomes of its cells as writer and as reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.analyse.grids import Coded, Count, tally
from runner.publish.reading import PublishedRun
from runner.publish.record import EnvironmentRecord
from runner.render.page import File, Page, Site


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentRow:
    """How the cells of one environment came out, in both of its roles."""

    environment: EnvironmentRecord
    written: int
    written_counts: list[Count]
    read: int
    read_counts: list[Count]


def _files(site: Site) -> Iterator[File]:
    yield site.render(PAGE, rows=_environment_rows(site.data, site.coded))


def _environment_rows(data: PublishedRun, coded: Coded) -> list[EnvironmentRow]:
    """Return one row an environment, in release order."""
    rows = []
    for place, environment in enumerate(data.run.environments):
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


PAGE = Page(name="environments", order=70, label="Environments", files=_files)
