"""The pictures of the run: coverage over release dates, where formats break, largest differences.

Each is a plot and the rows of the table beside it. A plot holds nothing that its table does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from markupsafe import Markup

from runner.analyse.grids import (
    COMPATIBILITY,
    DIVERGED,
    EQUIVALENT,
    MEASURED,
    UNSUPPORTED,
    Coded,
    Codes,
    Mask,
    bare_loads,
)
from runner.domain.environments import FAMILY_CSS
from runner.publish.reading import PublishedRun
from runner.publish.record import RunRecord
from runner.render.page import File, Page, Site
from runner.render.parts.svg import SHAPES, Plot

LARGEST = 25
"""Scenarios whose largest difference is drawn."""
NAME = re.compile(r"[a-z-]+(?=\d)")
"""The part of an environment's id before the version."""
SMALL = 480
"""Width of a picture that has others beside it."""
MOST = 4
"""Power of ten at which the axis of differences ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Counts of one reader by format: whole files, and those read the same."""

    reader: str
    family: str
    css: str
    shape: str
    released: str
    files: int
    """The same ones for every reader of the format, its own among them; a format that the reader
    does not know counts; a damaged file does not, nor one that its writer does not load back
    itself."""
    same: int
    silent: int

    @property
    def share(self) -> float:
        """Of the same model, between 0 and 1."""
        return self.same / self.files

    @property
    def silent_share(self) -> float:
        """Of silently another model, between 0 and 1."""
        return self.silent / self.files


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """From one reader to the next of its line: loads that both tried, lost and won."""

    before: str
    after: str
    css: str
    both: int
    lost: int
    won: int
    scenario: str
    """The scenario that lost most."""

    @property
    def label(self) -> str:
        """Both readers, without the name that they share: `tf2.14 → 2.15`."""
        first, second = NAME.match(self.before), NAME.match(self.after)
        if first and second and first[0] == second[0]:
            return f"{self.before} → {self.after[second.end() :]}"
        return f"{self.before} → {self.after}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The largest difference among the silently diverged loads of a scenario."""

    cell: str
    scenario: str
    size: float
    formats: tuple[tuple[str, float], ...]
    """Each format's own largest."""
    cells: int


def _files(site: Site) -> Iterator[File]:
    yield site.render(PAGE, **_shown(site.data, site.coded, site.about == COMPATIBILITY))


def _shown(data: PublishedRun, coded: Coded, between: Mask) -> dict[str, Any]:
    shapes = _shapes(data.run)
    coverage = {
        name: list(_coverage(data.run, coded, _common_files(coded, rows), shapes))
        for name, rows in _by_format(coded, given_files(data.run, coded) & between, own=True)
    }
    dates = [each.released for found in coverage.values() for each in found]
    # All formats over the same years, so that they can be held against each other.
    years = (_year(min(dates)), _year(max(dates)) + 1) if dates else (0, 1)
    tried: Mask = MEASURED[coded.outcome] & between
    steps = {name: list(_steps(data.run, coded, rows)) for name, rows in _by_format(coded, tried)}
    differences, infinite = _differences(data, coded, between)
    return {
        "coverage": [
            (name, found, _plot_coverage(name, found, years)) for name, found in coverage.items()
        ],
        "shapes": [(shape, FAMILY_CSS_OF[name], name) for name, shape in shapes.items()],
        "steps": [
            (name, found, _plot_steps(name, [each for each in found if each.lost or each.won]))
            for name, found in steps.items()
            if found
        ],
        "differences": differences,
        "difference_plot": _plot_differences(differences, coded.formats) if differences else None,
        "difference_shapes": list(zip(SHAPES, coded.formats, strict=False)),
        "infinite": infinite,
    }


FAMILY_CSS_OF = {str(family): css for family, css in FAMILY_CSS.items()}


def _shapes(run: RunRecord) -> dict[str, str]:
    """Give each family of the run a shape of its own."""
    families = list(dict.fromkeys(each.family for each in run.environments))
    return dict(zip(families, SHAPES, strict=False))


def _by_format(coded: Coded, chosen: Mask, *, own: bool = False) -> Iterator[tuple[str, Codes]]:
    """The chosen rows of bare loads for each format that has any between two environments.

    With `own`, those in which a writer reads its own file, too.
    """
    loads = chosen & bare_loads(coded)
    between = loads & (coded.writer != coded.reader)
    for place, name in enumerate(coded.formats):
        inside = coded.format == place
        if (between & inside).any():
            yield name, np.flatnonzero((loads if own else between) & inside)


