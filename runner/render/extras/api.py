"""The JSON API: plain files that any program can fetch, `reports/schemas/api.schema.json`.

Input: the published data. Output: `(name, text)` of `api/index.json`, and of one file for
each scenario and each environment. A grid is a row of letters for each writer; `letters`
of the index says which outcome each stands for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.analyse.grids import BLANK, MEASURED, OUTCOMES, Coded, Codes, Mask, bare_loads
from runner.domain import OUTCOME_TABLE, Help
from runner.publish.api_record import (
    ApiBareLoads,
    ApiEnvironment,
    ApiEnvironmentLink,
    ApiFormat,
    ApiGrid,
    ApiIndex,
    ApiRun,
    ApiScenario,
    ApiScenarioLink,
)
from runner.publish.reading import PublishedRun
from runner.publish.record import EnvironmentRecord, Record, ScenarioRecord, plain

BLANK_LETTER = "."
Helps = npt.NDArray[Any]
"""The `help` of rows of advice, as texts."""
LETTERS = {style.css: str(style.outcome) for style in OUTCOME_TABLE}


def api_files(
    data: PublishedRun, coded: Coded, advice: pd.DataFrame, data_href: str
) -> Iterator[tuple[str, str]]:
    """`(name, text)` of every file of the API; `data_href` leads from the site to the data."""
    helps = advice["help"].astype(object).to_numpy()
    of_scenario = advice["scenario"].astype(object).to_numpy()
    run = data.run
    yield "api/index.json", _dump(_index(data, helps, f"../{data_href}/"))
    for place, scenario in enumerate(run.scenarios):
        described = _describe_scenario(
            data, coded, place, scenario, helps[of_scenario == scenario.id]
        )
        yield f"api/scenarios/{scenario.id}.json", _dump(described)
    for place, environment in enumerate(run.environments):
        found = _describe_environment(coded, place, environment)
        yield f"api/environments/{environment.id}.json", _dump(found)


def _index(data: PublishedRun, helps: Helps, data_href: str) -> ApiIndex:
    run = data.run
    return ApiIndex(
        schema="api-index/1",
        run=ApiRun(
            started=run.started,
            finished=run.finished,
            profile=run.profile,
            tool_version=run.tool_version,
        ),
        cells=run.totals.cells,
        by_outcome={str(name): count for name, count in run.totals.by_outcome.items()},
        help=_by_help(helps),
        letters={**LETTERS, BLANK_LETTER: ""},
        formats=tuple(run.formats),
        remedies=tuple(each.id for each in run.remedies),
        scenarios=tuple(
            ApiScenarioLink(
                id=each.id,
                title=each.title,
                group=each.group,
                href=f"scenarios/{each.id}.json",
                page=f"../scenario/{each.id}.html",
            )
            for each in run.scenarios
        ),
        environments=tuple(
            ApiEnvironmentLink(
                id=each.id,
                family=each.family,
                released=each.released,
                href=f"environments/{each.id}.json",
                badge=f"../badges/{each.id}.svg",
                page=f"../release/{each.id}.html",
            )
            for each in run.environments
        ),
        files={
            "cells": f"{data_href}{data.csv}",
            "run": f"{data_href}run.json",
            "feed": "../feed.xml",
        },
    )


def _describe_scenario(
    data: PublishedRun, coded: Coded, place: int, scenario: ScenarioRecord, helps: Helps
) -> ApiScenario:
    here = np.flatnonzero(coded.scenario == place)
    causes = data.cells["cause"].iloc[here].astype(object).astype(str)
    numbers = Counter(causes[causes != ""].tolist())
    return ApiScenario(
        schema="api-scenario/1",
        id=scenario.id,
        title=scenario.title,
        summary=scenario.summary,
        group=scenario.group,
        aspects=scenario.aspects,
        cells=len(here),
        by_outcome=_by_outcome(coded.outcome[here]),
        causes={name: numbers[name] for name in sorted(numbers)},
        help=_by_help(helps),
        grids=tuple(_grids(coded, here)),
    )


def _grids(coded: Coded, here: Codes) -> Iterator[ApiGrid]:
    letters = np.array([*LETTERS, BLANK_LETTER])
    group = coded.format[here] * len(coded.remedies) + coded.remedy[here]
    for number in np.unique(group).tolist():
        rows = here[group == number]
        writers, row = np.unique(coded.writer[rows], return_inverse=True)
        readers, column = np.unique(coded.reader[rows], return_inverse=True)
        matrix = np.full((len(writers), len(readers)), BLANK, dtype=np.int64)
        matrix[row.reshape(-1), column.reshape(-1)] = coded.outcome[rows]
        yield ApiGrid(
            format=coded.formats[number // len(coded.remedies)],
            remedy=coded.remedies[number % len(coded.remedies)],
            cells=len(rows),
            writers=tuple(coded.environments[each] for each in writers.tolist()),
            readers=tuple(coded.environments[each] for each in readers.tolist()),
            outcomes=tuple("".join(letters[each].tolist()) for each in matrix),
        )


def _describe_environment(
    coded: Coded, place: int, environment: EnvironmentRecord
) -> ApiEnvironment:
    bare = bare_loads(coded)
    return ApiEnvironment(
        schema="api-environment/1",
        id=environment.id,
        family=environment.family,
        backend=environment.backend,
        python=environment.python,
        python_version=environment.python_version,
        released=environment.released,
        formats=environment.formats,
        status=environment.status,
        reason=environment.reason,
        resolved=environment.resolved,
        bare_loads=ApiBareLoads(
            as_reader=_by_format(coded, bare & (coded.reader == place)),
            as_writer=_by_format(coded, bare & (coded.writer == place)),
        ),
    )


def _by_format(coded: Coded, rows: Mask) -> dict[str, ApiFormat]:
    found = {}
    for number, name in enumerate(coded.formats):
        outcomes = coded.outcome[rows & (coded.format == number)]
        if len(outcomes):
            found[name] = ApiFormat(
                cells=len(outcomes),
                tried=int(MEASURED[outcomes].sum()),
                by_outcome=_by_outcome(outcomes),
            )
    return found


def _by_outcome(outcomes: Codes) -> dict[str, int]:
    numbers = np.bincount(outcomes, minlength=len(OUTCOMES)).tolist()
    return {str(name): number for name, number in zip(OUTCOMES, numbers, strict=True) if number}


def _by_help(helps: Helps) -> dict[Help, int]:
    numbers = Counter(helps.tolist())
    return {each: numbers[str(each)] for each in Help}


def _dump(record: Record) -> str:
    found = plain(record)
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
