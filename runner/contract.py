"""The batch contract between host and probe: jobs out, observations in.

The layout and its versions are in docs/formats.md. This module only builds and reads
the JSON; starting the probe is `execute`'s matter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from runner.domain import (
    Aspect,
    AspectStatus,
    Backend,
    Cell,
    Environment,
    Family,
    Format,
    Isolation,
    Kind,
    Remedy,
    Save,
    Scenario,
    Stage,
    Status,
)
from runner.domain.declaration import EnvironmentId, Id, ModuleName, Text, Tolerance
from runner.domain.errors import ConfigurationError
from runner.domain.hops import Hop, steps_of
from runner.domain.request import Limits

BATCH_SCHEMA = "batch/1"
OBSERVATIONS_SCHEMA = "observations/1"

FRAMEWORKS: Mapping[Family, str] = {
    Family.TF_KERAS: "tensorflow.keras",
    Family.KERAS2: "keras",
    Family.KERAS3: "keras",
    Family.LEGACY: "tf_keras",
}
"""The module that a user of each family imports."""


StartedBy = Literal["", "fork", "spawn", "fresh"]
"""How the process of a job was started; empty if none was."""
Framework = Literal["tensorflow.keras", "keras", "tf_keras"]
Count = Annotated[int, msgspec.Meta(ge=1)]
AbsolutePath = Annotated[str, msgspec.Meta(pattern="^/")]


class AspectRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How one aspect of a loaded model compares with the oracle."""

    status: AspectStatus
    max_abs_diff: float | None = None
    """Null where no numbers were compared."""
    detail: str = ""


class FactsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Further facts of a job that is done.

    A load has `loaded`, a file that was made of an artifact `steps`, a save the rest.
    """

    written: str = ""
    damage: str = ""
    steps: list[str] = []
    changed_by_saving: list[str] = []
    files: Annotated[int, msgspec.Meta(ge=0)] = 0
    bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    sha256: str = ""
    loaded: str = ""


class ObservationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An observation as a probe writes it and as the store keeps it; see docs/formats.md.

    The host's own, of a job that no probe reports, has a status, a stage and a message only.
    """

    status: Status
    stage: Stage = Stage.NONE
    exception: str = ""
    message: str = ""
    traceback: str = ""
    output: str = ""
    warnings: list[str] = []
    aspects: dict[Aspect, AspectRecord] = {}
    facts: FactsRecord = FactsRecord()
    duration_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    parts_s: dict[str, Annotated[float, msgspec.Meta(ge=0)]] = {}
    max_rss_mb: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    start_method: StartedBy = ""
    position: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    isolation: str = ""


def check_observation(kind: str, values: object) -> ObservationRecord:
    """Return what was read as an observation of a `save` or a `load`.

    Raises:
        ValueError: it has another shape; the text says which part, and why.
    """
    found = msgspec.convert(values, ObservationRecord)
    if not math.isfinite(found.duration_s):
        raise ValueError("duration_s: not finite")
    if kind == "load" and found.status == "done" and not found.aspects:
        raise ValueError("aspects: a load that is done says nothing of any aspect")
    return found


class ScenarioOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a scenario that a probe gets."""

    id: Id
    module: ModuleName
    variant: str
    damage: str
    reader_knows: Literal["nothing", "registered"]
    aspects: list[Aspect]
    trained: bool
    rtol: Tolerance
    atol: Tolerance


class SaveOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag=str(Kind.SAVE),
):
    """The job that writes one artifact, as it stands in a batch."""

    id: Text
    environment: EnvironmentId
    scenario: ScenarioOrder
    format: Format
    artifact: AbsolutePath
    isolated: bool
    chain: str
    """Jobs of one chain may share a process."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)]


class LoadOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag=str(Kind.LOAD),
):
    """The job that loads one artifact, as it stands in a batch."""

    id: Text
    scenario: ScenarioOrder
    aspects: list[Aspect]
    """Those asked for in this cell."""
    format: Format
    remedy: Id
    artifact: AbsolutePath
    sibling: str
    """Folder of the artifact in the remedy's other format; empty if it takes none."""
    isolated: bool
    chain: str
    timeout_s: Annotated[float, msgspec.Meta(gt=0)]
    tampered: list[Aspect]
    variables: dict[str, str] = {}
    """Environment variables of its process, beside those of the probe; one chain has the same."""


