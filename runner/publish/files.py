"""The files of the published data folder, from tables and run record (stage 8).

Input: the frames of `aggregate` and the facts of the run. Output: `cells.csv` (beyond
20 MB `cells.csv.gz`, which beyond 4 MB is left out), `cells.parquet`, `observations.parquet`,
`advice.parquet`, `run.json`, `claims.json` and `changes.json`, written only after all of them
were held against the types
that the schemas in `reports/schemas/` are made from.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from runner.domain import (
    Aspect,
    BuildKind,
    Cause,
    ControlResult,
    Environment,
    Format,
    ProvisionedEnvironment,
    Remedy,
    Scenario,
    offered,
)
from runner.domain.errors import ConfigurationError, MatrixError
from runner.domain.request import DEFAULT_EXECUTOR
from runner.publish.columns import ROWS, SCHEMA_OF, check_table
from runner.publish.decoding import shorten_reason
from runner.publish.placing import place
from runner.publish.reading import COMPRESSED_CSV, CSV, PublishedRun
from runner.publish.record import (
    RUN_SCHEMA,
    AcceptedRecord,
    AuditSummary,
    BuildOfOnesOwn,
    CauseRecord,
    ControlRecord,
    EnvironmentRecord,
    FrozenRecord,
    HostRecord,
    KeptRecord,
    Record,
    RemedyRecord,
    RunRecord,
    SaidRecord,
    ScenarioRecord,
    ShardRecord,
    TotalsRecord,
    plain,
)
from runner.publish.tables import Totals, check_totals, count_totals

DATA_FILES = (
    *(CSV, COMPRESSED_CSV, "cells.parquet", "observations.parquet", "advice.parquet"),
    *("claims.json", "changes.json", "run.json"),
)
"""Every file that the data of a run may have."""
CSV_BUDGET = 20_000_000
"""Bytes up to which the cells are written as `cells.csv`; beyond, compressed."""
COMPRESSED_BUDGET = 4_000_000
"""Bytes up to which they are written as `cells.csv.gz`; beyond, as parquet alone."""
BEST_RATIO = 60
"""Of the compressed table: a text beyond that many times the budget is not made at all."""
SAMPLE = 10_000
PLAIN = frozenset({"position"})
"""Columns of numbers that repeat too seldom for a dictionary."""
RESOLVED_PACKAGES = re.compile(
    r"^(tensorflow.*|tf[-_]?(keras|nightly|estimator).*|keras.*|jax|jaxlib|torch|theano.*|numpy|h5py"
    r"|protobuf|ml[-_]dtypes|scipy)$",
    re.IGNORECASE,
)


NOT_BUILT_HERE = "it was not provisioned in this run"
"""The reason of an environment that a run did not need."""
Word = TypeVar("Word", bound=StrEnum)


class SchemaError(MatrixError):
    """Data about to be published do not match their schema: our fault, nothing was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """The facts of a run as a whole, beside its cells."""

    started: datetime
    finished: datetime
    tool_version: str
    profile: str
    selection: tuple[str, ...] = ()
    executor: str = DEFAULT_EXECUTOR
    isolation: str = "fork"
    controls: tuple[ControlResult, ...] = ()
    accepted: tuple[AcceptedRecord, ...] = ()
    audit: AuditSummary | None = None
    audit_in_containers: AuditSummary | None = None
    confined: Mapping[str, int] = field(default_factory=dict)
    """Confinement of the cells, such as `container` -> number of cells."""
    not_run: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of cells."""
    durations: Mapping[str, float] = field(default_factory=dict)
    """Stage -> wall time in seconds."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Scenario module -> its code."""
    kept: KeptRecord | None = None
    """The run that other cells were taken over from."""
    shard: ShardRecord | None = None
    """The part of a plan that was measured."""


