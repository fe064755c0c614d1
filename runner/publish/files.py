"""Stage 8: tables and run record -> the published data folder.

Input: the frames of `aggregate` and what is known of the run. Output: `cells.csv` (beyond
20 MB `cells.csv.gz`), `cells.parquet`, `observations.parquet` and `run.json`, each written
beside and moved into place, and only after they were held against the schemas in
`reports/schemas/`.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from runner.domain import (
    Aspect,
    Cause,
    ControlResult,
    Environment,
    Format,
    Outcome,
    ProvisionedEnvironment,
    Remedy,
    Scenario,
)
from runner.domain.errors import ConfigurationError, MatrixError
from runner.domain.request import DEFAULT_EXECUTOR
from runner.publish.reading import COMPRESSED_CSV, CSV
from runner.publish.tables import CELL_COLUMNS, Totals, check_totals
from runner.store import atomic_write_bytes, atomic_write_text

SCHEMAS = Path(__file__).resolve().parents[2] / "reports" / "schemas"
RUN_SCHEMA = "run/1"
CSV_BUDGET = 20_000_000
"""Bytes up to which the cells are written as `cells.csv`; beyond, compressed."""
SAMPLE = 200
"""Rows that are held against the schema one by one, beside every distinct value."""
RESOLVED_PACKAGES = re.compile(
    r"^(tensorflow.*|tf[-_]?(keras|nightly|estimator).*|keras.*|jax|jaxlib|torch|theano.*|numpy|h5py"
    r"|protobuf|ml[-_]dtypes|scipy)$",
    re.IGNORECASE,
)


class SchemaError(MatrixError):
    """What would be published does not match its schema: our fault, nothing was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """A cell whose repetition in a fresh process had another outcome."""

    cell: str
    recorded: Outcome
    repeated: Outcome
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditSummary:
    """How many cells were run again in fresh processes, and which disagreed."""

    sample: int
    disagreements: tuple[Disagreement, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What is true of a run as a whole, beside its cells."""

    started: datetime
    finished: datetime
    tool_version: str
    profile: str
    selection: tuple[str, ...] = ()
    executor: str = DEFAULT_EXECUTOR
    isolation: str = "fork"
    controls: tuple[ControlResult, ...] = ()
    audit: AuditSummary | None = None
    confined: Mapping[str, int] = field(default_factory=dict)
    """What kept cells from the machine, such as `container` -> number of cells."""
    not_run: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of cells."""
    durations: Mapping[str, float] = field(default_factory=dict)
    """Stage -> wall time in seconds."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Scenario module -> its code."""
    kept: tuple[str, str, int] | None = None
    """Start and tool version of the run that other cells were taken over from, and how many."""


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
    causes: Sequence[Cause] = (),
) -> dict[str, Any]:
    """Put together the content of run.json.

    `provisioned` and `unavailable` (id -> reason) are by environment id; `docs` is the
    docstring of each scenario module by module name.
    """
    by_release = sorted(environments, key=lambda each: (each.order, each.id))
    return {
        "schema": RUN_SCHEMA,
        "started": _timestamp(facts.started),
        "finished": _timestamp(facts.finished),
        "tool_version": facts.tool_version,
        "profile": facts.profile,
        "selection": list(facts.selection),
        "executor": facts.executor,
        "isolation": facts.isolation,
        **({"confined": dict(facts.confined)} if facts.confined else {}),
        "host": {
            "platform": platform.platform(),
            "python": platform.python_version(),
            "cpu_count": os.cpu_count() or 1,
        },
        "environments": [
            _environment_record(each, provisioned.get(each.id), unavailable.get(each.id, ""))
            for each in by_release
        ],
        "scenarios": [_scenario_record(each, docs.get(each.module, "")) for each in scenarios],
        "remedies": [_remedy_record(each) for each in remedies],
        "formats": {
            str(name): _ordered(Aspect, carries[name]) for name in Format if name in carries
        },
        "causes": [_cause_record(each) for each in causes],
        **({"sources": dict(facts.sources)} if facts.sources else {}),
        "totals": {"cells": totals.cells, "by_outcome": dict(totals.by_outcome)},
        "controls": [
            {"id": each.id, "passed": each.passed, "detail": each.detail} for each in facts.controls
        ],
        "audit": _audit_record(facts.audit),
        "not_run": {reason: facts.not_run[reason] for reason in sorted(facts.not_run)},
        "durations": {stage: round(spent, 3) for stage, spent in facts.durations.items()},
        **(
            {"kept": dict(zip(("started", "tool_version", "cells"), facts.kept, strict=True))}
            if facts.kept
            else {}
        ),
    }


