"""The data flow, in order: the one module that knows which stage follows which.

declare -> provision -> plan -> save -> load -> classify -> judge -> aggregate -> render

A cell goes one way: what is planned is looked up in the store (`Known`), a `Known` is
classified, what must run is run and recorded, and only that is looked up again.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from runner import plan, shares
from runner.analyse import changes
from runner.analyse.causes import explain_table
from runner.analyse.conclusions import CONCLUDED, conclude
from runner.contract import Job
from runner.declare.environments import read_environments
from runner.declare.scope import declare
from runner.domain import (
    BARE,
    FACTS,
    TAMPERED,
    Artifact,
    Aspect,
    Cell,
    CellResult,
    ControlResult,
    Declared,
    Detail,
    Known,
    Made,
    MadeBy,
    Observation,
    Outcome,
    Provisioned,
    ProvisionedEnvironment,
    Save,
)
from runner.domain.counterparts import bases_of, environments_of, find_counterparts, line_up
from runner.domain.errors import NoEnvironmentError, ProvisionError, SelectionError
from runner.domain.hops import MOST_HOPS, Chain
from runner.domain.request import Request, RunOutcome
from runner.domain.selector import require_cells
from runner.executors import registry
from runner.executors.interface import Place, Settings
from runner.executors.provisioning import provision_all
from runner.executors.registry import open_place
from runner.host.progress import EnvironmentState, Reporter
from runner.judge import controls
from runner.judge.cause import CauseTable, explain
from runner.judge.outcome import classify_cell, classify_save
from runner.judge.verdict import Judge
from runner.measure.digests import DEPENDS_LENGTH, InputDigests
from runner.measure.frozen import as_provisioned, require_fitting
from runner.measure.hops import HopFiles, Try
from runner.measure.known import LookUp
from runner.measure.making import Rewrites, only_needed
from runner.measure.rounds import JobRunner, timed
from runner.publish import facts, files, reading, tables
from runner.publish.carry_over import Kept, Today, keep_results
from runner.publish.change_points import CHANGE_POINTS_FILE, read_change_points
from runner.publish.reading import PublishedRun
from runner.publish.record import AcceptedRecord, EnvironmentRecord
from runner.render.page import Declarations
from runner.render.site import publish_site
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """All that a run measured and took over, before it is judged."""

    results: Sequence[CellResult]
    """With their causes, without verdicts."""
    controls: Sequence[ControlResult]
    kept: Kept | None


def run_matrix(request: Request, reporter: Reporter, share: Share | None = None) -> RunOutcome:
    """Do it all; see the module's first line.

    `share` is that of the request's shard, where it was taken already.

    Raises:
        MatrixError: nothing could be measured, or the store cannot be used.
    """
    require_earlier(request)
    with opened(request, reporter, share) as run:
        measured = measure_all(run)
        return finish_run(run, measured, judge_results(run, measured.results))


def require_earlier(request: Request) -> None:
    """Refuse earlier data that only the end of a run reads, before hours are spent on it.

    It is read again then: a run does not hold a million rows until it needs them.

    Raises:
        StoreError: the change points beside the report, or the run to keep cells of, are damaged.
    """
    read_change_points(request.out / CHANGE_POINTS_FILE)
    if request.keep is not None:
        reading.load_data(request.keep)


def measure_all(run: Run) -> Measured:
    """Stages 3 to 6: every cell of the selection, the remedies and the controls.

    Raises:
        SelectionError: the selection has no cell.
    """
    # A run keeps millions of small objects, none in a cycle: looking for one among them again
    # and again takes a tenth of a run that finds everything recorded.
    gc.set_threshold(100_000)
    scope = run.declared.scope
    share = run.share
    bare = list(share.cells) if share else plan.plan_bare(scope)
    controlled = plan.plan_controls(
        shares.narrow(run.declared, share.readers).scope if share else scope
    )
    found = measure_cells(run, [*bare, *controlled.cells], "bare loads")
    remedied = measure_remedies(run, {cell: found[cell] for cell in bare})
    found |= remedied
    remedies = list(remedied)
    chosen = [found[cell] for cell in [*bare, *remedies] if scope.selection.matches(cell)]
    if not chosen and not (share and share.cells):
        require_cells(scope.selection, [*bare, *remedies])
    kept = keep(run, chosen)
    results = explain_results(run, merge(chosen, kept))
    return Measured(
        results=results, controls=check_controls(run, controlled, bare, found), kept=kept
    )


def finish_run(
    run: Run,
    measured: Measured,
    results: Sequence[CellResult],
    accepted: Sequence[AcceptedRecord] = (),
) -> RunOutcome:
    """Stages 8 and 9: publish the results, which have their verdicts now.

    `accepted` are the acceptances of a gate.
    """
    published = aggregate_run(run, results, measured.controls, measured.kept, accepted)
    report = publish_run(run.request.out, published, run.jobs.durations, run.declared)
    return RunOutcome(
        results=results,
        controls=[
            ControlResult(id=each.id, passed=each.passed, detail=each.detail)
            for each in published.run.controls
        ],
        report=report,
        measured=len(run.jobs.fresh),
        durations=run.jobs.durations,
    )


def save_all(request: Request, reporter: Reporter) -> tuple[int, int]:
    """Stages 1 to 4 alone: write the artifacts of the request, for shards to read.

    Returns how many saves there are, and how many of them have an artifact.
    """
    with opened(request, reporter) as run:
        saves = shares.share_of_saves(request, run.declared)
        save_artifacts(run, saves)
        return len(saves), sum(bool(it and it.sha256) for it in map(run.artifacts.get, saves))


# --- stages 1 and 2: declare, provision ------------------------------------------------


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


# --- stages 4 to 6: save, load, classify -----------------------------------------------


def measure_cells(run: Run, cells: Iterable[Cell], label: str) -> dict[Cell, CellResult]:
    """Save the artifacts of the cells, load them, confirm time-outs; return the results."""
    planned = list(dict.fromkeys(cells))
    save_artifacts(run, plan.plan_saves(run.declared.scope, planned))
    return load_cells(run, know(run, make_files(run, planned)), label)


def make_files(run: Run, cells: Sequence[Cell]) -> list[Cell]:
    """Make the files that remedies have made of artifacts; return the cells without needless ones.

    A cell is needless where the file would be as it is.
    """
    edited = [cell for cell in cells if _made_by(run, cell) is MadeBy.REWRITE]
    if run.request.recorded:
        run.made.update(run.rewrites.look_up(edited, run.artifacts))
    elif edited:
        with timed(run.jobs.durations, "rewrites"):
            started = run.jobs.started.isoformat(timespec="seconds")
            run.made.update(run.rewrites.make(edited, run.artifacts, started))
    return only_needed(cells, run.made)


def _made_by(run: Run, cell: Cell) -> MadeBy:
    return run.declared.scope.remedies[cell.remedy].made_by


def measure_remedies(run: Run, bare: Mapping[Cell, CellResult]) -> dict[Cell, CellResult]:
    """Measure the remedies in the rounds that are planned; return what came of each cell.

    A cell that a cheaper remedy made needless is not among them.
    """
    scope = run.declared.scope
    found: dict[Cell, CellResult] = {}
    helped: set[Cell] = set()
    outcomes = {cell: result.outcome for cell, result in bare.items()}
    for planned in plan.plan_rounds(scope, outcomes, run.request.wanted_remedies):
        needed = plan.still_needed(scope, outcomes, planned, helped)
        found |= measure_cells(run, needed, "remedies")
        helped |= {
            replace(cell, remedy=BARE)
            for cell in planned
            if cell in found and found[cell].outcome is Outcome.EQUIVALENT
        }
    if run.share is not None:
        # A chain leads through environments whose loads other shards measure; see docs/machines.md.
        return found
    hops = plan.plan_hops(scope, {**bare, **found}, run.request.wanted_remedies, helped)
    return found | {known.cell: result for known, result in try_hops(run, hops, measure=True)}


def try_hops(
    run: Run, planned: Mapping[Cell, Sequence[Chain]], *, measure: bool
) -> list[tuple[Known, CellResult]]:
    """Try the first chain of each cell, then the others of those it did not help, all at once.

    Returns what came of each cell: of the first chain that gives the same model; where none does,
    of the first by which something was loaded. With `measure` the files between are made and
    loaded; else only what was recorded counts.
    """
    settled: dict[Cell, tuple[Known, CellResult]] = {}
    left = dict(planned)
    for turn in (slice(0, 1), slice(1, None)):
        tries = [(cell, chain) for cell, chains in left.items() for chain in chains[turn]]
        if not tries:
            break
        made = follow_chains(run, tries, measure=measure)
        known = _know_tries(run, tries, made)
        results = (
            load_known(run, known, "hops")
            if measure
            else [(each, classify_cell(each)) for each in known]
        )
        for each, result in results:
            if each.cell not in settled or _says_more(result, settled[each.cell][1]):
                settled[each.cell] = each, result
        # What was not recorded ends the search: a later chain was not tried either.
        ended = set() if measure else {each[0] for each in tries if each not in made}
        worked = {cell for cell, (_, it) in settled.items() if it.outcome is Outcome.EQUIVALENT}
        left = {cell: chains for cell, chains in left.items() if cell not in worked | ended}
    for cell, (each, _) in settled.items():
        if each.made is not None:
            run.made[cell] = each.made
    return list(settled.values())


def _know_tries(run: Run, tries: Sequence[Try], made: Mapping[Try, Made]) -> list[Known]:
    """Return what is known of tries that were followed to their end; each cell's in order."""
    layers: list[dict[Cell, Made]] = []
    places: Counter[Cell] = Counter()
    for each in tries:
        if each in made:
            cell = each[0]
            if places[cell] == len(layers):
                layers.append({})
            layers[places[cell]][cell] = made[each]
            places[cell] += 1
    return [
        known
        for layer in layers
        for known in run.look_up.cells(layer, run.artifacts, run.jobs.errors, made=layer)
    ]


