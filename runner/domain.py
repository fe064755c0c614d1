"""The vocabulary of the matrix as frozen types; every stage speaks in these.

The words are those of docs/glossary.md. Nothing here reads a file or starts a
process, and nothing here knows a stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any


class Family(StrEnum):
    """Which Keras an environment's users write against."""

    TF_KERAS = "tf.keras"
    """`from tensorflow import keras`, TensorFlow 1.15 to 2.15."""
    KERAS2 = "keras2"
    """Standalone Keras 2.3, `import keras`."""
    KERAS3 = "keras3"
    """`import keras`, 3.0 and later."""
    LEGACY = "tf-keras"
    """`import tf_keras`: Keras 2 kept alive on TensorFlow 2.16 and later."""


class Backend(StrEnum):
    """What computes."""

    TENSORFLOW = "tensorflow"
    JAX = "jax"
    TORCH = "torch"
    THEANO = "theano"


class Format(StrEnum):
    """How a model is put on disk; see docs/formats.md for the layouts."""

    H5 = "h5"
    KERAS = "keras"
    SAVED_MODEL = "saved_model"
    WEIGHTS_H5 = "weights_h5"
    JSON_WEIGHTS = "json_weights"
    TF_CHECKPOINT = "tf_checkpoint"
    EXPORT = "export"


class Aspect(StrEnum):
    """What is compared with the oracle."""

    STRUCTURE = "structure"
    OUTPUTS = "outputs"
    WEIGHTS = "weights"
    LOSSES = "losses"
    TRAINABLE = "trainable"
    DTYPE = "dtype"
    COMPILE = "compile"
    OPTIMIZER = "optimizer"
    TRAINING_STEP = "training_step"


class Outcome(StrEnum):
    """What happened in a cell."""

    EQUIVALENT = "equivalent"
    DIVERGED = "diverged"
    UNUSABLE = "unusable"
    LOAD_ERROR = "load_error"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    SAVE_ERROR = "save_error"
    UNSUPPORTED = "unsupported"
    ENVIRONMENT_UNAVAILABLE = "environment_unavailable"
    HARNESS_ERROR = "harness_error"
    NOT_RUN = "not_run"


class Verdict(StrEnum):
    """An outcome held against its expectation and the baseline."""

    EXPECTED = "expected"
    KNOWN_FAILURE = "known_failure"
    REGRESSION = "regression"
    FIXED = "fixed"
    CHANGED = "changed"
    NOT_JUDGED = "not_judged"


