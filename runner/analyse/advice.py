"""What works instead: for each bare load that is not equivalent, from measurements alone.

Pure. Input: the table of cells and the record of the run. Output: one row a pair that needs
advice, with the cheapest remedy that was measured `equivalent` in that very pair, or
`none_of_tried`, or `not_tried`; and the nearest environment that reads the file bare.

Nothing is inferred from a neighbouring version: what was not measured is not advised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from runner.analyse.attribution import attribute_failures
from runner.domain import BARE, FAILED, MEASURED, Outcome
from runner.publish.columns import AdviceRow, column_names
from runner.publish.reading import PublishedRun
from runner.publish.record import RunRecord

NONE_OF_TRIED = "none_of_tried"
NOT_TRIED = "not_tried"
PAIR_COLUMNS = ("scenario", "format", "writer", "reader")
ADVICE_COLUMNS = column_names(AdviceRow)


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """What to tell the person who has one file and one reader."""

    scenario: str
    format: str
    writer: str
    reader: str
    outcome: str
    remedy: str
    """Id of the cheapest remedy that works, `none_of_tried` or `not_tried`; `none` if the
    bare load does."""
    title: str
    code: str
    gives_up: tuple[str, ...]
    tried: int
    nearest: str
    """The nearest environment that reads this file bare; empty if none does."""


def build_advice(cells: pd.DataFrame, run: RunRecord) -> pd.DataFrame:
    """Return one row, with ADVICE_COLUMNS, for each bare load that is not equivalent.

    Left out are those that never had a file to read or never ran, but not files whose
    format the reader does not have: another way of loading may.
    """
    bare = cells[cells["remedy"].astype(str) == BARE]
    needing = bare[_needs_advice(bare)]
    advice = needing[[*PAIR_COLUMNS, "outcome"]].astype(str).reset_index(drop=True)
    keys = pd.MultiIndex.from_frame(advice[list(PAIR_COLUMNS)])
    best, tried = _best_remedies(cells, run)
    advice["tried"] = tried.reindex(keys, fill_value=0).to_numpy(dtype=np.int64)
    unhelped = np.where(advice["tried"] > 0, NONE_OF_TRIED, NOT_TRIED)
    found = best.reindex(keys).to_numpy()
    advice["advice"] = np.where(pd.isna(found), unhelped, found).astype(object)
    advice["nearest"] = _nearest_readers(bare, advice, run)
    attribution = attribute_failures(cells)[needing.index]
    advice["attribution"] = attribution.to_numpy()
    return advice[list(ADVICE_COLUMNS)]


def advise(data: PublishedRun, pair: Mapping[str, str]) -> Advice | None:
    """Return what a published run advises for one pair; None if it is not in the run."""
    advice = build_advice(data.cells, data.run) if data.advice is None else data.advice
    return advise_pair(advice, data.cells, data.run, pair)


def advise_pair(
    advice: pd.DataFrame, cells: pd.DataFrame, run: RunRecord, pair: Mapping[str, str]
) -> Advice | None:
    """Return the advice for one pair (`pair` names PAIR_COLUMNS); None if it is not in the run."""
    wanted = {column: pair[column] for column in PAIR_COLUMNS}
    rows = _matching(advice, wanted)
    if len(rows):
        row = rows.iloc[0]
        return _advice(wanted, run, {str(key): row[key] for key in rows.columns})
    bare = _matching(cells, {**wanted, "remedy": BARE})
    if not len(bare):
        return None
    outcome = str(bare.iloc[0]["outcome"])
    remedy = BARE if outcome == Outcome.EQUIVALENT else NOT_TRIED
    return _advice(wanted, run, {"outcome": outcome, "advice": remedy, "tried": 0, "nearest": ""})


def describe_advice(advice: Advice) -> list[str]:
    """Return the advice in lines of text."""
    if advice.remedy == BARE:
        return ["advice: the bare load works, and everything compared agrees"]
    if advice.outcome not in MEASURED | {Outcome.UNSUPPORTED}:
        return [f"advice: none, as nothing was loaded ({advice.outcome})"]
    lines = [f"bare load: {advice.outcome}"]
    if advice.remedy == NONE_OF_TRIED:
        lines.append(f"advice: none of the {advice.tried} other ways tried worked for this pair")
    elif advice.remedy == NOT_TRIED:
        lines.append("advice: no other way was tried for this pair")
    else:
        lines += [
            f"advice: {advice.remedy}: {advice.title} (measured equivalent for this pair)",
            f"  {_shown(advice.code)}",
            f"  gives up: {', '.join(advice.gives_up) or 'nothing'}",
        ]
    lines.append(f"nearest environment that reads it bare: {advice.nearest or 'none'}")
    return lines


def _shown(code: str) -> str:
    """Write the code as a person would: the braces of the declaration are doubled."""
    return code.replace("{path}", "path").replace("{{", "{").replace("}}", "}")


def _advice(pair: Mapping[str, str], run: RunRecord, row: Mapping[str, Any]) -> Advice:
    remedy = next((each for each in run.remedies if each.id == str(row["advice"])), None)
    return Advice(
        scenario=pair["scenario"],
        format=pair["format"],
        writer=pair["writer"],
        reader=pair["reader"],
        outcome=str(row["outcome"]),
        remedy=str(row["advice"]),
        title=remedy.title if remedy else "",
        code=remedy.code if remedy else "",
        gives_up=tuple(map(str, remedy.gives_up)) if remedy else (),
        tried=int(row["tried"]),
        nearest=str(row["nearest"]),
    )


def _needs_advice(bare: pd.DataFrame) -> pd.Series[bool]:
    outcome = bare["outcome"].astype(str)
    unread = (outcome == Outcome.UNSUPPORTED) & (bare["artifact_sha256"].astype(str) != "")
    return outcome.isin([str(each) for each in FAILED]) | unread


def _best_remedies(cells: pd.DataFrame, run: RunRecord) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return, by pair, the cheapest remedy that works, and how many were tried."""
    outcome = cells["outcome"].astype(str)
    remedied = cells["remedy"].astype(str) != BARE
    tried = cells[remedied & outcome.isin([str(each) for each in MEASURED])]
    rank = {each.id: (each.cost, place) for place, each in enumerate(run.remedies)}
    order = {name: place for place, name in enumerate(sorted(rank, key=lambda each: rank[each]))}
    text = tried[[*PAIR_COLUMNS, "remedy"]].astype(str)
    counts = text.groupby(list(PAIR_COLUMNS))["remedy"].size()
    working = text[tried["outcome"].astype(str) == Outcome.EQUIVALENT]
    working = working.assign(rank=working["remedy"].map(order)).sort_values("rank", kind="stable")
    return working.groupby(list(PAIR_COLUMNS))["remedy"].first(), counts


