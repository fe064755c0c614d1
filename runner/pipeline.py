"""The data flow, in order: the one module that knows which stage follows which.

declare -> provision -> plan -> save -> load -> classify -> judge -> aggregate -> render
"""

from __future__ import annotations

import ast
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from runner import __version__, advise, aggregate, controls, plan, publish, report_data
from runner.causes import CauseTable, explain
from runner.claims import judge_claims
from runner.declare.catalog import Catalog, check_environment_globs, load_catalog
from runner.declare.causes import check_seen, load_causes
from runner.declare.claims import ClaimSet, load_claims
from runner.declare.environments import read_environments
from runner.domain import (
    Cause,
    Cell,
    CellResult,
    ControlResult,
    Environment,
    Format,
    Observation,
    Outcome,
    ProvisionedEnvironment,
    Save,
    Scenario,
)
from runner.errors import NoEnvironmentError, ProvisionError, SelectionError
from runner.execute import Crew, Executor, LocalExecutor
from runner.judge import Judge
from runner.ledger import Ledger
from runner.plan import Field
from runner.progress import EnvironmentState, Reporter
from runner.provision import provision
from runner.render import render_site
from runner.request import Request, RunOutcome
from runner.selector import KnownIds, require_cells, select
from runner.store import Store, open_store
from runner.wire import Job

AUDIT_FILE = "audit.json"
"""The last audit, in the store."""
SYNC_EVERY = 500
"""Observations after which the journal is forced onto the disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """Stage 1: everything the repository declares, and what was asked of it."""

    catalog: Catalog
    environments: Sequence[Environment]
    field: Field
    causes: Sequence[Cause]
    claims: ClaimSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Provisioned:
    """Stage 2: the environments that could be built, and why the others could not."""

    available: Mapping[str, ProvisionedEnvironment]
    unavailable: Mapping[str, ProvisionError]


@dataclass(kw_only=True, slots=True)
class Work:
    """What the measuring stages share, from provisioning to publishing."""

    request: Request
    declared: Declared
    built: Provisioned
    store: Store
    ledger: Ledger
    crew: Crew
    reporter: Reporter
    errors: dict[str, Observation] = field(default_factory=dict)
    """Harness errors of this run, by job id; never kept in the journal as results."""
    fresh: set[str] = field(default_factory=set)
    """Jobs measured by this run: `--force` measures each of them once."""
    durations: dict[str, float] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


def declare(request: Request) -> Declared:
    """Stage 1: read the declarations and hold the selection against them."""
    catalog = load_catalog(request.root)
    environment_set = read_environments(request.root / "containers" / "environments.toml")
    environment_ids = [each.id for each in environment_set.environments]
    check_environment_globs(catalog, environment_ids)
    causes_file = request.root / "scenarios" / "causes.toml"
    causes = load_causes(causes_file)
    check_seen(causes_file, causes, environment_ids)
    claims = load_claims(request.root / "scenarios" / "claims.toml", catalog, environment_ids)
    environments = environment_set.profile(request.profile)
    known = KnownIds(
        scenarios=tuple(catalog.scenarios),
        formats=tuple(map(str, Format)),
        environments=tuple(each.id for each in environment_set.environments),
        remedies=tuple(catalog.remedies),
    )
    selection = select(request.patterns, request.filters, known)
    # A selector may name environments beyond the profile: then they are meant. Those that
    # no selected cell writes or reads are left out, controls and all.
    if not selection.everything:
        environments = tuple(
            each
            for each in _named_environments(environment_set.environments, environments, request)
            if selection.matches_writer(each.id) or selection.matches_reader(each.id)
        )
    field_ = Field(
        scenarios=catalog.scenarios,
        remedies=catalog.remedies,
        environments=environments,
        selection=selection,
    )
    return Declared(
        catalog=catalog, environments=environments, field=field_, causes=causes, claims=claims
    )


def _named_environments(
    every: Sequence[Environment], profile: Sequence[Environment], request: Request
) -> tuple[Environment, ...]:
    """Return the profile's environments and those a selector names without a wildcard."""
    named = {
        name.strip()
        for part in ("writer", "reader")
        for value in request.filters.get(part, ())
        for name in value.split(",")
    }
    for pattern in request.patterns:
        ends = (pattern.split("/") + ["*"] * 3)[2]
        named.update(name for end in ends.split("->") for name in end.split(","))
    ids = {each.id for each in profile} | named
    return tuple(each for each in every if each.id in ids)


