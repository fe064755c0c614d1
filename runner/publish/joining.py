"""The joining of published runs: tables and records of parts -> those of the whole.

Input: parts as they were read. Output: one table of cells, one of observations and one run
record, or a `PartsDisagree` that names the cell and both folders. What is said of the whole is
concluded anew by whoever joins (`runner.merging`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from msgspec import structs

from runner.domain import FACTS, ID_COLUMNS, Outcome
from runner.domain.errors import PartsDisagree
from runner.publish.files import NOT_BUILT_HERE
from runner.publish.reading import PublishedRun
from runner.publish.record import (
    AuditSummary,
    AuditTally,
    ControlRecord,
    EnvironmentRecord,
    HostRecord,
    KeptRecord,
    MergedRecord,
    RunRecord,
    ShardRecord,
    TotalsRecord,
)
from runner.publish.tables import (
    Order,
    count_totals,
    join_cells,
    join_observations,
    number_cells,
)

SAME = ("outcome", "cause", "aspects", "artifact_sha256")
"""The columns that are the same in both, where two parts measured a cell."""
MADE_OF = (
    ("probe", (), "the probe"),
    ("recipe", ("scenario", "remedy"), "the code of scenario {}"),
    ("writer_lock", ("writer",), "the lock of {}"),
    ("reader_lock", ("reader",), "the lock of {}"),
    ("artifact_sha256", ("scenario", "format", "writer"), "the saved model of {}"),
)
"""A column, the columns that it depends on, and its meaning: there is one value in all parts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part, and the folder it was read from."""

    folder: Path
    data: PublishedRun


def pieces_of(parts: Sequence[Part]) -> list[MergedRecord]:
    """Return the runs that the parts are of; of one that was joined before, those it is of."""
    found: dict[MergedRecord, None] = {}
    for part in parts:
        run = part.data.run
        own = MergedRecord(
            started=run.started,
            finished=run.finished,
            profile=run.profile,
            selection=run.selection,
            cells=run.totals.cells,
            host=run.host,
            shard=run.shard,
        )
        found |= dict.fromkeys(run.merged or (own,))
    return sorted(found, key=lambda each: (each.shard.index if each.shard else 0, each.started))


def common_shard(pieces: Sequence[MergedRecord]) -> ShardRecord | None:
    """Return one shard of the plan that all pieces are shards of; None if they are not."""
    first = pieces[0].shard
    alike = all(
        each.shard is not None
        and first is not None
        and (each.shard.plan, each.shard.of) == (first.plan, first.of)
        for each in pieces
    )
    return first if alike else None


# --- may they be joined ----------------------------------------------------------------


def require_alike(parts: Sequence[Part]) -> None:
    """Return if all parts were measured with the same tool, scenarios, locks and saved models.

    Raises:
        PartsDisagree: they were not.
    """
    first = parts[0]
    for part in parts[1:]:
        _require_equal(first, part, "tool version", lambda run: run.tool_version)
    _require_one_plan(parts)
    _require_same_environments(parts)
    for column, keys, meaning in MADE_OF:
        _require_one_value(parts, column, keys, meaning)


def _require_equal(one: Part, other: Part, what: str, of: Callable[[RunRecord], str]) -> None:
    if of(one.data.run) != of(other.data.run):
        raise PartsDisagree(
            f"{one.folder} and {other.folder} have another {what}: "
            f"{of(one.data.run)} and {of(other.data.run)}",
            cause="they were measured with different versions of this tool",
            next_step="measure one of them again with the version of the other",
        )


def _require_one_plan(parts: Sequence[Part]) -> None:
    """Refuse shards of several plans: cells would be there twice, and others nowhere."""
    plans: dict[tuple[str, int], Part] = {}
    for part in parts:
        for piece in pieces_of([part]):
            if piece.shard is not None:
                plans.setdefault((piece.shard.plan, piece.shard.of), part)
    if len(plans) > 1:
        one, other = list(plans.values())[:2]
        raise PartsDisagree(
            f"{one.folder} and {other.folder} are shards of different plans",
            cause="the selections, the number of shards, the remedies, the checkouts or their "
            "published runs differ",
            next_step="measure all shards in one checkout with the same selection",
        )


def _require_same_environments(parts: Sequence[Part]) -> None:
    known: dict[str, tuple[Part, EnvironmentRecord]] = {}
    for part in parts:
        for each in part.data.run.environments:
            if not each.available:
                continue
            before, other = known.setdefault(each.id, (part, each))
            for name in ("lock_digest", "python_version", "base"):
                if getattr(each, name) != getattr(other, name):
                    raise PartsDisagree(
                        f"{each.id} is another environment in {before.folder} and in "
                        f"{part.folder}: {name} is {getattr(other, name)[:40]!r} and "
                        f"{getattr(each, name)[:40]!r}",
                        cause="the machines have different Pythons, images or locks",
                        next_step="measure one of them again with the environment of the other",
                    )


def _require_one_value(
    parts: Sequence[Part], column: str, keys: Sequence[str], meaning: str
) -> None:
    known: dict[tuple[str, ...], tuple[str, Path]] = {}
    for part in parts:
        cells = part.data.cells
        frame = cells.loc[cells[column] != "", [*keys, column]].astype(str).drop_duplicates()
        for *key, value in frame.itertuples(index=False, name=None):
            before, folder = known.setdefault(tuple(key), (value, part.folder))
            if before != value:
                raise PartsDisagree(
                    f"{meaning.format('/'.join(key))} is another in {folder} and in "
                    f"{part.folder}: {before[:12]} and {value[:12]}",
                    cause="each machine saved the model itself: share them with --artifacts"
                    if column == "artifact_sha256"
                    else "they were measured in different checkouts",
                    next_step="nox -s matrix -- --saves-only --artifacts SHARED"
                    if column == "artifact_sha256"
                    else "measure one of them again in the checkout of the other",
                )


# --- tables ----------------------------------------------------------------------------


def join_tables(parts: Sequence[Part], order: Order) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cells and the observations of all parts, each cell once.

    Of a cell that several parts have, the one that says something of the model counts, and of
    several of these the newest.

    Raises:
        PartsDisagree: two parts measured a cell with different results.
    """
    cells = [part.data.cells for part in parts]
    observations = [part.data.observations for part in parts]
    numbers = number_cells(*cells, *observations)
    keys, seen = numbers[: len(parts)], numbers[len(parts) :]
    chosen = _choose_rows(parts, keys)
    kept = [_rows(frame, mask) for frame, mask in zip(cells, chosen, strict=True)]
    told = [
        _rows(frame, np.isin(theirs, own[mask]))
        for frame, theirs, own, mask in zip(observations, seen, keys, chosen, strict=True)
    ]
    return join_cells(kept, order), join_observations(told, order)