class MakeOrder(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag=str(Kind.MAKE),
):
    """The job that loads one artifact and saves the model again, as it stands in a batch."""

    id: Text
    scenario: ScenarioOrder
    format: Format
    remedy: Id
    """How it is loaded."""
    artifact: AbsolutePath
    save_format: Format
    made: AbsolutePath
    """Folder of the new artifact, which gets the oracle of the one that is loaded."""
    environment: EnvironmentId
    """The one that makes it, for the manifest."""
    made_from: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the payload that is loaded, for the manifest."""
    steps: list[str]
    """The hops, this one included, for the manifest."""
    isolated: bool
    chain: str
    timeout_s: Annotated[float, msgspec.Meta(gt=0)]


class BatchLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of a probe's children; see `Limits`."""

    memory_mb: Count
    chain_length: Count
    chain_memory_mb: Count


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The jobs handed to a probe, as a file."""

    schema: Literal["batch/1"]
    environment: EnvironmentId
    framework: Framework
    start_method: Literal["auto", "fork", "spawn", "fresh"]
    limits: BatchLimits
    jobs: list[SaveOrder | LoadOrder | MakeOrder]


class HeaderLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="header",
):
    """The first line a probe writes: its environment as found."""

    schema: Literal["observations/1"]
    environment: EnvironmentId
    framework: Framework
    versions: dict[str, str]
    start_method: Literal["fork", "spawn", "fresh"]
    import_s: Annotated[float, msgspec.Meta(ge=0)]


class StartLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="start",
):
    """A job is at work from here on."""

    id: Text


class ObservationLine(
    ObservationRecord,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="observation",
):
    """The result of a job, with all a probe must say of it."""

    id: Text
    kind: Kind
    stage: Stage
    output: str
    warnings: list[str]
    duration_s: Annotated[float, msgspec.Meta(ge=0)]
    max_rss_mb: Annotated[float, msgspec.Meta(ge=0)]
    start_method: StartedBy

    def __post_init__(self) -> None:
        """Raise ValueError where it lacks a part that its status asks for."""
        if self.status is Status.DONE:
            whole = self.stage is Stage.NONE and (self.kind is not Kind.LOAD or bool(self.aspects))
        elif self.status is Status.RAISED:
            whole = bool(self.stage and self.exception and self.traceback)
        else:
            whole = bool(self.message) or self.status is Status.OUT_OF_MEMORY
        if not whole:
            raise ValueError(f"it lacks a part that a job which is {self.status} has")


class FooterLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="footer",
):
    """The last line of a probe that took every job."""

    jobs: Annotated[int, msgspec.Meta(ge=0)]
    starts_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Until its children were ready, summed."""


Line = HeaderLine | StartLine | ObservationLine | FooterLine


def schema_of_batch() -> dict[str, Any]:
    """Return the JSON Schema of a batch, made from its type."""
    return msgspec.json.schema(Batch)


