"""The files of the site's JSON API as frozen types: an index, each scenario, each environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

import msgspec

from runner.domain import Help
from runner.publish.record import Count, Record

Some = Annotated[int, msgspec.Meta(ge=1)]
ByOutcome = Annotated[
    Mapping[str, Count], msgspec.Meta(description="Cells by outcome, without zeros.")
]
ByHelp = Annotated[
    Mapping[Help, Count],
    msgspec.Meta(
        description="Bare loads that need advice, by what other ways of loading do for them, with "
        "zeros; `not_tried` is no answer: none was measured."
    ),
]
FromIndex = Annotated[str, msgspec.Meta(description="Relative to api/index.json.")]


class ApiRun(Record, kw_only=True, frozen=True):
    """Which run it is."""

    started: str
    finished: str
    profile: str
    tool_version: str


class ApiScenarioLink(Record, kw_only=True, frozen=True):
    """A scenario, and where its file and its page are."""

    id: str
    title: str
    group: str
    href: FromIndex
    page: FromIndex


class ApiEnvironmentLink(Record, kw_only=True, frozen=True):
    """An environment, and where its file and its badge are."""

    id: str
    family: str
    released: date
    href: FromIndex
    badge: FromIndex
    page: FromIndex = ""


class ApiIndex(Record, kw_only=True, frozen=True):
    """api/index.json."""

    schema: Literal["api-index/1"]
    run: ApiRun
    cells: Count
    by_outcome: ByOutcome
    help: ByHelp
    letters: Annotated[
        Mapping[str, str],
        msgspec.Meta(description="Letter of a grid -> outcome; empty where there is no cell."),
    ]
    formats: tuple[str, ...]
    remedies: tuple[str, ...]
    scenarios: tuple[ApiScenarioLink, ...]
    environments: Annotated[
        tuple[ApiEnvironmentLink, ...], msgspec.Meta(description="In order of release.")
    ]
    files: Mapping[str, FromIndex]


class ApiGrid(Record, kw_only=True, frozen=True):
    """The outcomes of one format and remedy."""

    format: str
    remedy: str
    cells: Some
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    outcomes: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="A row a writer, a letter a reader; `letters` of the index."),
    ]


class ApiScenario(Record, kw_only=True, frozen=True):
    """api/scenarios/ID.json."""

    schema: Literal["api-scenario/1"]
    id: str
    title: str
    summary: str
    group: str
    aspects: tuple[str, ...]
    cells: Count
    by_outcome: ByOutcome
    causes: Annotated[Mapping[str, Some], msgspec.Meta(description="Cells by cause.")]
    help: ByHelp
    grids: tuple[ApiGrid, ...]


class ApiFormat(Record, kw_only=True, frozen=True):
    """The bare loads of one format."""

    cells: Some
    tried: Annotated[
        Count,
        msgspec.Meta(description="Cells in which the reader ran: a share is taken of these."),
    ]
    by_outcome: ByOutcome


class ApiBareLoads(Record, kw_only=True, frozen=True):
    """Bare loads by format, in either role."""

    as_reader: Mapping[str, ApiFormat]
    as_writer: Mapping[str, ApiFormat]


class ApiEnvironment(Record, kw_only=True, frozen=True):
    """api/environments/ID.json."""

    schema: Literal["api-environment/1"]
    id: str
    family: str
    backend: str
    python: str
    python_version: str
    released: date
    formats: tuple[str, ...]
    status: Literal["available", "unavailable"]
    reason: str
    resolved: Mapping[str, str]
    bare_loads: ApiBareLoads