def _says_more(result: CellResult, before: CellResult) -> bool:
    if before.outcome is Outcome.EQUIVALENT:
        return False
    if result.outcome is Outcome.EQUIVALENT:
        return True
    return FACTS[result.outcome].measured and not FACTS[before.outcome].measured


def follow_chains(run: Run, tries: Sequence[Try], *, measure: bool) -> dict[Try, Made]:
    """Find the files that the chains end with, and with `measure` make them."""
    for _ in range(MOST_HOPS + 1):
        found, jobs = run.hop_files.follow(tries, run.artifacts, run.jobs.errors)
        jobs = [(name, job) for name, job in jobs if job.id not in run.jobs.fresh]
        if not measure or not run.jobs.run(
            jobs, "files between", EnvironmentState.SAVING, lambda _, seen: classify_save(seen)
        ):
            break
    return found


def save_artifacts(run: Run, saves: Sequence[Save]) -> None:
    """Stage 4: write every artifact that is not there yet."""
    _look_up_artifacts(run, saves)
    _take_artifacts(run, saves)
    wanted = [save for save in saves if _must_save(run, save)]
    jobs = [(save.writer, job) for save in wanted if (job := run.look_up.save_job(save))]
    run.jobs.run(jobs, "saves", EnvironmentState.SAVING, lambda _, seen: classify_save(seen))
    written = [save for save in wanted if save.id in run.jobs.fresh]
    run.artifacts.update(run.look_up.artifacts(written))
    _offer_artifacts(run, saves)