class Isolation(StrEnum):
    """Whom a job may share a process with."""

    SHARED = "shared"
    """Leaves nothing behind: any other such job."""
    REMEDY = "remedy"
    """Jobs of the same remedy (it imports a second framework)."""
    SCENARIO = "scenario"
    """Jobs of the same remedy and scenario (it registers that scenario's classes)."""
    ALONE = "alone"
    """No other job: it executes code from the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One pinned Python + framework + backend, as declared in environments.toml."""

    id: str
    family: Family
    backend: Backend
    python: str
    """Minor version, such as `3.10`."""
    requirements: tuple[str, ...]
    released: date
    """When the framework version that names the environment was released."""
    formats: frozenset[Format]
    """What this version is declared to write and read; probed in every run."""
    reads: frozenset[Format] = frozenset()
    """What it is declared to read besides, though it does not write it."""
    order: int
    """Place in release order, the order of rows and columns everywhere."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment variables the framework needs, such as KERAS_BACKEND."""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One isolated cause, or a variant of one, as declared in catalog.toml."""

    id: str
    module: str
    """Python module in `scenarios/` that holds the model code."""
    group: str
    title: str
    summary: str
    formats: tuple[Format, ...]
    aspects: frozenset[Aspect]
    remedies: tuple[str, ...]
    """Ids of the remedies that make sense here beyond `none`."""
    variant: str = ""
    """Handed to the module, which builds the variant's model."""
    damage: str = ""
    """What is done to the artifact after it was written; empty for nothing."""
    reader_knows: str = "nothing"
    """What a bare load's program has of the custom code: `nothing` or `registered`."""
    rtol: float = 1e-4
    atol: float = 1e-5
    links: tuple[str, ...] = ()
    timeout_s: float = 30.0
    writers: tuple[str, ...] = ("*",)
    """Globs over environment ids: where a user can write this model at all."""
    trained: bool = False
    """Whether the writer compiles and trains the model a few steps before saving."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """One named way of loading."""

    id: str
    title: str
    code: str
    """The line a user would write, with `{path}`."""
    formats: frozenset[Format]
    environments: tuple[str, ...]
    """Globs over environment ids: where this way of loading exists."""
    cost: int
    """Rank of effort for the person loading: the cheapest that works is advised."""
    gives_up: frozenset[Aspect] = frozenset()
    """Aspects this way of loading never restores, so they are not asked for."""
    isolation: Isolation = Isolation.SHARED
    """Whom its jobs may share a process with, by what they leave behind in it."""
    sibling: Format | None = None
    """The other format of the same model that is loaded instead, if any."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Cell:
    """One measurement: scenario/format/writer->reader/remedy."""

    scenario: str
    format: Format
    writer: str
    reader: str
    remedy: str

    @property
    def id(self) -> str:
        """The identifier used on the command line, in logs, paths and URLs."""
        return f"{self.scenario}/{self.format}/{self.writer}->{self.reader}/{self.remedy}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Save:
    """One artifact to be written: scenario/format/writer."""

    scenario: str
    format: Format
    writer: str

    @property
    def id(self) -> str:
        """`scenario/format/writer`."""
        return f"{self.scenario}/{self.format}/{self.writer}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """Raw facts of one job, as the probe wrote them; never rewritten.

    `data` is one observation record of docs/formats.md; stages read it through
    the properties below so that dicts stop at the boundary.
    """

    data: Mapping[str, Any]

    @property
    def status(self) -> str:
        """`done`, `raised`, `crashed`, `timed_out`, `out_of_memory` or `harness_error`."""
        return str(self.data["status"])

    @property
    def stage(self) -> str:
        """Where it stopped: `prepare`, `save`, `load`, `call`, `train`, `compare`."""
        return str(self.data.get("stage", ""))

    @property
    def exception(self) -> str:
        """Type of the exception, with its module unless it is a builtin."""
        return str(self.data.get("exception", ""))

    @property
    def message(self) -> str:
        """Text of the exception."""
        return str(self.data.get("message", ""))

    @property
    def duration_s(self) -> float:
        """Wall time of the job in seconds."""
        return float(self.data.get("duration_s", 0.0))

    @property
    def aspects(self) -> Mapping[str, Mapping[str, Any]]:
        """Per aspect: `status` (agrees, differs, missing), `max_abs_diff`, `detail`."""
        found: Mapping[str, Mapping[str, Any]] = self.data.get("aspects", {})
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvisionedEnvironment:
    """An environment that was built and whose framework was really imported."""

    environment: Environment
    executable: str
    """Path of its Python interpreter."""
    lock_digest: str
    """SHA-256 of its lock, in hex."""
    python_version: str
    """As the interpreter reported it, such as `3.10.13`."""
    resolved: Mapping[str, str]
    """Distribution name -> version, as installed."""
    import_s: float
    """Wall time of importing the framework, in seconds."""
    fork: bool
    image: str = ""
    """Digest of its container image; empty for an environment of this machine."""
    base: str = ""
    """Digest of the image it was built from: the operating system below the lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellResult:
    """One row of the matrix: a cell with what happened, and why as far as known."""

    cell: Cell
    outcome: Outcome
    aspects: tuple[Aspect, ...] = ()
    """The aspects that differ, for `diverged`."""
    cause: str = ""
    """Id of a cause; empty for `equivalent` and for cells that never ran."""
    reason: str = ""
    """One sentence where the outcome needs one (why not run, why unavailable)."""
    verdict: Verdict = Verdict.NOT_JUDGED
    artifact_sha256: str = ""
    observation: Observation | None = None
    """The reader's observation; the writer's where saving failed; none if nothing ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlResult:
    """One control of the run: a cell whose right answer is known beforehand."""

    id: str
    passed: bool
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """A declared outcome for a pattern of cells, with a reason, as in expectations.toml."""

    cells: str
    """Selector over cells, such as `corrupted_file*/h5/*->*/none`."""
    outcome: Outcome
    reason: str
    link: str
    writers: tuple[str, ...] = ("*",)
    """Globs over environment ids; one must match the writer."""
    readers: tuple[str, ...] = ("*",)
    """Globs over environment ids; one must match the reader."""


UNCLASSIFIED = "unclassified"
"""The cause of what no rule explains; it stays visible."""
UNEXPLAINED = frozenset({Outcome.EQUIVALENT, Outcome.NOT_RUN, Outcome.ENVIRONMENT_UNAVAILABLE})
"""Outcomes that have no cause: nothing is wrong, or nothing ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseRule:
    """What a result must be like to have a cause, as in causes.toml; empty means any."""

    outcomes: frozenset[Outcome]
    stages: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    """Globs over the exception's type."""
    message: str = ""
    """Regex searched in the innermost message, or in the reason where nothing raised."""
    traceback: str = ""
    """Regex searched in the traceback."""
    formats: tuple[Format, ...] = ()
    remedies: tuple[str, ...] = ()
    """Globs over remedy ids."""
    damaged: bool | None = None
    """Whether the file was damaged on purpose after it was written."""
    aspects: frozenset[Aspect] = frozenset()
    """Aspects that must all differ."""
    only: frozenset[Aspect] = frozenset()
    """Aspects of which no other may differ."""
    detail: str = ""
    """Regex searched in the lines `aspect: detail` of the aspects that differ."""
    writers: tuple[str, ...] = ()
    """Globs over environment ids."""
    readers: tuple[str, ...] = ()
    """Globs over environment ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why a cell is not equivalent, for the person who has the file."""

    id: str
    title: str
    explanation: str
    links: tuple[str, ...]
    rules: tuple[CauseRule, ...]
    """One of them must match."""
    seen: tuple[str, ...]
    """Environments in which it was observed: the reader, or the writer where saving failed."""


