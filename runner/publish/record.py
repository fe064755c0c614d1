"""The records of a published run as frozen types: run.json, claims.json, changes.json, audit.json.

A field here is a field of the file, in the order in which it is written; one with a default
is left out where it has it, since older runs lack it. The schemas in `reports/schemas` are
made from these types (`runner.publish.schemas`), and reading is decoding into them
(`runner.publish.reading`): there is no second description of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from runner.domain import (
    Aspect,
    Backend,
    BuildKind,
    Change,
    ClaimVerdict,
    Family,
    Format,
    Outcome,
    Share,
)
from runner.domain.request import DEFAULT_EXECUTOR
from runner.domain.selector import note_base

Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$", max_length=120)]
CauseId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.-]+$")]
Moment = Annotated[
    str,
    msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"),
]
Text = Annotated[str, msgspec.Meta(min_length=1)]
CellId = Annotated[str, msgspec.Meta(pattern=r"^[^/]+/[^/]+/[^/]+->[^/]+/[^/]+$")]
RUN_SCHEMA: Literal["run/1"] = "run/1"
CLAIMS_SCHEMA: Literal["claims/1"] = "claims/1"
CHANGES_SCHEMA: Literal["changes/1"] = "changes/1"
EXAMPLES = 3
"""Examples of a claim for each side."""
KEPT_RUNS = 50
"""Runs the history goes back."""
NAMED_CELLS = 20
"""Cells of each kind of change that an entry of the history names."""


def _keys(vocabulary: type[StrEnum], description: str = "") -> msgspec.Meta:
    """Say in the schema which keys an object may have: a type of keys alone does not."""
    said = {"description": description} if description else {}
    names = {"propertyNames": {"enum": [str(each) for each in vocabulary]}}
    return msgspec.Meta(extra_json_schema=said | names)


class Record(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A part of a published file: a field that it does not declare is refused."""


class HostRecord(Record, kw_only=True, frozen=True):
    """The machine that ran it."""

    platform: str
    python: str
    cpu_count: Annotated[int, msgspec.Meta(ge=1)]


class BuildOfOnesOwn(Record, kw_only=True, frozen=True):
    """The package of an environment that is a build of one's own, and where that came from."""

    base: Annotated[Id, msgspec.Meta(description="The environment that all else is of.")]
    package: Text
    distribution: Text
    kind: BuildKind
    source: Annotated[
        Text, msgspec.Meta(description="As given; of a folder or a file its name alone.")
    ]
    version: str
    commit: str = ""
    wheel: Annotated[str, msgspec.Meta(description="SHA-256 of the wheel that was built.")] = ""
    confined: str = ""


class FrozenRecord(Record, kw_only=True, frozen=True):
    """An environment that was not built, as a pack had its artifacts."""

    day: Annotated[str, msgspec.Meta(description="Of its newest artifact: ISO 8601.")]
    pack: Annotated[str, msgspec.Meta(description="SHA-256 of the pack.")]


class EnvironmentRecord(Record, kw_only=True, frozen=True):
    """An environment as it was declared and as it was built."""

    id: Id
    family: Family
    backend: Backend
    python: str
    released: date
    order: int
    formats: tuple[Format, ...]
    status: Literal["available", "unavailable"]
    reason: str
    note: str
    python_version: str
    lock_digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]*$")]
    resolved: Mapping[str, str]
    import_s: Seconds | None
    fork: bool | None
    image: Annotated[
        str, msgspec.Meta(description="Digest of its container image, where it ran in one.")
    ] = ""
    base: Annotated[
        str, msgspec.Meta(description="Digest of the image that one was built from.")
    ] = ""

    minor_released: Annotated[
        date | None,
        msgspec.Meta(
            description="When the first release of its minor version was, if on another day."
        ),
    ] = None

    build: BuildOfOnesOwn | None = None
    frozen: FrozenRecord | None = None

    def __post_init__(self) -> None:
        """Have what is said of the base of a build hold for it: see `selector.minor_of`."""
        if self.build is not None:
            note_base(self.id, self.build.base)

    @property
    def first_released(self) -> date:
        """The day of its minor version: a patch of an old version is not newer than a new one."""
        return self.minor_released or self.released

    @property
    def available(self) -> bool:
        """Whether it could be built."""
        return self.status == "available"