def _take_artifacts(run: Run, saves: Sequence[Save]) -> None:
    """Take over the artifacts that another machine has written."""
    missing = [save for save in saves if run.artifacts[save] is None]
    if run.exchange is None or run.request.recorded or run.request.force:
        return
    known = [save for save in missing if save.writer in run.built.available]
    if shares.take_artifacts(run.store, run.exchange, known, run.look_up.digests):
        run.artifacts.update(run.look_up.artifacts(known))


def _offer_artifacts(run: Run, saves: Sequence[Save]) -> None:
    """Offer the artifacts to the other machines; where one was first, its artifact counts."""
    if run.exchange is None or run.request.recorded:
        return
    whole = run.request.saves_only
    own = [each for each in saves if run.artifacts[each] and (whole or each.id in run.jobs.fresh)]
    late = shares.offer_artifacts(run.store, run.exchange, own, run.look_up.digests)
    if late:
        shares.take_artifacts(run.store, run.exchange, late, run.look_up.digests)
        run.artifacts.update(run.look_up.artifacts(late))


def _look_up_artifacts(run: Run, saves: Sequence[Save]) -> None:
    new = [save for save in saves if save not in run.artifacts]
    run.artifacts.update(run.look_up.artifacts(new))


def _must_save(run: Run, save: Save) -> bool:
    if save.id in run.jobs.fresh:
        return False
    artifact = run.artifacts[save]
    if artifact is None:
        return True
    # A save that failed is a finding; `--failed` asks for cells.
    outcome = classify_save(artifact.observation)
    return plan.must_run(outcome, force=run.request.force, failed=False)