def build_run_record(
    *,
    facts: RunFacts,
    environments: Sequence[Environment],
    provisioned: Mapping[str, ProvisionedEnvironment],
    unavailable: Mapping[str, str],
    scenarios: Sequence[Scenario],
    docs: Mapping[str, str],
    remedies: Sequence[Remedy],
    carries: Mapping[Format, frozenset[Aspect]],
    totals: Totals,
) -> RunRecord:
    """Put together the content of run.json.

    `provisioned` and `unavailable` (id -> reason) are by environment id; `docs` is the
    docstring of each scenario module by module name. It has no causes yet: they are told with
    their counts (`runner.analyse.conclusions`).
    """
    by_release = sorted(environments, key=lambda each: (each.order, each.id))
    return RunRecord(
        schema=RUN_SCHEMA,
        started=_timestamp(facts.started),
        finished=_timestamp(facts.finished),
        tool_version=facts.tool_version,
        profile=facts.profile,
        selection=facts.selection,
        executor=facts.executor,
        isolation=facts.isolation,
        confined=dict(facts.confined),
        host=HostRecord(
            platform=platform.platform(),
            python=platform.python_version(),
            cpu_count=os.cpu_count() or 1,
        ),
        environments=tuple(
            _environment_record(each, provisioned.get(each.id), unavailable.get(each.id, ""))
            for each in by_release
        ),
        scenarios=tuple(
            _scenario_record(each, remedies, docs.get(each.module, "")) for each in scenarios
        ),
        remedies=tuple(_remedy_record(each) for each in remedies),
        formats={name: _ordered(Aspect, carries[name]) for name in Format if name in carries},
        sources=dict(facts.sources),
        totals=TotalsRecord(
            cells=totals.cells,
            by_outcome=dict(totals.by_outcome),
        ),
        controls=tuple(
            ControlRecord(id=each.id, passed=each.passed, detail=each.detail)
            for each in facts.controls
        ),
        accepted=facts.accepted,
        audit=_sorted_audit(facts.audit),
        audit_in_containers=_sorted_audit(facts.audit_in_containers),
        not_run={reason: facts.not_run[reason] for reason in sorted(facts.not_run)},
        durations={stage: round(spent, 3) for stage, spent in facts.durations.items()},
        kept=facts.kept,
        shard=facts.shard,
    )


def publish_data(data_dir: Path, published: PublishedRun) -> None:
    """Check everything, then write the files; nothing is written if one is wrong.

    Raises:
        SchemaError, TotalsError: it is not fit to be published.
    """
    publish_files(data_dir, data_files(published), ours=DATA_FILES)


def publish_files(
    data_dir: Path, files: Iterable[tuple[str, bytes]], *, ours: Sequence[str]
) -> None:
    """Put the files of a run in place, all at once or none; see `placing.place`.

    Raises:
        StoreError: they could not be written; the run before is untouched.
    """
    place(data_dir, files, ours=ours, durable=DATA_FILES)


def data_files(published: PublishedRun) -> Iterator[tuple[str, bytes]]:
    """`(name, content)` of every file of the data, checked.

    Raises:
        SchemaError, TotalsError: it is not fit to be published.
    """
    cells, run = published.cells, published.run
    frames = {
        "cells": cells,
        "observations": published.observations,
        "advice": published.advice,
    }
    for stem, frame in frames.items():
        if frame is not None:
            yield f"{stem}.parquet", format_parquet(f"{stem}.parquet", frame, SCHEMA_OF[stem])
    check_totals(count_totals(cells), cells)
    if run.totals.cells != len(cells):
        raise SchemaError(f"run.json counts {run.totals.cells} cells, there are {len(cells)}")
    for name, text in format_csv(cells, CSV_BUDGET, COMPRESSED_BUDGET).items():
        if text is not None:
            yield name, text
    for name, record in (
        ("claims.json", published.claims),
        ("changes.json", published.changes),
        ("run.json", run),
    ):
        if record is not None:
            yield name, format_record(name, record)