class ScenarioRecord(Record, kw_only=True, frozen=True):
    """A scenario as it was declared."""

    id: Id
    module: str
    variant: str
    group: str
    title: str
    summary: str
    doc: str
    formats: tuple[Format, ...]
    aspects: tuple[Aspect, ...]
    remedies: tuple[str, ...]
    damage: str
    reader_knows: str
    links: tuple[str, ...]
    rtol: Seconds
    atol: Seconds


class RemedyRecord(Record, kw_only=True, frozen=True):
    """A remedy as it was declared."""

    id: Id
    title: str
    code: str
    formats: tuple[Format, ...]
    environments: tuple[str, ...]
    cost: int
    gives_up: tuple[Aspect, ...]
    sibling: str = ""
    """The other format of the same model that it loads instead; empty if it loads the file."""
    made_by: Literal["", "rewrite", "hop"] = ""
    """What makes the file that it loads of the artifact; empty if it loads the artifact."""


class SaidRecord(Record, kw_only=True, frozen=True):
    """One sentence of a cause, and its basis."""

    text: Text
    basis: Annotated[
        Literal["cells", "remedy", "source", "untested"],
        msgspec.Meta(
            description="The cells that have the cause, the pairs in which a remedy was tried, "
            "a document, or nothing that was measured."
        ),
    ]
    holds: Count = 0
    """Cells or pairs of this run in which it holds."""
    of: Count = 0
    """Cells or pairs of this run that decide it."""
    link: str = ""


class CauseRecord(Record, kw_only=True, frozen=True):
    """A cause that cells of the run may have."""

    id: CauseId
    title: Text
    explanation: Text
    links: tuple[Annotated[str, msgspec.Meta(pattern="^https://")], ...]
    seen: Annotated[
        tuple[str, ...], msgspec.Meta(description="Environments in which it was observed.")
    ]
    says: tuple[SaidRecord, ...] = ()
    """The sentences of the explanation, each with its basis."""


class TotalsRecord(Record, kw_only=True, frozen=True):
    """Cells in all, and by outcome."""

    cells: Count
    by_outcome: Annotated[Mapping[Outcome, Count], _keys(Outcome)]


class ControlRecord(Record, kw_only=True, frozen=True):
    """A control and whether it did as it must."""

    id: str
    passed: bool
    detail: str


class Disagreement(Record, kw_only=True, frozen=True):
    """A cell whose repetition in a fresh process had another outcome."""

    cell: str
    recorded: Outcome
    repeated: Outcome
    detail: str


class AuditTally(Record, kw_only=True, frozen=True):
    """The audited cells of one scenario group, format, remedy or pair of generations."""

    by: Literal["group", "format", "remedy", "generations"]
    name: str
    """Of two generations `tf.keras->keras3`, the writer's first."""
    of: Count
    """Recorded cells."""
    sample: Count
    """Of them, those that were run again."""
    disagreements: Count


class AuditSummary(Record, kw_only=True, frozen=True):
    """How many cells were run again in fresh processes, and which disagreed."""

    sample: Count
    disagreements: tuple[Disagreement, ...]
    at: str = ""
    """When it ended, as in ISO 8601; empty in runs of versions that did not say."""
    of: Count = 0
    """Recorded cells the sample was taken from."""
    seed: int | None = None
    profile: str = ""
    selection: tuple[str, ...] = ()
    """As on the command line; empty for every cell of the profile."""
    tool_version: str = ""
    executor: Annotated[
        str, msgspec.Meta(description="Where they ran again: local processes, or containers.")
    ] = DEFAULT_EXECUTOR
    kept: Annotated[
        bool | None,
        msgspec.Meta(
            description="Whether cells kept from another run could be drawn; null if unknown."
        ),
    ] = None
    spread: Annotated[
        Seconds | None,
        msgspec.Meta(
            description="How far the largest difference of a cell moved at most; null if none has "
            "one, or if that was not worked out."
        ),
    ] = None
    strata: Annotated[
        Count,
        msgspec.Meta(
            description="Combinations of group, format, remedy and generations that were there; 0 "
            "in runs of versions that drew without them."
        ),
    ] = 0
    drawn: Annotated[Count, msgspec.Meta(description="Of them, those that were drawn from.")] = 0
    tallies: tuple[AuditTally, ...] = ()