def load_cells(run: Run, cells: Sequence[Known], label: str) -> dict[Cell, CellResult]:
    """Stages 5 and 6: run the missing loads, time-outs once more; classify everything."""
    return {known.cell: result for known, result in load_known(run, cells, label)}


def load_known(run: Run, cells: Sequence[Known], label: str) -> list[tuple[Known, CellResult]]:
    """Do as `load_cells` does, for cells that may be there with several chains."""
    found = {known.job_id: (known, classify_cell(known)) for known in cells}
    wanted = [known for known, result in found.values() if _must_load(run, known, result.outcome)]
    found |= _run_loads(run, wanted, label)
    # The machine may have been busy.
    late = [
        known
        for known in wanted
        if known.job_id in run.jobs.fresh and found[known.job_id][1].outcome is Outcome.TIMED_OUT
    ]
    return list((found | _run_loads(run, late, "second tries")).values())


def _must_load(run: Run, known: Known, outcome: Outcome) -> bool:
    if not known.loadable or known.job_id in run.jobs.fresh:
        return False
    # A control with a falsified oracle is meant to differ: it did not fail.
    failed = run.request.failed and not known.tampered
    return plan.must_run(outcome, force=run.request.force, failed=failed)


def _run_loads(run: Run, cells: Sequence[Known], label: str) -> dict[str, tuple[Known, CellResult]]:
    """Load these cells; return by job what is known now of those that were run."""
    by_job = {known.job_id: known for known in cells}

    def outcome(job: Job, seen: Observation) -> Outcome:
        return classify_cell(observed(by_job[job.id], seen)).outcome

    jobs = [(known.cell.reader, run.look_up.load_job(known)) for known in cells]
    run.jobs.run(jobs, label, EnvironmentState.LOADING, outcome)
    ran = [known for known in cells if known.job_id in run.jobs.fresh]
    return {
        known.job_id: (known, classify_cell(known))
        for known in run.look_up.again(ran, run.jobs.errors)
    }


def know(run: Run, cells: Sequence[Cell], *, tampered: tuple[Aspect, ...] = ()) -> list[Known]:
    """Return what is known of cells now, or of their controls with a falsified oracle."""
    return run.look_up.cells(
        cells, run.artifacts, run.jobs.errors, made=run.made, tampered=tampered
    )


def observed(known: Known, seen: Observation) -> Known:
    """Return what would be known of a cell with this observation."""
    return replace(known, observation=seen, absence=None, error=None)


def recorded_cells(run: Run) -> list[tuple[Known, CellResult]]:
    """Return every cell of the selection that was measured before, with its result; run none."""
    scope = run.declared.scope
    bare = plan.plan_bare(scope)
    found = _recorded(run, bare)
    outcomes = {known.cell: result.outcome for known, result in found}
    wanted = run.request.wanted_remedies
    found += _recorded(run, plan.plan_remedies(scope, outcomes, wanted))
    results = {known.cell: result for known, result in found}
    hops = plan.plan_hops(scope, results, wanted, helped_by(found))
    found += try_hops(run, hops, measure=False)
    return [
        (known, result)
        for known, result in found
        if known.observation is not None
        and result.outcome is not Outcome.HARNESS_ERROR
        and scope.selection.matches(known.cell)
    ]