class Pair(StrEnum):
    """How the reader stands to the writer."""

    SAME_ENVIRONMENT = "same_environment"
    OTHER_ENVIRONMENT = "other_environment"
    SAME_FAMILY = "same_family"
    OTHER_FAMILY = "other_family"
    READER_NEWER = "reader_newer"
    """Released later than the writer."""
    READER_OLDER = "reader_older"


class Given(StrEnum):
    """What must be so of a related cell before a cell decides a claim."""

    LOADS_IN_WRITER = "loads_in_writer"
    """The writer itself gets the same model back from this file, loaded the same way."""
    BARE_FAILS = "bare_fails"
    """The bare load of this file in this reader is not equivalent."""


class Event(StrEnum):
    """What a claim says of a cell."""

    EQUIVALENT = "equivalent"
    FAILS = "fails"
    """Not equivalent: an error, an unusable model, or a silent difference."""
    LOADS = "loads"
    """Without an error while loading, whatever came of it."""
    ERROR = "error"
    """No model: an exception, a crash, a time-out, too much memory."""
    DIVERGED = "diverged"
    ANY = "any"
    """Whatever happened: the exception, the message or the aspects decide."""


class Share(StrEnum):
    """Of how many cells a claim says it."""

    ALL = "all"
    MOST = "most"
    SOME = "some"
    """`can`, `may`: one cell is enough."""
    BETTER = "better"
    """Compared with the cells of `than`: equivalent there where those fail, never the reverse."""


class ClaimVerdict(StrEnum):
    """What the cells say of a claim; given only if no cell that is missing could change it."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    DEPENDS = "depends"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True, slots=True)
class CellSet:
    """The cells that decide a claim: a selector matches, and every condition holds."""

    cells: tuple[str, ...]
    """Selectors, such as `l2_sequential/h5/*->*/none`; one must match."""
    writers: tuple[str, ...] = ("*",)
    readers: tuple[str, ...] = ("*",)
    writer_families: frozenset[Family] = frozenset()
    """Empty for every family."""
    reader_families: frozenset[Family] = frozenset()
    pair: frozenset[Pair] = frozenset()
    """All of them must hold."""
    given: frozenset[Given] = frozenset()
    counts: frozenset[Outcome] = frozenset()
    """Outcomes without a load, such as `save_error`, that count as a failure here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a claim says of its cells."""

    share: Share
    event: Event
    among: Event = Event.ANY
    """Only cells where this happened decide, such as `error` for a claim on messages."""
    exceptions: tuple[str, ...] = ()
    """Globs over the exception's type; one must match."""
    messages: tuple[str, ...] = ()
    """Parts of the message, in any case; one must be there."""
    aspects: frozenset[Aspect] = frozenset()
    """One of them must be among those that differ."""
    agrees: frozenset[Aspect] = frozenset()
    """None of them may be among those that differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A statement of the sources with the cells that decide it, as in claims.toml."""

    id: str
    article: str
    """Name of the article's file."""
    statement: str
    """In our own words."""
    decided_by: CellSet
    predicts: Prediction
    than: CellSet | None = None
    """What `decided_by` is compared with, for `better`."""
    alike: tuple[str, ...] = ()
    """The parts two compared cells have in common."""
    note: str = ""
    """How we read the statement."""
