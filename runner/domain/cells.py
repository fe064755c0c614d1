"""Cells, and their observations and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runner.domain.formats import Format
from runner.domain.outcomes import Outcome
from runner.domain.scenarios import Aspect
from runner.domain.verdicts import Verdict

BARE = "none"
"""Id of the remedy that is none: the bare `load_model`, which others are compared with."""
ID_COLUMNS = ("scenario", "format", "writer", "reader", "remedy")
"""The five parts of a cell's id, as columns of a table."""


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
    the properties below so that dicts stop at the boundary. A record that is not of that
    shape reads as empty, and the judge says so (`runner/judge/outcome.py`).
    """

    data: Mapping[str, Any]

    @property
    def status(self) -> str:
        """`done`, `raised`, `crashed`, `timed_out`, `out_of_memory` or `harness_error`."""
        return str(self.data.get("status", ""))

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
    def facts(self) -> Mapping[str, Any]:
        """Further facts from the probe: of a save `written`, `damage`, `sha256` and the like."""
        found = self.data.get("facts")
        return found if isinstance(found, Mapping) else {}

    @property
    def aspects(self) -> Mapping[str, Mapping[str, Any]]:
        """Per aspect: `status` (agrees, differs, missing), `max_abs_diff`, `detail`."""
        found: Mapping[str, Mapping[str, Any]] = self.data.get("aspects", {})
        return found


class Origin(StrEnum):
    """Where a row of the table has its facts from."""

    NONE = ""
    """Nothing was measured."""
    MEASURED = "measured"
    """By this run, or recorded in its store with the same inputs."""
    KEPT = "kept"
    """By an earlier run, with the probe, scenario, locks and artifact of today."""
    STALE = "stale"
    """By an earlier run; some of its inputs are not known."""
    UNKNOWN = "unknown"
    """By a run that did not say which of its rows were kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginFacts:
    """All that is known of one origin."""

    origin: Origin
    label: str
    explanation: str
    """Ends a sentence that begins with the moment of the measurement."""


ORIGIN_TABLE: tuple[OriginFacts, ...] = (
    OriginFacts(
        origin=Origin.MEASURED,
        label="measured by this run",
        explanation="by this run, or recorded in its store with the same code, locks and file",
    ),
    OriginFacts(
        origin=Origin.KEPT,
        label="kept from an earlier run",
        explanation="by an earlier run and kept: with the code, locks and file of today",
    ),
    OriginFacts(
        origin=Origin.STALE,
        label="stale",
        explanation="by an earlier run and kept, and not known to be measured with the code, "
        "locks and file of today",
    ),
    OriginFacts(
        origin=Origin.UNKNOWN,
        label="origin not recorded",
        explanation="by this run or by an earlier one that it kept cells of: it does not say which",
    ),
    OriginFacts(
        origin=Origin.NONE,
        label="not measured",
        explanation="by nobody: nothing ran that could be measured",
    ),
)
"""A row for each origin, in the order in which pages list them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Depends:
    """Short digests of a measurement's inputs, beside the artifact; empty if unknown."""

    probe: str = ""
    scenario: str = ""
    writer_lock: str = ""
    reader_lock: str = ""
    made_with: str = ""
    """Of a file that was made of the artifact: the rules that edited it, or the locks of the
    environments that saved it again."""


DEPENDS_UNKNOWN = Depends()


@dataclass(frozen=True, kw_only=True, slots=True)
class CellResult:
    """One row of the matrix: a cell with its outcome, and its cause as far as known."""

    cell: Cell
    outcome: Outcome
    aspects: tuple[Aspect, ...] = ()
    """The aspects that differ, for `diverged`."""
    steps: tuple[str, ...] = ()
    """How the file that was loaded was made of the artifact; empty for the artifact itself."""
    hops: bool = False
    """Whether the steps are hops: environments that loaded it and saved it again."""
    cause: str = ""
    """Id of a cause; empty for `equivalent` and for cells that never ran."""
    reason: str = ""
    """One sentence where the outcome needs one (why not run, why unavailable)."""
    verdict: Verdict = Verdict.NOT_JUDGED
    artifact_sha256: str = ""
    observation: Observation | None = None
    """The reader's observation; the writer's where saving failed; none if nothing ran."""
    measured_at: str = ""
    """When the observation was recorded: ISO 8601, UTC; empty where unknown."""
    depends: Depends = DEPENDS_UNKNOWN
    origin: Origin = Origin.MEASURED
    """Of the observation; a result without one has none."""
    frozen: str = ""
    """The day its frozen artifact was written; empty where its writer was there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlResult:
    """One control of the run: a cell whose right answer is known beforehand."""

    id: str
    passed: bool
    detail: str