def recorded_saves(run: Run) -> list[tuple[Save, Artifact]]:
    """Return every artifact of the selection that was written before; run none."""
    scope = run.declared.scope
    _look_up_artifacts(run, plan.plan_saves(scope, plan.plan_bare(scope)))
    return [
        (save, artifact)
        for save, artifact in run.artifacts.items()
        if artifact is not None and artifact.sha256
    ]


def helped_by(found: Iterable[tuple[Known, CellResult]]) -> set[Cell]:
    """Return the bare loads of which a remedy made the same model."""
    return {
        replace(known.cell, remedy=BARE)
        for known, result in found
        if known.cell.remedy != BARE and result.outcome is Outcome.EQUIVALENT
    }


def _recorded(run: Run, cells: Sequence[Cell]) -> list[tuple[Known, CellResult]]:
    _look_up_artifacts(run, plan.plan_saves(run.declared.scope, cells))
    edited = [cell for cell in cells if _made_by(run, cell) is MadeBy.REWRITE]
    run.made.update(run.rewrites.look_up(edited, run.artifacts))
    return [(known, classify_cell(known)) for known in know(run, cells)]


# --- stages 6 and 7: cause, verdict, controls ------------------------------------------


def explain_results(run: Run, results: Sequence[CellResult]) -> list[CellResult]:
    """Stage 6, after the outcome: name the cause of everything that is not equivalent."""
    table = CauseTable(run.declared.causes)
    scenarios = run.declared.catalog.scenarios
    return [
        explain(result, table, damaged=bool(scenarios[result.cell.scenario].damage))
        for result in results
    ]


def judge_results(run: Run, results: Sequence[CellResult]) -> list[CellResult]:
    """Stage 7: hold the outcomes against expectations and baseline."""
    judge = Judge(run.declared.catalog.expectations, _baseline(run, results))
    return [judge.judge(result) for result in results]


def _baseline(run: Run, results: Sequence[CellResult]) -> dict[Cell, Detail] | None:
    """Return the earlier run, with what stands for a build in it under the build's name."""
    if run.request.baseline is None:
        return None
    found = reading.load_details(run.request.baseline)
    builds = bases_of(run.declared.environments)
    if not builds:
        return found
    names = find_counterparts(builds, environments_of(found))
    return line_up((each.cell for each in results), found, names)


def check_controls(
    run: Run,
    controlled: plan.ControlPlan,
    bare: Sequence[Cell],
    found: Mapping[Cell, CellResult],
) -> list[ControlResult]:
    """Run the jobs that only controls need; hold all controls against their right answer."""
    falsified = know(run, controlled.tampered, tampered=TAMPERED)
    tampered = load_cells(run, falsified, "controls")
    undeclared = plan.plan_undeclared_reads(run.declared.scope, bare)
    frozen = controls.check_frozen(run.declared.scope.frozen.values(), plan.CONTROL_SCENARIO)
    return [
        *frozen,
        *controls.check_all(
            readbacks=[found[cell] for cell in controlled.readbacks],
            damaged=[found[cell] for cell in controlled.damaged],
            tampered=[tampered[cell] for cell in controlled.tampered],
            saves=[
                (save, run.artifacts.get(save), declared) for save, declared in controlled.saves
            ],
            undeclared_reads=[found[cell] for cell in undeclared],
        ),
    ]


# --- stages 8 and 9: aggregate, render -------------------------------------------------


def keep(run: Run, results: Sequence[CellResult]) -> Kept | None:
    """Take over from an earlier run the cells this one does not measure, if asked to."""
    if run.request.keep is None:
        return None
    return keep_results(
        run.request.keep,
        measured=frozenset(each.cell for each in results if each.outcome is not Outcome.NOT_RUN),
        today=Today(
            scenarios=run.declared.catalog.scenarios,
            environments={**run.absent, **run.built.available},
            depends=run.look_up.depends_of,
            made_with=lambda *row: _made_with(run, *row),
            artifacts={
                (save.scenario, str(save.format), save.writer): artifact.sha256
                for save, artifact in run.artifacts.items()
                if artifact is not None
            },
        ),
    )