def format_record(name: str, record: Record) -> bytes:
    """Return a record as the text of its file, once its values were held against their types.

    Raises:
        SchemaError: a stage made a value that the type does not allow.
    """
    found = plain(record)
    try:
        msgspec.convert(found, type(record))
    except (msgspec.ValidationError, ValueError) as error:
        raise SchemaError(
            f"{name} is not what its type allows: {shorten_reason(error)}",
            cause="a stage wrote a value that runner/publish/record.py does not know",
        ) from error
    return (json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def format_csv(cells: pd.DataFrame, budget: int, compressed: int) -> dict[str, bytes | None]:
    """Return the cells as text by file name; None for the name that is not used.

    A table beyond the first budget is compressed, which takes it to a twentieth: nothing is left
    out, and the same cells are the same bytes. Beyond the second there is no text at all: it would
    be five times the size of the parquet, and no spreadsheet opens a million rows.
    """
    sample = len(cells.iloc[:SAMPLE].to_csv(index=False)) / max(1, min(SAMPLE, len(cells)))
    if sample * len(cells) > max(budget, BEST_RATIO * compressed):
        return {CSV: None, COMPRESSED_CSV: None}
    buffer = io.StringIO()
    cells.to_csv(buffer, index=False, lineterminator="\n", float_format="%.4g")
    text = buffer.getvalue().encode("utf-8", "replace")
    if len(text) <= budget:
        return {CSV: text, COMPRESSED_CSV: None}
    packed = gzip.compress(text, mtime=0)
    return {CSV: None, COMPRESSED_CSV: packed if len(packed) <= compressed else None}


def format_parquet(name: str, frame: pd.DataFrame, schema: str) -> bytes:
    """Return a table as the content of its file, once it was held against its columns.

    Raises:
        SchemaError: it has a value that they do not allow.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    try:
        check_table(table, ROWS[schema])
    except ValueError as error:
        raise SchemaError(
            f"{name}: {error}",
            cause="a stage wrote a value that runner/publish/columns.py does not know",
        ) from error
    metadata = {**(table.schema.metadata or {}), b"schema": schema.encode()}
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(metadata),
        buffer,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table.column_names if name not in PLAIN],
        dictionary_pagesize_limit=64 * 1024 * 1024,
        row_group_size=max(1, len(frame)),
    )
    return buffer.getvalue()


def _timestamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ConfigurationError("a run's times need a time zone")
    return moment.isoformat(timespec="seconds")


def _ordered(vocabulary: Iterable[Word], chosen: Iterable[Word]) -> tuple[Word, ...]:
    known = set(chosen)
    return tuple(each for each in vocabulary if each in known)


def _environment_record(
    environment: Environment, built: ProvisionedEnvironment | None, reason: str
) -> EnvironmentRecord:
    return EnvironmentRecord(
        id=environment.id,
        family=environment.family,
        backend=environment.backend,
        python=environment.python,
        released=environment.released,
        minor_released=environment.minor_released,
        order=environment.order,
        formats=_ordered(Format, environment.formats),
        status="available" if built else "unavailable",
        reason="" if built else reason or NOT_BUILT_HERE,
        note=environment.note,
        python_version=built.python_version if built else "",
        lock_digest=built.lock_digest if built else "",
        resolved=_resolved(built) if built else {},
        import_s=round(built.import_s, 2) if built and not built.frozen else None,
        fork=built.fork if built and not built.frozen else None,
        image=built.image if built else "",
        base=built.base if built and built.image else "",
        build=_build_record(built.environment) if built else None,
        frozen=FrozenRecord(day=built.frozen, pack=built.pack) if built and built.frozen else None,
    )


def _build_record(environment: Environment) -> BuildOfOnesOwn | None:
    build = environment.build
    if build is None:
        return None
    local = build.kind in {BuildKind.WHEEL, BuildKind.CHECKOUT}
    return BuildOfOnesOwn(
        base=build.base,
        package=build.package,
        distribution=build.distribution,
        kind=build.kind,
        # A path of this machine is nothing for a published page.
        source=Path(build.source).name if local else build.source,
        version=build.version,
        commit=build.commit,
        wheel=build.wheel,
        confined=build.confined,
    )


def _resolved(built: ProvisionedEnvironment) -> dict[str, str]:
    return {
        name: built.resolved[name]
        for name in sorted(built.resolved)
        if RESOLVED_PACKAGES.match(name)
    }


def _scenario_record(scenario: Scenario, remedies: Sequence[Remedy], doc: str) -> ScenarioRecord:
    return ScenarioRecord(
        id=scenario.id,
        module=scenario.module,
        variant=scenario.variant,
        group=scenario.group,
        title=scenario.title,
        summary=scenario.summary,
        doc=doc.strip(),
        formats=scenario.formats,
        aspects=_ordered(Aspect, scenario.aspects),
        remedies=tuple(each.id for each in offered(scenario, remedies)),
        damage=scenario.damage,
        reader_knows=scenario.reader_knows,
        links=scenario.links,
        rtol=scenario.rtol,
        atol=scenario.atol,
    )


def _remedy_record(remedy: Remedy) -> RemedyRecord:
    return RemedyRecord(
        id=remedy.id,
        title=remedy.title,
        code=remedy.code,
        formats=_ordered(Format, remedy.formats),
        environments=remedy.environments,
        cost=remedy.cost,
        gives_up=_ordered(Aspect, remedy.gives_up),
        sibling=str(remedy.sibling or ""),
        made_by=remedy.made_by.value,
    )


def describe_cause(cause: Cause, said: Sequence[SaidRecord]) -> CauseRecord:
    """Return a cause as it is published, with its sentences counted."""
    return CauseRecord(
        id=cause.id,
        title=cause.title,
        explanation=cause.explanation,
        links=cause.links,
        seen=cause.seen,
        says=tuple(said),
    )


def _sorted_audit(audit: AuditSummary | None) -> AuditSummary | None:
    if audit is None:
        return None
    found = tuple(sorted(audit.disagreements, key=lambda each: each.cell))
    return msgspec.structs.replace(audit, disagreements=found)
