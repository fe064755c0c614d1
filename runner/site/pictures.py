"""Pictures of a run: coverage over release dates, where formats break, largest differences.

Input: the published data and the coded cells. Output: a plot and the rows of the table
beside it. A plot holds nothing that its table does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from markupsafe import Markup

from runner.domain import Outcome
from runner.grids import BARE, MEASURED, OUTCOMES, Coded, Codes, Mask
from runner.report_data import ReportData
from runner.site.svg import SHAPES, Plot
from runner.vocabulary import FAMILY_CSS

EQUIVALENT = OUTCOMES.index(Outcome.EQUIVALENT)
DIVERGED = OUTCOMES.index(Outcome.DIVERGED)
LARGEST = 25
"""Scenarios whose largest difference is drawn."""
LONGEST_NAME = 48
"""Letters of a scenario's id that fit beside a plot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How much one reader reads, by format: what was tried, and what came back the same."""

    reader: str
    family: str
    css: str
    shape: str
    released: str
    tried: int
    same: int
    silent: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.same / self.tried


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The largest difference among the silently diverged loads of a scenario."""

    cell: str
    scenario: str
    size: float
    formats: tuple[tuple[str, float], ...]
    """Each format's own largest."""
    cells: int


def picture_page(data: ReportData, coded: Coded) -> dict[str, Any]:
    """Return what `pictures.html` shows."""
    shapes = _shapes(data.run)
    coverage = {
        name: list(_coverage(data.run, coded, rows, shapes))
        for name, rows in _tried_by_format(coded)
    }
    steps = {name: list(_steps(data.run, coded, rows)) for name, rows in _tried_by_format(coded)}
    differences, infinite = _differences(data, coded)
    return {
        "coverage": [
            (name, found, _plot_coverage(name, found)) for name, found in coverage.items()
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


def _shapes(run: Mapping[str, Any]) -> dict[str, str]:
    """Give each family of the run a shape of its own."""
    families = list(dict.fromkeys(each["family"] for each in run["environments"]))
    return dict(zip(families, SHAPES, strict=False))


def _tried_by_format(coded: Coded) -> Iterator[tuple[str, Codes]]:
    """Rows of the bare loads between two environments that were tried, for each format."""
    if BARE not in coded.remedies:
        return
    bare = coded.remedy == coded.remedies.index(BARE)
    tried: Mask = bare & MEASURED[coded.outcome] & (coded.writer != coded.reader)
    for place, name in enumerate(coded.formats):
        rows = np.flatnonzero(tried & (coded.format == place))
        if len(rows):
            yield name, rows


# --- coverage ------------------------------------------------------------------------------


def _coverage(
    run: Mapping[str, Any], coded: Coded, rows: Codes, shapes: Mapping[str, str]
) -> Iterator[Coverage]:
    for place, environment in enumerate(run["environments"]):
        outcomes = coded.outcome[rows[coded.reader[rows] == place]]
        if len(outcomes):
            yield Coverage(
                reader=environment["id"],
                family=environment["family"],
                css=FAMILY_CSS_OF[environment["family"]],
                shape=shapes[environment["family"]],
                released=environment["released"],
                tried=len(outcomes),
                same=int((outcomes == EQUIVALENT).sum()),
                silent=int((outcomes == DIVERGED).sum()),
            )


def _plot_coverage(name: str, found: Sequence[Coverage]) -> Markup:
    plot = Plot(width=720, height=260)
    days = [date.fromisoformat(each.released).toordinal() for each in found]
    first = date(date.fromordinal(min(days)).year, 1, 1).toordinal()
    last = date(date.fromordinal(max(days)).year + 1, 1, 1).toordinal()
    for percent in range(0, 101, 25):
        plot.horizontal(percent / 100, f"{percent} %")
    for year in range(date.fromordinal(first).year, date.fromordinal(last).year + 1):
        plot.vertical((date(year, 1, 1).toordinal() - first) / (last - first), str(year))
    places = [
        (plot.x((day - first) / (last - first)), plot.y(each.share))
        for day, each in zip(days, found, strict=True)
    ]
    for css in dict.fromkeys(each.css for each in found):
        line = [at for at, each in zip(places, found, strict=True) if each.css == css]
        plot.line(sorted(line), f"{css} line")
    for (x, y), each in zip(places, found, strict=True):
        said = f"{each.reader}: {100 * each.share:.0f} % of {each.tried}"
        plot.mark(each.shape, x, y, f"{each.css} mark", said)
    return plot.markup(
        f"{name}: share of other writers' files that each reader loads as the same model, over "
        "the reader's release date; the table below has the numbers"
    )


# --- where formats break -------------------------------------------------------------------


def _steps(run: Mapping[str, Any], coded: Coded, rows: Codes) -> Iterator[Step]:
    """Hold each reader against the one before it of the same family and backend."""
    size = len(coded.environments)
    keys = coded.scenario[rows] * size + coded.writer[rows]
    good = coded.outcome[rows] == EQUIVALENT
    last: dict[tuple[str, str], int] = {}
    for place, environment in enumerate(run["environments"]):
        line = (environment["family"], environment["backend"])
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
            after=environment["id"],
            css=FAMILY_CSS_OF[environment["family"]],
            both=len(both),
            lost=len(lost),
            won=sum(new[key] and not old[key] for key in both),
            scenario=coded.scenarios[int(numbers.argmax())] if numbers is not None else "",
        )


def _plot_steps(name: str, steps: Sequence[Step]) -> Markup | None:
    """Draw the steps that changed anything; none did if there are none."""
    if not steps:
        return None
    row, left = 18, 190
    plot = Plot(width=720, height=30 + row * len(steps) + 24, left=left, top=30, bottom=24)
    widest = max(0.1, *(max(each.lost, each.won) / each.both for each in steps))
    half, middle = plot.inner_width / 2 - 40, left + plot.inner_width / 2
    plot.text("loads lost ◂", middle - 8, 18, "end")
    plot.text("▸ loads won", middle + 8, 18)
    for place, each in enumerate(steps):
        y = plot.top + place * row
        plot.text(f"{each.before} → {each.after}", left - 8, y + 12, "end")
        lost, won = (half * number / each.both / widest for number in (each.lost, each.won))
        if each.lost:
            plot.bar((middle - lost, y + 2, lost, row - 6), "l", f"{each.lost} of {each.both}")
            plot.text(f"−{each.lost}", middle - lost - 4, y + 12, "end")  # noqa: RUF001
        if each.won:
            plot.bar((middle, y + 2, won, row - 6), "e", f"{each.won} of {each.both}")
            plot.text(f"+{each.won}", middle + won + 4, y + 12)
    plot.add("line", class_="axis", x1=middle, x2=middle, y1=plot.top, y2=plot.height - 24)
    plot.text(f"longest bar: {100 * widest:.0f} % of the loads both tried", left, plot.height - 6)
    return plot.markup(
        f"{name}: how many loads each reader lost and won against the reader before it; the "
        "table below has the numbers"
    )


# --- largest differences -------------------------------------------------------------------


def _differences(data: ReportData, coded: Coded) -> tuple[list[Difference], int]:
    """The largest of each scenario, the largest first; and how many are not finite."""
    sizes = data.cells["max_abs_diff"].to_numpy(dtype=np.float64, na_value=np.nan)
    silent = (coded.outcome == DIVERGED) & ~np.isnan(sizes)
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
    row, left = 20, 330
    plot = Plot(width=860, height=20 + row * len(found) + 32, left=left, top=20, bottom=32)
    sizes = [size for each in found for _, size in each.formats]
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))
    high = max(high, low + 1)
    step = max(1, (high - low) // 8)
    for power in range(low, high + 1, step):
        plot.vertical((power - low) / (high - low), f"1e{power}")
    for place, each in enumerate(found):
        y = plot.top + place * row + row / 2
        plot.add("line", class_="grid", x1=left, x2=plot.width - plot.right, y1=y, y2=y)
        plot.text(_cut(each.scenario), left - 8, y + 4, "end")
        for name, size in each.formats:
            x = plot.x((math.log10(size) - low) / (high - low))
            shape = SHAPES[formats.index(name) % len(SHAPES)]
            plot.mark(shape, x, y, "d mark", f"{each.scenario}, {name}: {size:.2g}")
    return plot.markup(
        "Largest absolute difference of a silently diverged load by scenario and format, on a "
        "logarithmic axis; the table below has the numbers"
    )


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _cell_id(coded: Coded, row: int) -> str:
    pair = f"{coded.environments[coded.writer[row]]}->{coded.environments[coded.reader[row]]}"
    scenario, format_ = coded.scenarios[coded.scenario[row]], coded.formats[coded.format[row]]
    return f"{scenario}/{format_}/{pair}/{coded.remedies[coded.remedy[row]]}"