def _nearest_readers(bare: pd.DataFrame, advice: pd.DataFrame, run: RunRecord) -> list[str]:
    """Return for each row the environment nearest to the reader that reads the file bare.

    Nearest by place in release order; of two as near, the newer.
    """
    places = {name: place for place, name in enumerate(run.environment_ids)}
    good = bare[bare["outcome"].astype(str) == Outcome.EQUIVALENT]
    artifact = list(PAIR_COLUMNS[:3])
    readers = {
        key: sorted(group, key=lambda name: places[name])
        for key, group in good[[*artifact, "reader"]].astype(str).groupby(artifact)["reader"]
    }
    return [
        _nearest(readers.get((scenario, format_, writer), ()), reader, places)
        for scenario, format_, writer, reader in advice[list(PAIR_COLUMNS)].itertuples(index=False)
    ]


def _nearest(readers: Sequence[str], reader: str, places: Mapping[str, int]) -> str:
    here = places[reader]
    return min(readers, key=lambda name: (abs(places[name] - here), -places[name]), default="")


def _matching(frame: pd.DataFrame, wanted: Mapping[str, str]) -> pd.DataFrame:
    chosen = pd.Series(data=True, index=frame.index)
    for column, value in wanted.items():
        chosen &= frame[column].astype(str) == value
    return frame[chosen]