def _common_files(coded: Coded, rows: Codes) -> Codes:
    """Return the rows of the files that every reader was given, so that readers can be compared.

    All rows where there is no such file.
    """
    files = coded.scenario[rows] * len(coded.environments) + coded.writer[rows]
    names, place, given = np.unique(files, return_inverse=True, return_counts=True)
    common = given == len(np.unique(coded.reader[rows]))
    return rows[common[place.reshape(-1)]] if len(names) and common.any() else rows


def given_files(run: RunRecord, coded: Coded) -> Mask:
    """Return where a reader was given a file that nobody had damaged, in whatever format."""
    whole = np.array([not each.damage for each in run.scenarios])
    written = np.array(
        [[name in each.formats for name in coded.formats] for each in run.environments]
    )
    answered = MEASURED[coded.outcome] | (coded.outcome == UNSUPPORTED)
    given: Mask = answered & whole[coded.scenario] & written[coded.writer, coded.format]
    return given


# --- coverage ------------------------------------------------------------------------------


def _coverage(
    run: RunRecord, coded: Coded, rows: Codes, shapes: Mapping[str, str]
) -> Iterator[Coverage]:
    for place, environment in enumerate(run.environments):
        outcomes = coded.outcome[rows[coded.reader[rows] == place]]
        if len(outcomes):
            yield Coverage(
                reader=environment.id,
                family=environment.family,
                css=FAMILY_CSS_OF[environment.family],
                shape=shapes[environment.family],
                released=environment.first_released.isoformat(),
                files=len(outcomes),
                same=int((outcomes == EQUIVALENT).sum()),
                silent=int((outcomes == DIVERGED).sum()),
            )


def _year(day: str) -> int:
    return date.fromisoformat(day).year