def _made_with(run: Run, remedy: str, reader: str, steps: Sequence[str]) -> str:
    """Return the digest of what would make the file of a remedy today."""
    found = run.declared.scope.remedies.get(remedy)
    if found is None or not steps or found.made_by is MadeBy.NOBODY:
        return ""
    if found.made_by is MadeBy.REWRITE:
        return run.rewrites.digest_for(reader)[:DEPENDS_LENGTH]
    return run.look_up.digests.of_steps(steps)


def merge(results: Sequence[CellResult], kept: Kept | None) -> list[CellResult]:
    """Put cells that were taken over in the place of cells that were not measured."""
    if kept is None:
        return list(results)
    known = {result.cell for result in kept.results}
    return [result for result in results if result.cell not in known] + list(kept.results)


def aggregate_run(
    run: Run,
    results: Sequence[CellResult],
    checked: Sequence[ControlResult],
    kept: Kept | None,
    accepted: Sequence[AcceptedRecord] = (),
) -> PublishedRun:
    """Stage 8: tables, run record, and all that is said of them."""
    catalog, declared = run.declared.catalog, run.declared
    order = tables.declare_order(
        catalog.scenarios.values(), declared.environments, catalog.remedies.values()
    )
    with timed(run.jobs.durations, "aggregate"):
        cells = tables.build_cells(results, order)
        hidden = [str(run.store.folder), str(run.request.root), str(Path.home())]
        observations = tables.build_observations(results, order, hide=hidden)
        record = files.build_run_record(
            facts=facts.gather_facts(
                run.request,
                catalog,
                results,
                checked,
                started=run.jobs.started,
                durations=run.jobs.durations,
                kept=kept,
                shard=run.share.record if run.share else None,
                accepted=accepted,
            ),
            environments=declared.environments,
            provisioned={**run.absent, **run.built.available},
            unavailable={name: str(error) for name, error in run.built.unavailable.items()},
            scenarios=facts.measured_scenarios(catalog, results),
            docs=facts.module_docs(run.request.root, catalog),
            remedies=list(catalog.remedies.values()),
            carries=catalog.carries,
            totals=tables.count_totals(cells),
        )
        return conclude(record, cells, observations, causes=declared.causes, claims=declared.claims)


def _for_pages(declared: Declared) -> Declarations:
    return Declarations(causes=declared.causes, scenarios=declared.catalog.scenarios)


def publish_run(
    out: Path, published: PublishedRun, durations: dict[str, float], declared: Declared
) -> Path:
    """Stages 8 and 9: the data and the pages, put in place at once; return the first page."""
    with timed(durations, "aggregate"):
        # Looked at before the run before is replaced.
        changed = changes.note_changes(out, published.cells, published.run)
        whole = replace(published, changes=changed)
        data = list(files.data_files(whole))
    with timed(durations, "render"):
        return publish_site(out, whole, data, _for_pages(declared))


def _with_minor_dates(
    environments: Sequence[EnvironmentRecord], request: Request
) -> tuple[EnvironmentRecord, ...]:
    """Return environments with the days of their minor versions, which older runs do not have."""
    declared = read_environments(request.root / "containers" / "environments.toml")
    known = {each.id: each for each in declared.environments}
    return tuple(
        structs.replace(each, minor_released=known[each.id].minor_released)
        if each.id in known and each.released == known[each.id].released
        else each
        for each in environments
    )


def judge_again(request: Request, folder: Path) -> PublishedRun:
    """Judge a run's observations again by today's declarations, and publish it in its place.

    Outcomes and verdicts stay; causes, claims and advice are worked out anew.

    Raises:
        MatrixError: the folder holds no run, or a damaged one.
    """
    declared = declare(request)
    before = reading.load_data(folder)
    measured = tuple(each for each in before.run.controls if not each.id.startswith(CONCLUDED))
    published = conclude(
        structs.replace(
            before.run,
            controls=measured,
            environments=_with_minor_dates(before.run.environments, request),
        ),
        explain_table(before, declared.causes),
        before.observations,
        causes=declared.causes,
        claims=declared.claims,
    )
    whole = replace(published, changes=before.changes)
    publish_site(folder, whole, list(files.data_files(whole)), _for_pages(declared))
    return whole
