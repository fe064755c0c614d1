"""The request of a command to the pipeline, and the result: frozen types only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.domain.cells import CellResult, ControlResult
from runner.domain.shards import Shard

BASE_IMAGE = "python:{python}-slim"
"""The image that others are built from; `{python}` stands for the environment's Python."""

FIRST_PROFILES = frozenset({"full"})
"""Profiles that try the next remedy only where none before it gave the same model.

They have more failing loads than all remedies can be tried on in a day.
"""

PUBLISHED = Path("reports/published")
"""The run that the repository publishes, below its root."""

DEFAULT_EXECUTOR = "local"
"""The executor that is taken where none is named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of a probe's children."""

    memory_mb: int = 2000
    """Resident memory of one child in MB; beyond it the job is `out_of_memory`."""
    chain_length: int = 1000
    """Jobs one child takes at most."""
    chain_memory_mb: int = 1200
    """Resident memory in MB after which a child takes no further job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One run as asked for on the command line."""

    root: Path
    """The repository."""
    scenarios: Path | None = None
    """Folder of scenarios of one's own; `root` is then the repository with them besides."""
    store: Path
    out: Path
    """Where the data and the site are written."""
    profile: str = "default"
    patterns: tuple[str, ...] = ()
    """Selectors over cells, as given with `--select`."""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Part of a cell -> globs."""
    remedies: str = ""
    """`auto`, `first`, `needed` or `all`: where remedies are tried; empty for the profile's own."""
    builds: tuple[str, ...] = ()
    """Builds of one's own, as given with `--with`."""
    base: str = ""
    """The environment that everything else of a build is taken from; empty for the newest."""
    frozen: bool = False
    """Read the frozen artifacts of imported packs, and build nothing that only writes."""
    force: bool = False
    """Measure every selected cell again, recorded or not."""
    failed: bool = False
    """Measure again every recorded cell that is not `equivalent`."""
    recorded: bool = False
    """Measure nothing: report the recorded cells, the others as `not_run`."""
    shard: Shard | None = None
    """The part of the plan that is measured here; None for all of it."""
    saves_only: bool = False
    """Only write the artifacts, for shards to read."""
    artifacts: str = ""
    """Folder or address where machines share their artifacts; empty for none."""
    workers: int = 2
    executor: str = DEFAULT_EXECUTOR
    """Name of a row of the registry of executors: where environments are and probes run."""
    scheduler: str = ""
    """Address of the scheduler of a cluster; empty for workers of this process."""
    worker_executor: str = DEFAULT_EXECUTOR
    """Name of the executor that each worker of a cluster starts probes with."""
    start_timeout_s: float = 120.0
    """Seconds to wait for a worker that may be used."""
    tls_ca: Path | None = None
    """Certificate of the authority that signed those of scheduler and workers."""
    tls_cert: Path | None = None
    """Certificate that this machine shows them."""
    tls_key: Path | None = None
    """Its private key."""
    base_image: str = BASE_IMAGE
    """Name of the image that images are built from, with the Python's place in it."""
    build_args: tuple[str, ...] = ()
    """`NAME=VALUE` for the building of images, such as PIP_INDEX_URL."""
    ca_bundle: Path | None = None
    """Certificates trusted while images are built."""
    start_method: str = "auto"
    limits: Limits = field(default_factory=Limits)
    baseline: Path | None = None
    """An earlier cells.csv or cells.parquet, for the verdicts."""
    keep: Path | None = None
    """Folder of an earlier published run whose other cells stay in the report."""
    command: str = ""

    @property
    def wanted_remedies(self) -> str:
        """Where remedies are tried, by the profile where the command line does not say."""
        return self.remedies or ("first" if self.profile in FIRST_PROFILES else "auto")

    @property
    def names_scenarios(self) -> bool:
        """Whether a selector says which scenarios: then the profile does not."""
        return bool(self.patterns or self.filters.get("scenario"))


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOutcome:
    """The result of a run."""

    results: Sequence[CellResult]
    controls: Sequence[ControlResult]
    report: Path
    """The report's first page."""
    measured: int
    """Jobs that really ran; the rest was known."""
    durations: Mapping[str, float]
    """Stage -> wall time in seconds."""

    @property
    def failed_controls(self) -> list[ControlResult]:
        """The controls that did not behave."""
        return [control for control in self.controls if not control.passed]