def _plot_coverage(name: str, found: Sequence[Coverage], years: tuple[int, int]) -> Markup:
    plot = Plot(width=SMALL, height=230, left=56, right=22, bottom=28)
    first, last = (date(year, 1, 1).toordinal() for year in years)

    def place(day: str) -> float:
        return (date.fromisoformat(day).toordinal() - first) / (last - first)

    for percent in range(0, 101, 25):
        plot.horizontal(percent / 100, f"{percent} %")
    step = max(1, (years[1] - years[0] + 1) // 8)
    for year in range(years[0], years[1] + 1, step):
        plot.vertical(place(f"{year}-01-01"), str(year))
    at = [(plot.x(place(each.released)), plot.y(each.share)) for each in found]
    for (x, _), each in zip(at, found, strict=True):
        if each.silent:
            top = plot.y(each.silent_share)
            said = f"{each.reader}: {each.silent} of {each.files} silently another model"
            plot.bar((x - 2, top, 4.0, plot.y(0) - top), "silent", said)
    for css in dict.fromkeys(each.css for each in found):
        line = [place_ for place_, each in zip(at, found, strict=True) if each.css == css]
        plot.line(sorted(line), f"{css} line")
    for (x, y), each in zip(at, found, strict=True):
        said = f"{each.reader}: {100 * each.share:.0f} % of {each.files}"
        plot.mark(each.shape, x, y, f"{each.css} mark", said)
    return plot.markup(
        f"{name}: share of the whole files that each reader loads as the same model, and "
        "share that is silently another, over the reader's release date; the table below has "
        "the numbers"
    )


# --- where formats break -------------------------------------------------------------------


def _steps(run: RunRecord, coded: Coded, rows: Codes) -> Iterator[Step]:
    """Hold each reader against the one before it of the same family and backend."""
    size = len(coded.environments)
    keys = coded.scenario[rows] * size + coded.writer[rows]
    good = coded.outcome[rows] == EQUIVALENT
    last: dict[tuple[str, str], int] = {}
    for place, environment in enumerate(run.environments):
        line = (environment.family, environment.backend)
        before = last.get(line)
        here = coded.reader[rows] == place
        if not here.any():
            continue
        last[line] = place
        if before is None:
            continue
        there = coded.reader[rows] == before
        old = dict(zip(keys[there].tolist(), good[there].tolist(), strict=True))
        new = dict(zip(keys[here].tolist(), good[here].tolist(), strict=True))
        both = sorted(old.keys() & new.keys())
        if not both:
            continue
        lost = [key for key in both if old[key] and not new[key]]
        numbers = np.bincount(np.array(lost, dtype=np.int64) // size) if lost else None
        yield Step(
            before=coded.environments[before],
            after=environment.id,
            css=FAMILY_CSS_OF[environment.family],
            both=len(both),
            lost=len(lost),
            won=sum(new[key] and not old[key] for key in both),
            scenario=coded.scenarios[int(numbers.argmax())] if numbers is not None else "",
        )


def _plot_steps(name: str, steps: Sequence[Step]) -> Markup | None:
    """Draw the steps that changed anything; none did if there are none."""
    if not steps:
        return None
    row, left = 20, 158
    plot = Plot(width=SMALL, height=30 + row * len(steps) + 26, left=left, top=30, bottom=26)
    widest = max(0.1, *(max(each.lost, each.won) / each.both for each in steps))
    half, middle = plot.inner_width / 2 - 40, left + plot.inner_width / 2
    plot.text("◂ lost", middle - 8, 18, "end")
    plot.text("won ▸", middle + 8, 18)
    for place, each in enumerate(steps):
        y = plot.top + place * row
        plot.text(each.label, left - 8, y + 14, "end")
        lost, won = (half * number / each.both / widest for number in (each.lost, each.won))
        if each.lost:
            plot.bar((middle - lost, y + 2, lost, row - 5), "l", f"{each.lost} of {each.both}")
            plot.text(f"−{each.lost}", middle - lost - 4, y + 14, "end")  # noqa: RUF001
        if each.won:
            plot.bar((middle, y + 2, won, row - 5), "e", f"{each.won} of {each.both}")
            plot.text(f"+{each.won}", middle + won + 4, y + 14)
    bottom = plot.height - plot.bottom
    plot.add("line", class_="axis", x1=middle, x2=middle, y1=plot.top, y2=bottom)
    said = f"longest bar: {100 * widest:.0f} % of the loads both tried"
    plot.text(said, plot.width - plot.right, plot.height - 8, "end")
    return plot.markup(
        f"{name}: how many loads each reader lost and won against the reader before it; the "
        "table below has the numbers"
    )


# --- largest differences -------------------------------------------------------------------


def _differences(data: PublishedRun, coded: Coded, between: Mask) -> tuple[list[Difference], int]:
    """The largest of each scenario, the largest first; and how many are not finite."""
    sizes = data.cells["max_abs_diff"].to_numpy(dtype=np.float64, na_value=np.nan)
    silent = between & (coded.outcome == DIVERGED) & ~np.isnan(sizes)
    rows = np.flatnonzero(silent & np.isfinite(sizes) & (sizes > 0))
    found = []
    for place, scenario in enumerate(coded.scenarios):
        here = rows[coded.scenario[rows] == place]
        if not len(here):
            continue
        largest = here[int(sizes[here].argmax())]
        formats = [
            (name, float(sizes[here[coded.format[here] == number]].max()))
            for number, name in enumerate(coded.formats)
            if (coded.format[here] == number).any()
        ]
        found.append(
            Difference(
                cell=_cell_id(coded, int(largest)),
                scenario=scenario,
                size=float(sizes[largest]),
                formats=tuple(formats),
                cells=len(here),
            )
        )
    found.sort(key=lambda each: (-each.size, each.scenario))
    return found[:LARGEST], int((silent & ~np.isfinite(sizes)).sum())


def _plot_differences(found: Sequence[Difference], formats: Sequence[str]) -> Markup:
    row, end = 36, 96
    plot = Plot(
        width=SMALL, height=12 + row * len(found) + 28, left=20, right=end, top=12, bottom=28
    )
    sizes = [math.log10(size) for each in found for _, size in each.formats]
    low = math.floor(min(sizes))
    # One absurd number would leave no room for the others: it is at the edge, and written out.
    high = max(low + 1, min(math.ceil(max(sizes)), MOST))
    for power in range(low, high + 1, max(1, (high - low) // 6)):
        plot.vertical((power - low) / (high - low), f"1e{power}")
    for place, each in enumerate(found):
        y = plot.top + place * row + row / 2
        plot.text(each.scenario, 4, y - 3)
        y += 8
        plot.add("line", class_="grid", x1=plot.left, x2=plot.width - end, y1=y, y2=y)
        for name, size in each.formats:
            x = plot.x(min(1.0, (math.log10(size) - low) / (high - low)))
            shape = SHAPES[formats.index(name) % len(SHAPES)]
            plot.mark(shape, x, y, "d mark", f"{each.scenario}, {name}: {size:.2g}")
        beyond = "▸ " if math.log10(each.size) > high else ""
        plot.text(f"{beyond}{each.size:.2g}", plot.width - end + 12, y + 4)
    return plot.markup(
        "Largest absolute difference of a silently diverged load by scenario and format, on a "
        "logarithmic axis; the table below has the numbers"
    )


def _cell_id(coded: Coded, row: int) -> str:
    pair = f"{coded.environments[coded.writer[row]]}->{coded.environments[coded.reader[row]]}"
    scenario, format_ = coded.scenarios[coded.scenario[row]], coded.formats[coded.format[row]]
    return f"{scenario}/{format_}/{pair}/{coded.remedies[coded.remedy[row]]}"


PAGE = Page(name="pictures", order=80, label="Pictures", files=_files)