class AcceptedRecord(Record, kw_only=True, frozen=True):
    """A change for the worse that a gate was told to accept, and the cells that it covered."""

    cells: str
    """Selector, such as `plain_dense/keras/*->keras@*/none`."""
    outcome: Outcome
    reason: str
    link: str
    until: str
    """The release from which on it no longer holds."""
    covered: Count


class KeptRecord(Record, kw_only=True, frozen=True):
    """Cells taken over from an earlier run: when that began, by which version, how many."""

    started: str
    tool_version: str
    cells: Count
    stale: Annotated[
        Count, msgspec.Meta(description="Of which not all they depend on is known.")
    ] = 0
    refused: Annotated[
        Mapping[str, Count],
        msgspec.Meta(description="An input that differs from today's -> cells that were left out."),
    ] = {}


class ShardRecord(Record, kw_only=True, frozen=True):
    """The part of a plan that a run measured."""

    index: Annotated[int, msgspec.Meta(ge=1)]
    of: Annotated[int, msgspec.Meta(ge=1)]
    plan: Annotated[
        str, msgspec.Meta(description="Digest of the plan and its cuts: the same in all shards.")
    ]
    remedies: Annotated[str, msgspec.Meta(description="Where remedies are tried, as asked for.")]


class MergedRecord(Record, kw_only=True, frozen=True):
    """A run that was joined from parts."""

    started: Moment
    finished: Moment
    profile: str
    selection: tuple[str, ...]
    cells: Count
    host: HostRecord
    shard: ShardRecord | None = None


class RunRecord(Record, kw_only=True, frozen=True):
    """run.json: the time, host, tool version and environments of a run, and its totals."""

    schema: Literal["run/1"]
    started: Moment
    finished: Moment
    tool_version: str
    profile: str
    selection: Annotated[
        tuple[str, ...], msgspec.Meta(description="Selectors given on the command line.")
    ]
    executor: Annotated[str, msgspec.Meta(description="Where the probes ran, such as `local`.")]
    isolation: Annotated[
        str, msgspec.Meta(description="Isolation of one cell from another, such as `fork`.")
    ]
    confined: Annotated[
        Mapping[str, Annotated[int, msgspec.Meta(ge=1)]],
        msgspec.Meta(description="Confinement of cells, such as `container` -> cells."),
    ] = {}
    host: HostRecord
    environments: tuple[EnvironmentRecord, ...]
    scenarios: tuple[ScenarioRecord, ...]
    remedies: tuple[RemedyRecord, ...]
    formats: Annotated[
        Mapping[Format, tuple[Aspect, ...]],
        _keys(Format, "The aspects each format carries."),
    ]
    causes: Annotated[
        tuple[CauseRecord, ...],
        msgspec.Meta(
            description="Why cells are not equivalent; absent in runs made before causes had names."
        ),
    ] = ()
    sources: Annotated[
        Mapping[str, str],
        msgspec.Meta(
            description="Scenario module -> its code; absent in runs made before it was kept."
        ),
    ] = {}
    totals: TotalsRecord
    controls: tuple[ControlRecord, ...]
    accepted: Annotated[
        tuple[AcceptedRecord, ...],
        msgspec.Meta(description="Acceptances in force; empty where no gate decided on the run."),
    ] = ()
    audit: AuditSummary | None
    audit_in_containers: Annotated[
        AuditSummary | None,
        msgspec.Meta(description="Of cells that ran in processes of a machine; null without one."),
    ] = None
    audit_from_nothing: Annotated[
        AuditSummary | None,
        msgspec.Meta(
            description="Of cells whose models were saved again first, as another machine does; "
            "null without one."
        ),
    ] = None
    not_run: Annotated[Mapping[str, Count], msgspec.Meta(description="Reason -> number of cells.")]
    durations: Annotated[
        Mapping[str, Seconds], msgspec.Meta(description="Stage -> wall time in seconds.")
    ]
    kept: KeptRecord | None = None
    shard: Annotated[
        ShardRecord | None, msgspec.Meta(description="Of a run of one part of a plan.")
    ] = None
    merged: Annotated[
        tuple[MergedRecord, ...],
        msgspec.Meta(description="The runs that it was joined from, where it was."),
    ] = ()

    def __post_init__(self) -> None:
        """Refuse a record that contradicts itself.

        Raises:
            ValueError: an id is there twice, or the outcomes do not add up.
        """
        for name in ("environments", "scenarios", "remedies", "causes"):
            twice = repeated(each.id for each in getattr(self, name))
            if twice:
                raise ValueError(f"{name} names {twice!r} twice")
        counted = sum(self.totals.by_outcome.values())
        if counted != self.totals.cells:
            raise ValueError(f"totals count {self.totals.cells} cells, its outcomes {counted}")

    @property
    def environment_ids(self) -> tuple[str, ...]:
        """The environments in order of release."""
        return tuple(each.id for each in self.environments)

    @property
    def hop_remedies(self) -> frozenset[str]:
        """The remedies whose cells load a file between, not the one that the writer wrote."""
        return frozenset(each.id for each in self.remedies if each.made_by == "hop")

    @property
    def bases(self) -> dict[str, str]:
        """The builds of one's own, each with the environment that it was made of."""
        return {each.id: each.build.base for each in self.environments if each.build is not None}

    @property
    def failed_controls(self) -> tuple[ControlRecord, ...]:
        """Controls that did not do as they must: nothing of the run can be trusted."""
        return tuple(each for each in self.controls if not each.passed)

    def describe_cause(self, name: str) -> CauseRecord:
        """Return the cause of that id; a run made before causes had words has none but the id."""
        nameless = CauseRecord(id=name, title=name, explanation="", links=(), seen=())
        return next((each for each in self.causes if each.id == name), nameless)