def publish_data(
    data_dir: Path,
    *,
    cells: pd.DataFrame,
    observations: pd.DataFrame,
    totals: Totals,
    run: Mapping[str, Any],
    advice: pd.DataFrame | None = None,
) -> None:
    """Validate everything, then write the files; nothing is written if one is wrong."""
    check_totals(totals, cells)
    validate_run(run)
    validate_cells(cells)
    if run["totals"]["cells"] != len(cells):
        raise SchemaError(f"run.json counts {run['totals']['cells']} cells, there are {len(cells)}")
    texts = format_csv(cells, CSV_BUDGET)
    record = json.dumps(run, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    for name, text in texts.items():
        if text is not None:
            atomic_write_bytes(data_dir / name, text)
    atomic_write_bytes(data_dir / "cells.parquet", _format_parquet(cells, "cells/1"))
    atomic_write_bytes(
        data_dir / "observations.parquet", _format_parquet(observations, "observations/1")
    )
    if advice is not None:
        atomic_write_bytes(data_dir / "advice.parquet", _format_parquet(advice, "advice/1"))
    atomic_write_text(data_dir / "run.json", record)
    for name, text in texts.items():
        if text is None:
            # Of an earlier run, which was smaller or larger.
            (data_dir / name).unlink(missing_ok=True)


def publish_claims(data_dir: Path, claims: Mapping[str, Any]) -> None:
    """Hold claims.json against its schema, then write it."""
    _validate(claims, load_schema("claims"), "claims.json")
    record = json.dumps(claims, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    atomic_write_text(data_dir / "claims.json", record)


def publish_changes(data_dir: Path, changes: Mapping[str, Any]) -> None:
    """Hold changes.json against its schema, then write it."""
    _validate(changes, load_schema("changes"), "changes.json")
    record = json.dumps(changes, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    atomic_write_text(data_dir / "changes.json", record)


def format_csv(cells: pd.DataFrame, budget: int) -> dict[str, bytes | None]:
    """Return the cells as text by file name; None for the name that is not used.

    A table beyond the budget is compressed, which takes it to a thirtieth: nothing is left
    out, and the same cells are the same bytes.
    """
    buffer = io.StringIO()
    cells.to_csv(buffer, index=False, lineterminator="\n", float_format="%.4g")
    text = buffer.getvalue().encode("utf-8", "replace")
    if len(text) <= budget:
        return {CSV: text, COMPRESSED_CSV: None}
    return {CSV: None, COMPRESSED_CSV: gzip.compress(text, mtime=0)}


def validate_run(run: Mapping[str, Any]) -> None:
    """Hold run.json against its schema."""
    _validate(run, load_schema("run"), "run.json")


def validate_cells(cells: pd.DataFrame) -> None:
    """Hold the table against the schema of its rows.

    Every distinct value of every column is validated, and a spread sample of whole rows:
    a schema of a row says nothing about how columns go together, so this is complete.
    """
    schema = load_schema("cells")
    if tuple(cells.columns) != CELL_COLUMNS or set(schema["required"]) != set(CELL_COLUMNS):
        raise SchemaError(f"cells have the columns {list(cells.columns)}")
    for column, rule in schema["properties"].items():
        _validate_column(cells[column], rule)
    step = max(1, len(cells) // SAMPLE)
    validator = jsonschema.Draft202012Validator(schema)
    for row in cells.iloc[::step].astype(object).to_dict("records"):
        plain = {str(key): _plain(value) for key, value in row.items()}
        _raise_first(validator, plain, "a row of cells")


def load_schema(name: str) -> dict[str, Any]:
    """Read `reports/schemas/<name>.schema.json`."""
    path = SCHEMAS / f"{name}.schema.json"
    try:
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"cannot read the schema {path}: {error}", next_step=f"git checkout -- {path}"
        ) from error
    return schema


def _validate_column(column: pd.Series[Any], rule: Mapping[str, Any]) -> None:
    if "number" in rule.get("type", ()):
        if not pd.api.types.is_numeric_dtype(column):
            raise SchemaError(f"the column {column.name} holds {column.dtype}, not numbers")
        if (column < rule.get("minimum", -float("inf"))).any():
            raise SchemaError(f"the column {column.name} holds numbers under {rule['minimum']}")
        return
    distinct = pd.Series(column.unique()).astype(object)
    if "enum" in rule:
        wrong = distinct[~distinct.isin(rule["enum"])]
    else:
        text = distinct.where(distinct.map(lambda value: isinstance(value, str)), None)
        good = text.notna()
        if "pattern" in rule:
            good &= (
                text.astype("string").str.contains(_grouped(rule["pattern"])).fillna(value=False)
            )
        if "maxLength" in rule:
            good &= text.astype("string").str.len().fillna(0) <= rule["maxLength"]
        wrong = distinct[~good.astype(bool)]
    if len(wrong):
        raise SchemaError(
            f"the column {column.name} holds {wrong.iloc[0]!r}, which its schema does not allow",
            cause="a stage wrote a value that reports/schemas/cells.schema.json does not know",
        )


def _grouped(pattern: str) -> str:
    """Give the pattern without capturing groups, about which pandas warns."""
    return re.sub(r"\((?!\?)", "(?:", pattern)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _validate(record: Mapping[str, Any], schema: Mapping[str, Any], what: str) -> None:
    _raise_first(jsonschema.Draft202012Validator(schema), record, what)


def _raise_first(
    validator: jsonschema.Draft202012Validator, record: Mapping[str, Any], what: str
) -> None:
    error = jsonschema.exceptions.best_match(validator.iter_errors(record))
    if error is not None:
        raise SchemaError(
            f"{what} does not match its schema at {error.json_path}: {error.message[:300]}",
            cause="the record and reports/schemas/ have grown apart",
        )


def _format_parquet(frame: pd.DataFrame, schema: str) -> bytes:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"schema": schema.encode()}
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(metadata),
        buffer,
        compression="zstd",
        compression_level=12,
        use_dictionary=True,
        dictionary_pagesize_limit=64 * 1024 * 1024,
        row_group_size=max(1, len(frame)),
    )
    return buffer.getvalue()


def _timestamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ConfigurationError("a run's times need a time zone")
    return moment.isoformat(timespec="seconds")


def _ordered(vocabulary: Iterable[Any], chosen: Iterable[Any]) -> list[str]:
    known = set(chosen)
    return [str(each) for each in vocabulary if each in known]


def _environment_record(
    environment: Environment, built: ProvisionedEnvironment | None, reason: str
) -> dict[str, Any]:
    return {
        "id": environment.id,
        "family": str(environment.family),
        "backend": str(environment.backend),
        "python": environment.python,
        "released": environment.released.isoformat(),
        "order": environment.order,
        "formats": _ordered(Format, environment.formats),
        "status": "available" if built else "unavailable",
        "reason": "" if built else reason or "it was not provisioned in this run",
        "note": environment.note,
        "python_version": built.python_version if built else "",
        "lock_digest": built.lock_digest if built else "",
        "resolved": _resolved(built) if built else {},
        "import_s": round(built.import_s, 2) if built else None,
        "fork": built.fork if built else None,
        **({"image": built.image, "base": built.base} if built and built.image else {}),
    }


def _resolved(built: ProvisionedEnvironment) -> dict[str, str]:
    return {
        name: built.resolved[name]
        for name in sorted(built.resolved)
        if RESOLVED_PACKAGES.match(name)
    }


def _scenario_record(scenario: Scenario, doc: str) -> dict[str, Any]:
    return {
        "id": scenario.id,
        "module": scenario.module,
        "variant": scenario.variant,
        "group": scenario.group,
        "title": scenario.title,
        "summary": scenario.summary,
        "doc": doc.strip(),
        "formats": [str(each) for each in scenario.formats],
        "aspects": _ordered(Aspect, scenario.aspects),
        "remedies": list(scenario.remedies),
        "damage": scenario.damage,
        "reader_knows": scenario.reader_knows,
        "links": list(scenario.links),
        "rtol": scenario.rtol,
        "atol": scenario.atol,
    }


def _remedy_record(remedy: Remedy) -> dict[str, Any]:
    return {
        "id": remedy.id,
        "title": remedy.title,
        "code": remedy.code,
        "formats": _ordered(Format, remedy.formats),
        "environments": list(remedy.environments),
        "cost": remedy.cost,
        "gives_up": _ordered(Aspect, remedy.gives_up),
    }


def _cause_record(cause: Cause) -> dict[str, Any]:
    return {
        "id": cause.id,
        "title": cause.title,
        "explanation": cause.explanation,
        "links": list(cause.links),
        "seen": list(cause.seen),
    }


def _audit_record(audit: AuditSummary | None) -> dict[str, Any] | None:
    if audit is None:
        return None
    return {
        "sample": audit.sample,
        "disagreements": [
            {
                "cell": each.cell,
                "recorded": str(each.recorded),
                "repeated": str(each.repeated),
                "detail": each.detail,
            }
            for each in sorted(audit.disagreements, key=lambda found: found.cell)
        ],
    }
