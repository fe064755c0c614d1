"""A page: its name, its place in the navigation, and the function that makes its files.

Each module of `pages/` declares a `Page`; its function gets a `Site`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import jinja2
import numpy as np
import pandas as pd

from runner.analyse.advice import build_advice
from runner.analyse.boundaries import GridBoundaries, describe_boundaries
from runner.analyse.explain import Evidence
from runner.analyse.grids import Coded, Codes, Mask, bare_loads, tell_apart
from runner.analyse.messages import Family, find_families, texts_of
from runner.analyse.releases import Release, Releases
from runner.domain import Cause, Scenario
from runner.publish.change_points import BisectionRecord
from runner.publish.reading import PublishedRun

File = tuple[str, str]
"""Name within the site, with slashes, and text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One kind of page; a module of `pages/` holds one."""

    name: str
    """Of its template, and of its file where it has only one."""
    order: int
    """Place among the pages, in the navigation too."""
    files: Callable[[Site], Iterator[File]]
    label: str = ""
    """Its word in the navigation; empty where only other pages lead to it."""
    parent: str = ""
    """Name of the page that the navigation marks in its place."""
    listed: bool = True
    """Whether the map of the site names it: not where its address alone shows nothing."""

    @property
    def template(self) -> str:
        """Its file in `reports/templates`."""
        return f"{self.name}.html"


@dataclass(frozen=True, kw_only=True, slots=True)
class Declarations:
    """What the pages need beyond a run; without it they know a visitor's text or file less well."""

    causes: Sequence[Cause] = ()
    """Their rules explain an error text of which the run has no like."""
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    """Their witnesses recognise a feature in a file."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The site that is being made: the run it shows, its templates and its addresses."""

    data: PublishedRun
    coded: Coded
    templates: jinja2.Environment
    data_href: str
    """Leads from the site to the data."""
    base_url: str
    """Where the site is served from, with a slash at its end; empty where nobody said so."""
    bisections: Sequence[BisectionRecord] = ()
    """Cells that were measured at every release between two environments."""
    declared: Declarations
    """What a visitor's own error text or file is held against."""

    @cached_property
    def messages(self) -> tuple[Family, ...]:
        """The families of the run's error texts."""
        return find_families(Evidence(texts=texts_of(self.data, self.coded)))

    @cached_property
    def bare(self) -> Mask:
        """Which cells are bare loads."""
        return bare_loads(self.coded)

    @cached_property
    def about(self) -> Codes:
        """What each cell says something about; see `grids.tell_apart`."""
        return tell_apart(self.data, self.coded)

    @cached_property
    def advice(self) -> pd.DataFrame:
        """The advice: a row for each bare load that needs it."""
        given = self.data.advice
        return build_advice(self.data.cells, self.data.run) if given is None else given

    @cached_property
    def releases(self) -> list[Release]:
        """Every environment against the one before it, in order of release."""
        return Releases(
            self.data, self.coded, self.advice, bare=self.bare, about=self.about
        ).describe()

    @cached_property
    def boundaries(self) -> dict[str, list[GridBoundaries]]:
        """The boundaries of each scenario that has cells."""
        found: dict[str, list[GridBoundaries]] = {}
        for grid in describe_boundaries(self.coded, np.arange(len(self.coded.outcome))):
            found.setdefault(grid.scenario, []).append(grid)
        return found

    def render(self, page: Page, name: str = "", **shown: object) -> File:
        """Fill the template of a page; `name` is its file where a page has several."""
        name = name or page.template
        address = self.base_url and self.base_url + ("" if name == "index.html" else name)
        text = self.templates.get_template(page.template).render(
            root="../" * name.count("/"), here=page, address=address, **shown
        )
        return name, text
