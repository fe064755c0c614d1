"""The beginning of a run: declarations read, the store locked, environments built.

Input: a request. Output: a `Run`, which every later stage is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from runner import shares
from runner.declare.scope import declare
from runner.domain import (
    Artifact,
    Cell,
    Declared,
    Made,
    Provisioned,
    ProvisionedEnvironment,
    Save,
)
from runner.domain.errors import NoEnvironmentError, ProvisionError, SelectionError
from runner.domain.request import Request
from runner.executors import registry
from runner.executors.interface import Place, Settings
from runner.executors.provisioning import provision_all
from runner.executors.registry import open_place
from runner.host.progress import Reporter
from runner.measure.digests import InputDigests
from runner.measure.frozen import as_provisioned, require_fitting
from runner.measure.hops import HopFiles
from runner.measure.known import LookUp
from runner.measure.making import Rewrites
from runner.measure.rounds import JobRunner, timed
from runner.shares import Share
from runner.store import START_MB, Store, emptied, open_store, require_space
from runner.store.exchange import Exchange, open_exchange

BATCHES = "batches"
"""Folder of a store for the batches at work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run at work: its request, its environments, its look-up and its rounds of jobs."""

    request: Request
    declared: Declared
    built: Provisioned
    absent: Mapping[str, ProvisionedEnvironment]
    """Writers that were not built, since their frozen artifacts are there."""
    store: Store
    reporter: Reporter
    look_up: LookUp
    jobs: JobRunner
    rewrites: Rewrites
    hop_files: HopFiles
    artifacts: dict[Save, Artifact | None] = field(default_factory=dict)
    """The artifacts of the saves planned so far."""
    made: dict[Cell, Made] = field(default_factory=dict)
    """The files made of them for cells planned so far."""
    share: Share | None = None
    """The part of the plan that is measured here; None for all of it."""
    exchange: Exchange | None = None
    """Where machines share their artifacts."""


@contextmanager
def opened(request: Request, reporter: Reporter, share: Share | None = None) -> Iterator[Run]:
    """Stages 1 and 2: declarations read, store locked, environments built.

    Raises:
        MatrixError: nothing could be measured, or the store cannot be used.
    """
    declared = declare(request)
    if request.frozen:
        _require_alone(request)
    if share is None and not request.saves_only:
        share = shares.take_share(request, declared)
    exchange = open_exchange(request.artifacts) if request.artifacts else None
    # A run that only reports needs no lock, and may go on while another one measures.
    with (
        open_store(
            request.store,
            command=request.command,
            warn=reporter.message,
            read_only=request.recorded,
        ) as store,
        open_place(request, reporter.message) as place,
    ):
        run = _begin(request, declared, store, place, reporter, share, exchange)
        with closing(run.jobs.crew):
            yield run


@contextmanager
def elsewhere(run: Run, request: Request, readers: Iterable[str]) -> Iterator[Run]:
    """Give the run with these readers' jobs where the request's executor runs them.

    Raises:
        NoEnvironmentError: no engine or no worker answers.
        ProvisionError: an environment cannot be built there.
    """
    with open_place(request, run.reporter.message) as place:
        built = {}
        for name in sorted(readers):
            found = place.provision(run.built.available[name].environment)
            if isinstance(found, ProvisionError):
                raise found
            built[name] = found
        settings = _settings(request, run.store.folder / BATCHES, run.reporter)
        with closing(place.crew(settings)) as crew:
            yield replace(
                run, request=request, jobs=replace(run.jobs, crew=crew, environments=built)
            )


@contextmanager
def in_containers(run: Run, readers: Iterable[str]) -> Iterator[Run]:
    """Give the run with these readers' jobs in containers, which find its artifacts.

    Raises:
        NoEnvironmentError: no engine answers.
        ProvisionError: an image cannot be built.
    """
    with elsewhere(run, replace(run.request, executor=registry.CONTAINED.name), readers) as inside:
        yield inside


def _settings(request: Request, scratch: Path, reporter: Reporter) -> Settings:
    return Settings(
        workers=request.workers,
        limits=request.limits,
        start_method=request.start_method,
        estimate_s=shares.job_estimate(request, reporter.message),
        scratch=scratch,
        machines=reporter.machines,
    )


def _require_alone(request: Request) -> None:
    """Raise where a run that reads packs is asked for what it cannot do."""
    row = registry.executor_row(request.executor)
    if row.contained or not row.here:
        raise SelectionError(
            f"--frozen: {row.summary} do not see the artifacts of a pack",
            cause="their jobs run in the sandbox of this machine",
            next_step=f"leave out --executor {row.name}",
        )
    if request.shard or request.artifacts or request.saves_only:
        raise SelectionError(
            "--frozen goes with none of --shard, --artifacts and --saves-only",
            cause="what a pack has is saved already, and one machine reads it in minutes",
            next_step="leave out the others",
        )


def _begin(
    request: Request,
    declared: Declared,
    store: Store,
    place: Place,
    reporter: Reporter,
    share: Share | None,
    exchange: Exchange | None,
) -> Run:
    started = datetime.now(UTC)
    durations: dict[str, float] = {}
    frozen = declared.scope.frozen
    with timed(durations, "provision"):
        built = _provision(request, declared, place, reporter, share, exchange)
    _require_built(request, declared, store, built)
    scratch = _scratch(request, store)
    there = [each for each in declared.environments if each.id in frozen]
    absent = {each.id: as_provisioned(each, frozen[each.id]) for each in there}
    digests = InputDigests(request.root, declared.catalog.scenarios, {**absent, **built.available})
    require_fitting(frozen, digests)
    return Run(
        request=request,
        declared=declared,
        built=built,
        absent=absent,
        store=store,
        reporter=reporter,
        look_up=LookUp(
            digests=digests,
            frozen=frozen,
            store=store,
            catalog=declared.catalog,
            environments={each.id: each for each in declared.environments},
            available=built.available,
            unavailable={name: error.message for name, error in built.unavailable.items()},
        ),
        jobs=JobRunner(
            store=store,
            crew=place.crew(_settings(request, scratch, reporter)),
            environments=built.available,
            reporter=reporter,
            started=started,
            scenarios=declared.catalog.scenarios,
            recorded_only=request.recorded,
            durations=durations,
        ),
        rewrites=Rewrites(store, request.root, scratch),
        share=share,
        exchange=exchange,
        hop_files=HopFiles(store, digests, declared.catalog),
    )


def _require_built(request: Request, declared: Declared, store: Store, built: Provisioned) -> None:
    """Raise where a build of one's own is missing, or everything is."""
    for each in declared.environments:
        if each.build is not None and each.id in built.unavailable:
            raise built.unavailable[each.id]
    if not request.recorded:
        # An environment may be unavailable, and every job fail, for no other reason.
        require_space(store.folder, START_MB)
    if not built.available:
        first = next(iter(built.unavailable.values()), None)
        raise NoEnvironmentError(
            "no environment could be built: there is nothing to measure",
            cause=str(first) if first else "the profile names no environment",
            next_step=first.next_step if first else "see the environments there are: `nox -s envs`",
        )


def _provision(
    request: Request,
    declared: Declared,
    place: Place,
    reporter: Reporter,
    share: Share | None,
    exchange: Exchange | None,
) -> Provisioned:
    """Build the environments that this machine needs, and tell the others what they are."""
    elsewhere: dict[str, ProvisionedEnvironment] = {}
    wanted = {each.id for each in declared.environments}
    if request.saves_only:
        wanted = {save.writer for save in shares.share_of_saves(request, declared)}
    elif share is not None:
        if exchange is not None:
            elsewhere = shares.find_elsewhere(request, declared, share, place, exchange)
        wanted = set(share.environments) - elsewhere.keys()
    wanted -= declared.scope.frozen.keys()
    chosen = [each for each in declared.environments if each.id in wanted]
    built = provision_all(chosen, place, reporter, place.builders(request.workers))
    if exchange is not None:
        shares.note_environments(built.available, exchange)
    return shares.join_provisioned(built, elsewhere)


def _scratch(request: Request, store: Store) -> Path:
    """Return the folder of running batches, emptied of a killed run's leftovers."""
    folder = store.folder / BATCHES
    return folder if request.recorded else emptied(folder)