def schema_of_line() -> dict[str, Any]:
    """Return the JSON Schema of one line of an observations file, made from its types."""
    return msgspec.json.schema(Line)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One instruction for a probe, and the digest its result will be filed under."""

    id: str
    kind: str
    """`save`, `load` or `make`."""
    inputs: str
    """Digest of everything the result depends on."""
    payload: Mapping[str, Any]
    """The job as it stands in the batch."""


def save_job(save: Save, scenario: Scenario, artifact: Path, inputs: str) -> Job:
    """Return the job that writes one artifact into the folder `artifact`."""
    order = SaveOrder(
        id=save.id,
        environment=save.writer,
        scenario=scenario_order(scenario),
        format=save.format,
        artifact=str(artifact),
        isolated=False,
        chain=_code_chain(scenario) if scenario.reader_knows == "registered" else "",
        timeout_s=scenario.timeout_s * 2,
    )
    return Job(id=save.id, kind=Kind.SAVE, inputs=inputs, payload=msgspec.to_builtins(order))


def load_job(
    cell: Cell,
    scenario: Scenario,
    remedy: Remedy,
    artifact: Path,
    sibling: Path | None,
    inputs: str,
    *,
    aspects: frozenset[Aspect],
    format_: Format | None = None,
    tampered: Sequence[Aspect] = (),
    job_id: str = "",
) -> Job:
    """Return the job that loads an artifact in the cell's reader.

    `aspects` are those asked for in this cell, `format_` is that of the artifact, where it was
    made of the cell's and has another. `tampered` are aspects of the oracle to
    falsify, for the control that a difference is found.
    """
    order = LoadOrder(
        id=job_id or cell.id,
        scenario=scenario_order(scenario),
        aspects=sorted(aspects),
        format=format_ or cell.format,
        remedy=cell.remedy,
        artifact=str(artifact),
        sibling=str(sibling) if sibling else "",
        isolated=remedy.isolation is Isolation.ALONE,
        chain=_load_chain(scenario, remedy),
        timeout_s=scenario.timeout_s,
        tampered=sorted(tampered),
        variables=dict(scenario.reader_variables),
    )
    return Job(id=order.id, kind=Kind.LOAD, inputs=inputs, payload=msgspec.to_builtins(order))


def make_job(
    save: Save,
    chain: Sequence[Hop],
    scenario: Scenario,
    remedy: Remedy,
    source: Path,
    made: Path,
    inputs: str,
    *,
    format_: Format,
    made_from: str,
) -> Job:
    """Return the job of the last hop of a chain: it loads `source` and saves into `made`.

    `save` is that of the original, `format_` and `made_from` the format and the digest of the
    source, which is the original or was made by the hop before.
    """
    hop = chain[-1]
    order = MakeOrder(
        id=made_id(save, chain),
        scenario=scenario_order(scenario),
        format=format_,
        remedy=remedy.id,
        artifact=str(source),
        save_format=hop.format,
        made=str(made),
        environment=hop.environment,
        made_from=made_from,
        steps=list(steps_of(chain)),
        isolated=remedy.isolation is Isolation.ALONE,
        chain=_load_chain(scenario, remedy),
        timeout_s=scenario.timeout_s * 2,
    )
    return Job(id=order.id, kind=Kind.MAKE, inputs=inputs, payload=msgspec.to_builtins(order))


def made_id(save: Save, chain: Sequence[Hop]) -> str:
    """Return the id of the file that a chain makes of an artifact."""
    return " > ".join((save.id, *steps_of(chain)))


def scenario_order(scenario: Scenario) -> ScenarioOrder:
    """Return the part of a scenario that the probe gets."""
    return ScenarioOrder(
        id=scenario.id,
        module=scenario.module,
        variant=scenario.variant,
        damage=scenario.damage,
        reader_knows=scenario.reader_knows,
        aspects=sorted(scenario.aspects),
        trained=scenario.trained,
        rtol=scenario.rtol,
        atol=scenario.atol,
    )


def asked_aspects(
    scenario: Scenario, remedy: Remedy, carried: frozenset[Aspect]
) -> frozenset[Aspect]:
    """Return the aspects that must agree in a cell: asked for, carried, not given up."""
    return (scenario.aspects & carried) - remedy.gives_up


def _code_chain(scenario: Scenario) -> str:
    return f"{scenario.module}:{scenario.variant}"


def _load_chain(scenario: Scenario, remedy: Remedy) -> str:
    """Jobs whose process ends up with the same things registered and imported share a chain."""
    parts = []
    if remedy.isolation in (Isolation.REMEDY, Isolation.SCENARIO):
        parts.append(remedy.id)
    if remedy.isolation is Isolation.SCENARIO or scenario.reader_knows == "registered":
        parts.append(_code_chain(scenario))
    parts += [f"{name}={value}" for name, value in sorted(scenario.reader_variables.items())]
    return "+".join(parts)


def batch(
    environment: Environment, jobs: Sequence[Job], limits: Limits, start_method: str
) -> dict[str, Any]:
    """Return a batch as it is written to disk."""
    return {
        "schema": BATCH_SCHEMA,
        "environment": environment.id,
        "framework": FRAMEWORKS[environment.family],
        "start_method": start_method,
        "limits": {
            "memory_mb": limits.memory_mb,
            "chain_length": limits.chain_length,
            "chain_memory_mb": limits.chain_memory_mb,
        },
        "jobs": [job.payload for job in jobs],
    }


def framework_variables(environment: Environment) -> dict[str, str]:
    """Return the environment variables that choose the backend and one thread each."""
    variables = {
        # Cells run side by side, one core each; more threads only get in each other's way.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if environment.backend is not Backend.TENSORFLOW:
        variables["KERAS_BACKEND"] = str(environment.backend)
    return {**variables, **environment.env}


RECORDS = ("header", "start", "observation", "footer")


def read_record(line: bytes) -> dict[str, Any]:
    """Return one record of an observations file; `id` is a text wherever a job is named.

    Raises:
        ValueError: the line is no record.
        ConfigurationError: the file is of a version this tool does not know.
    """
    try:
        record = json.loads(line.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(record, dict) or record.get("type") not in RECORDS:
        raise ValueError("neither header, start, observation nor footer")
    if not isinstance(record.get("id", ""), str):
        raise ValueError("the job's id is no text")  # noqa: TRY004 - as the docstring says
    if b"\\ud" in line.lower():
        # Half of a pair of surrogates is no text that could be kept.
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    if record["type"] == "header" and record.get("schema") != OBSERVATIONS_SCHEMA:
        raise ConfigurationError(
            f"the probe speaks {str(record.get('schema'))[:80]!r}, not {OBSERVATIONS_SCHEMA!r}",
            cause="the image or the checkout it runs from is of another version",
            next_step="rebuild the image, or update the checkout",
        )
    return record