def _rows(frame: pd.DataFrame, mask: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return these rows; where they are all, the table itself and no copy."""
    return frame if mask.all() else frame[mask]


def drop_rows(
    cells: pd.DataFrame, observations: pd.DataFrame, rows: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables without these rows of `cells`, and without what was observed of them."""
    if not rows:
        return cells, observations
    keys, seen = number_cells(cells, observations)
    dropped = np.zeros(len(cells), dtype=bool)
    dropped[list(rows)] = True
    return cells[~dropped], observations[~np.isin(seen, keys[dropped])]


def _choose_rows(
    parts: Sequence[Part], keys: Sequence[npt.NDArray[np.int64]]
) -> list[npt.NDArray[np.bool_]]:
    """Return for each part which of its rows count."""
    chosen = [np.ones(len(each), dtype=bool) for each in keys]
    every = np.concatenate(keys) if keys else np.array([], dtype=np.int64)
    numbers, counts = np.unique(every, return_counts=True)
    repeated = numbers[counts > 1]
    if not len(repeated):
        return chosen
    best: dict[int, tuple[int, int, dict[str, str]]] = {}
    for place, (part, own) in enumerate(zip(parts, keys, strict=True)):
        rows = np.flatnonzero(np.isin(own, repeated))
        columns = [*ID_COLUMNS, *SAME, "measured_at"]
        told = part.data.cells.iloc[rows][columns].astype(str).to_dict("records")
        for row, each in zip(rows, told, strict=True):
            text = {str(name): str(value) for name, value in each.items()}
            key = int(own[row])
            if key not in best:
                best[key] = (place, int(row), text)
                continue
            other, before, said = best[key]
            if _is_better(text, said, part, parts[other]):
                chosen[other][before] = False
                best[key] = (place, int(row), text)
            else:
                chosen[place][row] = False
    return chosen


def _is_better(row: Mapping[str, str], other: Mapping[str, str], part: Part, before: Part) -> bool:
    """Return whether a row counts and not the other.

    Raises:
        PartsDisagree: both say something of the model, and not the same.
    """
    judged, known = (FACTS[Outcome(each["outcome"])].judged for each in (row, other))
    if judged != known:
        return judged
    if judged and any(row[name] != other[name] for name in SAME):
        name = next(name for name in SAME if row[name] != other[name])
        cell = "{scenario}/{format}/{writer}->{reader}/{remedy}".format_map(row)
        raise PartsDisagree(
            f"{cell}: its {name} is {other[name][:60]!r} in {before.folder} and "
            f"{row[name][:60]!r} in {part.folder}",
            cause="two machines measured the cell and it behaves in two ways",
            next_step=f"nox -s matrix -- --force --select '{cell}'",
        )
    tried, before_tried = (FACTS[Outcome(each["outcome"])].tried for each in (row, other))
    return (tried, row["measured_at"]) > (before_tried, other["measured_at"])


# --- the run record --------------------------------------------------------------------


def join_records(
    parts: Sequence[Part],
    cells: pd.DataFrame,
    observations: pd.DataFrame,
    *,
    scenarios: Sequence[str],
    controls: Sequence[str],
) -> RunRecord:
    """Return the record of the whole; `scenarios` and `controls` are ids in their order.

    It says nothing of the cells yet: causes and the controls of words are concluded anew.
    """
    runs = [part.data.run for part in parts]
    first = runs[0]
    pieces = pieces_of(parts)
    totals = count_totals(cells)
    plans = {(each.profile, each.selection) for each in pieces}
    known = {each.id: each for run in reversed(runs) for each in run.scenarios}
    measured = set(cells["scenario"].astype(str).unique())
    durations: Counter[str] = Counter()
    for run in runs:
        durations.update(run.durations)
    return structs.replace(
        first,
        started=min(run.started for run in runs),
        finished=max(run.finished for run in runs),
        profile=first.profile,
        selection=first.selection if len(plans) == 1 else (),
        executor=_words(run.executor for run in runs),
        isolation=_words(run.isolation for run in runs),
        confined=_count(observations["isolation"]),
        host=_join_hosts([each.host for each in pieces]),
        environments=_join_environments(runs),
        scenarios=tuple(known[name] for name in scenarios if name in measured and name in known),
        remedies=tuple({each.id: each for run in runs for each in run.remedies}.values()),
        causes=(),
        sources={name: text for run in runs for name, text in sorted(run.sources.items())},
        totals=TotalsRecord(cells=totals.cells, by_outcome=dict(totals.by_outcome)),
        controls=_join_controls(runs, controls),
        accepted=tuple(dict.fromkeys(each for run in runs for each in run.accepted)),
        audit=_join_audits([run.audit for run in runs if run.audit]),
        audit_in_containers=_join_audits(
            [run.audit_in_containers for run in runs if run.audit_in_containers]
        ),
        audit_from_nothing=_join_audits(
            [run.audit_from_nothing for run in runs if run.audit_from_nothing]
        ),
        not_run=_reasons(cells, observations),
        durations={stage: round(seconds, 3) for stage, seconds in durations.items()},
        kept=_join_kept([run.kept for run in runs if run.kept]),
        shard=None,
        merged=tuple(pieces),
    )


def _words(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _count(column: pd.Series[str]) -> dict[str, int]:
    counted = column.astype(str).value_counts()
    return {str(name): int(counted[name]) for name in sorted(counted.index) if name}


def _reasons(cells: pd.DataFrame, observations: pd.DataFrame) -> dict[str, int]:
    """Return why cells were not run -> how many, as the observations say it."""
    keys, seen = number_cells(cells, observations)
    waiting = keys[(cells["outcome"] == str(Outcome.NOT_RUN)).to_numpy()]
    return _count(observations["reason"][np.isin(seen, waiting)])


def _join_hosts(hosts: Sequence[HostRecord]) -> HostRecord:
    return HostRecord(
        platform=_words(each.platform for each in hosts),
        python=_words(each.python for each in hosts),
        cpu_count=max(each.cpu_count for each in hosts),
    )


def _join_environments(runs: Sequence[RunRecord]) -> tuple[EnvironmentRecord, ...]:
    """Return each environment as a part that built it has it, else as the first with a reason."""
    found: dict[str, EnvironmentRecord] = {}
    for each in (each for run in runs for each in run.environments):
        before = found.get(each.id)
        if before is None or _says_more(each, before):
            found[each.id] = each
    return tuple(sorted(found.values(), key=lambda each: (each.order, each.id)))


def _says_more(each: EnvironmentRecord, before: EnvironmentRecord) -> bool:
    if before.available:
        return False
    return each.available or before.reason == NOT_BUILT_HERE


def _join_controls(runs: Sequence[RunRecord], order: Sequence[str]) -> tuple[ControlRecord, ...]:
    """Return each control once; one that failed anywhere failed."""
    found: dict[str, ControlRecord] = {}
    for each in (each for run in runs for each in run.controls):
        before = found.get(each.id)
        if before is None or (before.passed and not each.passed):
            found[each.id] = each
    planned = [found[name] for name in order if name in found]
    known = frozenset(order)
    # Those of words are concluded anew.
    others = [each for each in found.values() if each.id not in known and _is_measured(each)]
    return (*planned, *others)


def _is_measured(control: ControlRecord) -> bool:
    return control.id.startswith(("readback ", "comparison ", "writes ", "reads "))


def _join_audits(audits: Sequence[AuditSummary]) -> AuditSummary | None:
    if len(audits) < 2:
        return audits[0] if audits else None
    return structs.replace(
        max(audits, key=lambda each: each.at),
        sample=sum(each.sample for each in audits),
        of=sum(each.of for each in audits),
        disagreements=tuple(each for audit in audits for each in audit.disagreements),
        seed=None,
        spread=max((each.spread for each in audits if each.spread is not None), default=None),
        # The parts may have strata in common.
        strata=0,
        drawn=0,
        tallies=tuple(_join_tallies(audits)),
    )


def _join_tallies(audits: Sequence[AuditSummary]) -> Iterator[AuditTally]:
    parts: dict[tuple[str, str], list[AuditTally]] = {}
    for each in (each for audit in audits for each in audit.tallies):
        parts.setdefault((each.by, each.name), []).append(each)
    for found in parts.values():
        yield structs.replace(
            found[0],
            of=sum(each.of for each in found),
            sample=sum(each.sample for each in found),
            disagreements=sum(each.disagreements for each in found),
        )


def _join_kept(kept: Sequence[KeptRecord]) -> KeptRecord | None:
    if len(kept) < 2:
        return kept[0] if kept else None
    refused: Counter[str] = Counter()
    for each in kept:
        refused.update(each.refused)
    return KeptRecord(
        started=min(each.started for each in kept),
        tool_version=_words(each.tool_version for each in kept),
        cells=sum(each.cells for each in kept),
        stale=sum(each.stale for each in kept),
        refused=dict(sorted(refused.items())),
    )