def provision_all(
    environments: Iterable[Environment], store: Path, reporter: Reporter, workers: int
) -> Provisioned:
    """Stage 2: build the environments, side by side; a failure costs only itself."""

    def build(environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        reporter.environment(environment.id, EnvironmentState.PROVISIONING)
        found = provision(environment, store)
        failed = isinstance(found, ProvisionError)
        state = EnvironmentState.UNAVAILABLE if failed else EnvironmentState.READY
        reporter.environment(environment.id, state)
        if isinstance(found, ProvisionError):
            reporter.message(f"{environment.id} is unavailable: {found}")
        return found

    listed = list(environments)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = dict(zip([each.id for each in listed], pool.map(build, listed), strict=True))
    return Provisioned(
        available={k: v for k, v in found.items() if isinstance(v, ProvisionedEnvironment)},
        unavailable={k: v for k, v in found.items() if isinstance(v, ProvisionError)},
    )


@contextmanager
def opened(request: Request, reporter: Reporter) -> Iterator[Work]:
    """Stages 1 and 2: declarations read, store locked, environments built.

    Raises:
        MatrixError: nothing could be measured, or the store cannot be used.
    """
    declared = declare(request)
    # What is only reported needs no lock, and may be while another run is measuring.
    with open_store(
        request.store,
        command=request.command,
        warn=reporter.message,
        read_only=request.recorded,
    ) as store:
        yield _begin(request, declared, store, reporter)


def run_matrix(request: Request, reporter: Reporter) -> RunOutcome:
    """Do it all; see the module's first line.

    Raises:
        MatrixError: nothing could be measured, or the store cannot be used.
    """
    with opened(request, reporter) as work:
        declared = work.declared
        bare = plan.plan_bare(declared.field)
        control_cells = plan.plan_control_cells(declared.field)
        _save(work, plan.plan_saves(declared.field, [*bare, *control_cells]))
        _load(work, list(dict.fromkeys([*bare, *control_cells])), "bare loads")
        _confirm(work, bare)
        remedies = _plan_remedies(work, bare)
        _save(work, plan.plan_saves(declared.field, remedies))
        _load(work, remedies, "remedies")
        _confirm(work, remedies)
        cells = [cell for cell in [*bare, *remedies] if declared.field.selection.matches(cell)]
        if not cells:
            require_cells(declared.field.selection, [*bare, *remedies])
        classified = [work.ledger.result(cell, work.errors) for cell in cells]
        results = _judge(work, _explain(work, classified))
        checked = _run_controls(work, control_cells)
        report = _publish(work, results, checked)
        return RunOutcome(
            results=results,
            controls=checked,
            report=report,
            measured=len(work.fresh),
            durations=work.durations,
        )


def _begin(request: Request, declared: Declared, store: Store, reporter: Reporter) -> Work:
    durations: dict[str, float] = {}
    with _timed(durations, "provision"):
        built = provision_all(
            declared.environments, store.folder, reporter, min(2, request.workers)
        )
    if not built.available:
        first = next(iter(built.unavailable.values()), None)
        raise NoEnvironmentError(
            "no environment could be built: there is nothing to measure",
            cause=str(first) if first else "the profile names no environment",
            next_step=first.next_step if first else "see what there is with `envs`",
        )
    return Work(
        request=request,
        declared=declared,
        built=built,
        store=store,
        ledger=_ledger(request, declared, built, store),
        crew=Crew(
            executor=_executor(request, store),
            workers=request.workers,
            limits=request.limits,
            start_method=request.start_method,
            scratch=_scratch(request, store),
        ),
        reporter=reporter,
        durations=durations,
    )


def _scratch(request: Request, store: Store) -> Path:
    """Return the folder of running batches, emptied of what a killed run left there."""
    folder = store.folder / "batches"
    if not request.recorded:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    return folder


def _ledger(request: Request, declared: Declared, built: Provisioned, store: Store) -> Ledger:
    return Ledger(
        root=request.root,
        store=store,
        catalog=declared.catalog,
        environments={each.id: each for each in declared.environments},
        provisioned=built.available,
        unavailable={name: error.message for name, error in built.unavailable.items()},
    )


def _executor(request: Request, store: Store) -> Executor:
    if request.executor != "local":
        raise SelectionError(
            f"unknown executor {request.executor!r}",
            cause="only local processes are built in",
            next_step="leave --executor out",
        )
    return LocalExecutor(request.root, store.folder / "home")


def _save(work: Work, saves: Sequence[Save]) -> None:
    """Stage 4: write every artifact that is not there yet."""
    jobs = []
    for save in saves:
        job = work.ledger.save_job(save)
        if job is None or job.id in work.fresh:
            continue
        if work.request.force or work.ledger.artifact(save) is None:
            work.ledger.forget(save)
            jobs.append((save.writer, job))
    _run(work, jobs, "saves", EnvironmentState.SAVING)
    for save in saves:
        work.ledger.forget(save)


def _load(work: Work, cells: Sequence[Cell], label: str) -> None:
    """Stage 5: load every cell that is not known yet."""
    jobs = []
    for cell in cells:
        job = work.ledger.load_job(cell)
        if job is not None and job.id not in work.fresh and _is_wanted(work, cell, job):
            jobs.append((cell.reader, job))
    _run(work, jobs, label, EnvironmentState.LOADING)


def _is_wanted(work: Work, cell: Cell, job: Job) -> bool:
    if work.request.force or not work.ledger.known(job):
        return True
    if work.request.failed:
        return work.ledger.result(cell, {}).outcome is not Outcome.EQUIVALENT
    return work.ledger.observation(job) is None


def _confirm(work: Work, cells: Sequence[Cell]) -> None:
    """Give what timed out in this run a second try: the machine may have been busy."""
    again = []
    for cell in cells:
        if cell.id not in work.fresh:
            continue
        job = work.ledger.load_job(cell)
        seen = work.ledger.observation(job) if job else None
        if job and seen and seen.status == "timed_out":
            again.append((cell.reader, job))
    _run(work, again, "second tries", EnvironmentState.LOADING)


def known_cells(work: Work) -> list[tuple[Cell, Job]]:
    """Return every cell of the selection whose reader was measured, with its job."""
    bare = plan.plan_bare(work.declared.field)
    found = []
    for cell in [*bare, *_plan_remedies(work, bare)]:
        job = work.ledger.load_job(cell)
        if job and work.declared.field.selection.matches(cell) and work.ledger.observation(job):
            found.append((cell, job))
    return found


def _run(work: Work, jobs: Sequence[tuple[str, Job]], label: str, state: EnvironmentState) -> None:
    if not jobs or work.request.recorded:
        return
    batches: dict[str, list[Job]] = {}
    for environment, job in jobs:
        batches.setdefault(environment, []).append(job)
    work.reporter.start(len(jobs), label)
    for environment in batches:
        work.reporter.environment(environment, state)
    owner = {job.id: environment for environment, job in jobs}
    with _timed(work.durations, label):
        try:
            work.crew.run(
                {name: order_jobs(batch) for name, batch in batches.items()},
                work.built.available,
                _recorder(work, owner),
                lambda name: work.reporter.environment(name, EnvironmentState.FINISHED),
            )
        finally:
            work.store.journal.sync()


def order_jobs(jobs: Sequence[Job]) -> list[Job]:
    """Put jobs that may share a process next to each other, else keep the order."""
    chains = {job.payload["chain"]: place for place, job in reversed(list(enumerate(jobs)))}
    return sorted(jobs, key=lambda job: (job.payload["isolated"], chains[job.payload["chain"]]))


def _recorder(work: Work, owner: Mapping[str, str]) -> Callable[[Job, Observation], None]:
    def record(job: Job, observation: Observation) -> None:
        entry = {
            "kind": job.kind,
            "id": job.id,
            "inputs": job.inputs,
            "observation": dict(observation.data),
            "run": work.started.isoformat(timespec="seconds"),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        work.store.journal.append(entry)
        with work.lock:
            work.fresh.add(job.id)
            if observation.status == "harness_error":
                work.errors[job.id] = observation
            due = len(work.fresh) % SYNC_EVERY == 0
        if due:
            work.store.journal.sync()
        work.reporter.advance(owner[job.id], 1, _progress_outcome(job, observation))

    return record


def _progress_outcome(job: Job, observation: Observation) -> Outcome | None:
    """Return what the progress display counts: a rough outcome, for loads only."""
    if job.kind == "save" and observation.status == "done":
        return None
    if observation.status == "done":
        agrees = all(item["status"] == "agrees" for item in observation.aspects.values())
        return Outcome.EQUIVALENT if agrees else Outcome.DIVERGED
    if observation.status == "raised":
        if job.kind == "save":
            return Outcome.SAVE_ERROR
        unusable = observation.stage in ("call", "train")
        return Outcome.UNUSABLE if unusable else Outcome.LOAD_ERROR
    return Outcome(observation.status)


def _plan_remedies(work: Work, bare: Sequence[Cell]) -> list[Cell]:
    outcomes = {cell: work.ledger.result(cell, work.errors).outcome for cell in bare}
    wanted = work.request.remedies
    named = wanted == "auto" and _names_a_remedy(work.request)
    return plan.plan_remedies(work.declared.field, outcomes, everything=wanted == "all" or named)


def _names_a_remedy(request: Request) -> bool:
    """Return whether the selection asks for particular remedies: then they are meant."""
    parts = [pattern.split("/")[3:] for pattern in request.patterns]
    return bool(request.filters.get("remedy")) or any(part and part != ["*"] for part in parts)


def _explain(work: Work, results: Sequence[CellResult]) -> list[CellResult]:
    """Stage 6, after the outcome: name the cause of everything that is not equivalent."""
    table = CauseTable(work.declared.causes)
    explained = []
    for result in results:
        scenario = work.declared.catalog.scenarios[result.cell.scenario]
        explained.append(explain(result, table, damaged=bool(scenario.damage)))
    return explained


def _judge(work: Work, results: Sequence[CellResult]) -> list[CellResult]:
    """Stage 7: hold the outcomes against expectations and baseline."""
    baseline = report_data.load_outcomes(work.request.baseline) if work.request.baseline else {}
    judge = Judge(work.declared.catalog.expectations, baseline)
    return [judge.judge(result) for result in results]


def _run_controls(work: Work, cells: Sequence[Cell]) -> list[ControlResult]:
    """Run what only controls need, and hold all of them against their right answer."""
    h5 = [
        cell
        for cell in cells
        if cell.scenario == plan.CONTROL_SCENARIO and cell.format is Format.H5
    ]
    jobs = {cell: work.ledger.tampered_job(cell) for cell in h5}
    missing = [
        (cell.reader, job)
        for cell, job in jobs.items()
        if job is not None and (work.request.force or work.ledger.observation(job) is None)
    ]
    _run(work, missing, "controls", EnvironmentState.LOADING)
    readbacks = [work.ledger.result(cell, work.errors) for cell in cells]
    control = work.declared.catalog.scenarios[plan.CONTROL_SCENARIO]
    planned = [cell for cell in plan.plan_bare(work.declared.field) if cell.scenario == control.id]
    return controls.run_controls(
        readbacks=readbacks,
        results=[work.ledger.result(cell, work.errors) for cell in planned],
        tampered={
            cell: work.ledger.observation(job) if job else None for cell, job in jobs.items()
        },
        artifact=work.ledger.artifact,
        environments={name: built.environment for name, built in work.built.available.items()},
        scenario=control,
    )


def _publish(work: Work, results: Sequence[CellResult], checked: Sequence[ControlResult]) -> Path:
    """Stages 8 and 9: tables, run record, pages."""
    catalog = work.declared.catalog
    order = aggregate.declare_order(
        catalog.scenarios.values(), work.declared.environments, catalog.remedies.values()
    )
    with _timed(work.durations, "aggregate"):
        cells = aggregate.build_cells(results, order)
        hidden = [str(work.store.folder), str(work.request.root), str(Path.home())]
        observations = aggregate.build_observations(results, order, hide=hidden)
        totals = aggregate.count_totals(cells)
        run = publish.build_run_record(
            facts=_facts(work, results, checked),
            environments=work.declared.environments,
            provisioned=work.built.available,
            unavailable={name: str(error) for name, error in work.built.unavailable.items()},
            scenarios=_measured_scenarios(catalog, results),
            docs=module_docs(work.request.root, catalog),
            remedies=list(catalog.remedies.values()),
            carries=catalog.carries,
            totals=totals,
            causes=work.declared.causes,
        )
        publish.publish_claims(
            work.request.out,
            judge_claims(
                work.declared.claims.claims,
                articles=work.declared.claims.articles,
                cells=cells,
                observations=observations,
                run=run,
            ),
        )
        publish.publish_data(
            work.request.out,
            cells=cells,
            observations=observations,
            totals=totals,
            run=run,
            advice=advise.build_advice(cells, run),
        )
    with _timed(work.durations, "render"):
        render_site(work.request.out, work.request.out / "site")
    return work.request.out / "site" / "index.html"


def _measured_scenarios(catalog: Catalog, results: Sequence[CellResult]) -> list[Scenario]:
    """Return the scenarios of this run's cells, in declared order."""
    named = {result.cell.scenario for result in results}
    return [scenario for name, scenario in catalog.scenarios.items() if name in named]


def _facts(
    work: Work, results: Sequence[CellResult], checked: Sequence[ControlResult]
) -> publish.RunFacts:
    not_run: dict[str, int] = {}
    for result in results:
        if result.outcome is Outcome.NOT_RUN:
            not_run[result.reason] = not_run.get(result.reason, 0) + 1
    selection = list(work.request.patterns)
    for part, values in sorted(work.request.filters.items()):
        selection += [f"--{part} {value}" for value in values]
    return publish.RunFacts(
        started=work.started,
        finished=datetime.now(UTC),
        tool_version=tool_version(),
        profile=work.request.profile,
        selection=tuple(selection),
        executor=work.request.executor,
        isolation=work.request.start_method,
        controls=tuple(checked),
        audit=read_audit(work.store.folder),
        not_run=not_run,
        durations=work.durations,
    )


def read_audit(store: Path) -> publish.AuditSummary | None:
    """Return the last audit of this store, if there was one."""
    path = store / AUDIT_FILE
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    return publish.AuditSummary(
        sample=record["sample"],
        disagreements=tuple(
            publish.Disagreement(
                cell=each["cell"],
                recorded=Outcome(each["recorded"]),
                repeated=Outcome(each["repeated"]),
                detail=each["detail"],
            )
            for each in record["disagreements"]
        ),
    )


def module_docs(root: Path, catalog: Catalog) -> dict[str, str]:
    """Return the docstring of every scenario module, by module name."""
    modules = {scenario.module for scenario in catalog.scenarios.values()}
    docs = {}
    for name in sorted(modules):
        source = (root / "scenarios" / f"{name}.py").read_text(encoding="utf-8")
        docs[name] = ast.get_docstring(ast.parse(source)) or ""
    return docs


def tool_version() -> str:
    """Return the version of this tool."""
    return __version__


@contextmanager
def _timed(durations: dict[str, float], stage: str) -> Iterator[None]:
    begun = time.monotonic()
    try:
        yield
    finally:
        durations[stage] = durations.get(stage, 0.0) + time.monotonic() - begun
