"""The causes of a published run's cells, found again from its observations. Pure."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from runner.domain import ID_COLUMNS, UNEXPLAINED, Aspect, Cause, Format, Outcome
from runner.domain.hops import Reading, last_reading
from runner.judge.cause import CauseTable, Symptoms, detail_lines
from runner.publish.reading import PublishedRun

_SEEN = ("stage", "exception", "message", "traceback", "compared", "reason")


def explain_table(data: PublishedRun, causes: Sequence[Cause]) -> pd.DataFrame:
    """Return the cells of a run with the causes that today's rules give them."""
    table = CauseTable(causes)
    damaged = {each.id: bool(each.damage) for each in data.run.scenarios}
    ids = list(ID_COLUMNS)
    seen = data.observations.rename(columns={"aspects": "compared"})[[*ids, *_SEEN]]
    hops = data.run.hop_remedies
    rows = data.cells[[*ids, "outcome", "aspects", "steps"]].merge(seen, on=ids, how="left")
    found = [
        _find(table, row, damaged=damaged[row["scenario"]], hops=row["remedy"] in hops)
        for row in rows.astype(object).fillna("").to_dict("records")
    ]
    return data.cells.assign(cause=pd.Categorical(found))


def _find(table: CauseTable, row: Mapping[Hashable, str], *, damaged: bool, hops: bool) -> str:
    outcome = Outcome(row["outcome"])
    if outcome in UNEXPLAINED:
        return ""
    compared = json.loads(row["compared"]) if row["compared"] else {}
    differing = [name for name in row["aspects"].split(";") if name]
    read = last_reading(
        Reading(row["writer"], Format(row["format"]), row["reader"]),
        row["steps"].split(";") if hops and row["steps"] else (),
        saved=outcome is not Outcome.SAVE_ERROR,
    )
    return table.find(
        Symptoms(
            outcome=outcome,
            stage=row["stage"],
            exception=row["exception"],
            message=row["message"] or row["reason"],
            traceback=row["traceback"],
            scenario=row["scenario"],
            format=read.format,
            remedy=row["remedy"],
            writer=read.writer,
            reader=read.reader,
            damaged=damaged,
            aspects=frozenset(map(Aspect, differing)),
            details=detail_lines(compared, differing),
        )
    )