class Article(Record, kw_only=True, frozen=True):
    """A source of claims."""

    file: str
    title: str


class ClaimExample(Record, kw_only=True, frozen=True):
    """A cell that speaks for or against a claim, with the cell it is compared with."""

    cell: CellId
    outcome: Outcome
    detail: str
    than: str
    than_outcome: str


class ClaimPart(Record, kw_only=True, frozen=True):
    """How many cells of a scenario, format and remedy say so."""

    scenario: str
    format: str
    remedy: str
    supports: Count = msgspec.field(name="for")
    against: Count


class Hanging(Record, kw_only=True, frozen=True):
    """An environment without which the verdict of a claim is another."""

    environment: str
    named: Annotated[str, msgspec.Meta(description="As a sentence names it: `Keras 3.0`.")]
    verdict: Annotated[ClaimVerdict, msgspec.Meta(description="Of the cells without it.")]


class JudgedClaim(Record, kw_only=True, frozen=True):
    """A statement of the sources, held against the cells."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]+$")]
    article: str
    statement: Text
    note: str
    cells: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Selectors; none for a claim that is not decidable here."),
    ]
    than: tuple[str, ...]
    conditions: str
    prediction: str
    verdict: ClaimVerdict
    because: Annotated[
        str, msgspec.Meta(description="Why a claim is not decidable here; empty for the others.")
    ] = ""
    share: Annotated[
        Share | None, msgspec.Meta(description="Of how many cells the statement says it.")
    ] = None
    counted: Annotated[
        str, msgspec.Meta(description="The counts in words: `may: 337 of 1,788 cells`.")
    ] = ""
    pairs: Annotated[
        str, msgspec.Meta(description="The pairs of versions it is judged on, in words.")
    ] = ""
    refuted_by: Annotated[
        str, msgspec.Meta(description="In words, the cells that would refute it.")
    ] = ""
    hangs_on: Annotated[
        tuple[Hanging, ...],
        msgspec.Meta(description="Every single environment without which the verdict is another."),
    ] = ()
    other_reasons: Annotated[
        Count, msgspec.Meta(description="Cells that fail for another reason than it names.")
    ] = 0
    fails_at_home: Annotated[
        Count, msgspec.Meta(description="Cells left out because their writer does no better.")
    ] = 0
    unmatched: Annotated[
        tuple[str, ...], msgspec.Meta(description="Selectors without a cell in this run.")
    ] = ()
    deciding: Count
    supports: Count = msgspec.field(name="for")
    against: Count
    ties: Count
    missing: Count
    excluded: Mapping[str, Count]
    examples_for: Annotated[tuple[ClaimExample, ...], msgspec.Meta(max_length=EXAMPLES)]
    examples_against: Annotated[tuple[ClaimExample, ...], msgspec.Meta(max_length=EXAMPLES)]
    holds: tuple[str, ...]
    fails: tuple[str, ...]
    mixed: tuple[str, ...]
    parts: tuple[ClaimPart, ...]


class ClaimsRecord(Record, kw_only=True, frozen=True):
    """claims.json: the claims of the articles, held against the cells of a run."""

    schema: Literal["claims/1"]
    run: Annotated[str, msgspec.Meta(description="`started` of the run whose cells decided.")]
    cells: Count
    articles: tuple[Article, ...]
    claims: tuple[JudgedClaim, ...]


class ChangedCell(Record, kw_only=True, frozen=True):
    """A cell of the history before and after a run."""

    cell: str
    before: str
    after: str
    cause: str


class ChangesEntry(Record, kw_only=True, frozen=True):
    """The changes of one published run."""

    started: Annotated[str, msgspec.Meta(description="As in run.json.")]
    finished: str
    tool_version: str
    previous: Annotated[
        str | None,
        msgspec.Meta(description="`started` of the run it is compared with; null for the first."),
    ]
    cells: Count
    by_outcome: Mapping[str, Count]
    counts: Annotated[
        Annotated[Mapping[Change, Count], _keys(Change)] | None,
        msgspec.Meta(
            description="Cells of either run by kind of change: they add up to all of them."
        ),
    ]
    examples: Annotated[
        Mapping[
            Change,
            Annotated[tuple[ChangedCell, ...], msgspec.Meta(min_length=1, max_length=NAMED_CELLS)],
        ],
        _keys(Change, "The first cells of a kind of change, by kind."),
    ]

    def __post_init__(self) -> None:
        """Refuse an entry that does not count every kind of change.

        Raises:
            ValueError: a kind is missing, or has examples and no count.
        """
        if self.counts is not None and set(self.counts) != set(Change):
            raise ValueError("`counts` does not have every kind of change")
        if self.counts is None and self.examples:
            raise ValueError("`examples` without `counts`")


class ChangesRecord(Record, kw_only=True, frozen=True):
    """changes.json: the changes of each published run, newest first."""

    schema: Literal["changes/1"]
    runs: Annotated[tuple[ChangesEntry, ...], msgspec.Meta(min_length=1, max_length=KEPT_RUNS)]


class AuditRecord(Record, kw_only=True, frozen=True):
    """audit.json of a store: its last audit."""

    sample: Count
    """Cells that were run again."""
    of: Count
    """Recorded cells the sample was taken from."""
    seed: int
    at: str
    """When it ended, as in ISO 8601."""
    tool_version: str = ""
    profile: str = ""
    selection: tuple[str, ...] = ()
    """As on the command line; empty for every cell of the profile."""
    executor: str = DEFAULT_EXECUTOR
    """Where they ran again."""
    disagreements: tuple[Disagreement, ...]
    spread: Seconds | None = None
    """How far the largest difference of a cell moved at most; None if none has one."""
    strata: Count = 0
    """Combinations of group, format, remedy and generations among the recorded cells."""
    drawn: Count = 0
    """Of them, those that were drawn from."""
    tallies: tuple[AuditTally, ...] = ()


def repeated(names: Iterable[str]) -> str:
    """Return the first name that is there twice; empty if there is none."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def plain(record: Record) -> dict[str, Any]:
    """Return a record as it stands in its file: dicts, lists, texts and numbers."""
    found: dict[str, Any] = msgspec.to_builtins(record)
    return found
