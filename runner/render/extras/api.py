"""The JSON API: plain files that any program can fetch, `reports/schemas/api.schema.json`.

Input: the published data. Output: `(name, text)` of `api/index.json`, and of one file for
each scenario and each environment. A grid is a row of letters for each writer; `letters`
of the index says which outcome each stands for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from runner.analyse.grids import BLANK, MEASURED, OUTCOMES, Coded, Codes, Mask, bare_loads
from runner.domain import OUTCOME_TABLE
from runner.publish.reading import PublishedRun
from runner.publish.record import EnvironmentRecord, RunRecord, ScenarioRecord

BLANK_LETTER = "."
LETTERS = {style.css: str(style.outcome) for style in OUTCOME_TABLE}


def api_files(data: PublishedRun, coded: Coded, data_href: str) -> Iterator[tuple[str, str]]:
    """`(name, text)` of every file of the API; `data_href` leads from the site to the data."""
    run = data.run
    yield "api/index.json", _dump(_index(run, f"../{data_href}/"))
    for place, scenario in enumerate(run.scenarios):
        record = _scenario_record(data, coded, place, scenario)
        yield f"api/scenarios/{scenario.id}.json", _dump(record)
    for place, environment in enumerate(run.environments):
        record = _environment_record(coded, place, environment)
        yield f"api/environments/{environment.id}.json", _dump(record)


def _index(run: RunRecord, data_href: str) -> dict[str, Any]:
    return {
        "schema": "api-index/1",
        "run": {
            "started": run.started,
            "finished": run.finished,
            "profile": run.profile,
            "tool_version": run.tool_version,
        },
        "cells": run.totals.cells,
        "by_outcome": dict(run.totals.by_outcome),
        "letters": {**LETTERS, BLANK_LETTER: ""},
        "formats": list(map(str, run.formats)),
        "remedies": [each.id for each in run.remedies],
        "scenarios": [
            {
                "id": each.id,
                "title": each.title,
                "group": each.group,
                "href": f"scenarios/{each.id}.json",
                "page": f"../scenario/{each.id}.html",
            }
            for each in run.scenarios
        ],
        "environments": [
            {
                "id": each.id,
                "family": each.family,
                "released": each.released.isoformat(),
                "href": f"environments/{each.id}.json",
                "badge": f"../badges/{each.id}.svg",
            }
            for each in run.environments
        ],
        "files": {
            "cells": f"{data_href}cells.csv",
            "run": f"{data_href}run.json",
            "feed": "../feed.xml",
        },
    }


def _scenario_record(
    data: PublishedRun, coded: Coded, place: int, scenario: ScenarioRecord
) -> dict[str, Any]:
    here = np.flatnonzero(coded.scenario == place)
    causes = data.cells["cause"].iloc[here].astype(object).astype(str)
    numbers = Counter(causes[causes != ""].tolist())
    return {
        "schema": "api-scenario/1",
        "id": scenario.id,
        "title": scenario.title,
        "summary": scenario.summary,
        "group": scenario.group,
        "aspects": list(scenario.aspects),
        "cells": len(here),
        "by_outcome": _by_outcome(coded.outcome[here]),
        "causes": {name: numbers[name] for name in sorted(numbers)},
        "grids": list(_grids(coded, here)),
    }


def _grids(coded: Coded, here: Codes) -> Iterator[dict[str, Any]]:
    letters = np.array([*LETTERS, BLANK_LETTER])
    group = coded.format[here] * len(coded.remedies) + coded.remedy[here]
    for number in np.unique(group).tolist():
        rows = here[group == number]
        writers, row = np.unique(coded.writer[rows], return_inverse=True)
        readers, column = np.unique(coded.reader[rows], return_inverse=True)
        matrix = np.full((len(writers), len(readers)), BLANK, dtype=np.int64)
        matrix[row.reshape(-1), column.reshape(-1)] = coded.outcome[rows]
        yield {
            "format": coded.formats[number // len(coded.remedies)],
            "remedy": coded.remedies[number % len(coded.remedies)],
            "cells": len(rows),
            "writers": [coded.environments[each] for each in writers.tolist()],
            "readers": [coded.environments[each] for each in readers.tolist()],
            "outcomes": ["".join(letters[each].tolist()) for each in matrix],
        }


def _environment_record(coded: Coded, place: int, environment: EnvironmentRecord) -> dict[str, Any]:
    bare = bare_loads(coded)
    return {
        "schema": "api-environment/1",
        "id": environment.id,
        "family": environment.family,
        "backend": environment.backend,
        "python": environment.python,
        "python_version": environment.python_version,
        "released": environment.released.isoformat(),
        "formats": environment.formats,
        "status": environment.status,
        "reason": environment.reason,
        "resolved": dict(environment.resolved),
        "bare_loads": {
            "as_reader": _by_format(coded, bare & (coded.reader == place)),
            "as_writer": _by_format(coded, bare & (coded.writer == place)),
        },
    }


def _by_format(coded: Coded, rows: Mask) -> dict[str, Any]:
    found = {}
    for number, name in enumerate(coded.formats):
        outcomes = coded.outcome[rows & (coded.format == number)]
        if len(outcomes):
            found[name] = {
                "cells": len(outcomes),
                "tried": int(MEASURED[outcomes].sum()),
                "by_outcome": _by_outcome(outcomes),
            }
    return found


def _by_outcome(outcomes: Codes) -> dict[str, int]:
    numbers = np.bincount(outcomes, minlength=len(OUTCOMES)).tolist()
    return {str(name): number for name, number in zip(OUTCOMES, numbers, strict=True) if number}


def _dump(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
