"""Stages 6 to 9, once everything is measured: cause, verdict, controls, tables, pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from runner import plan
from runner.analyse import changes
from runner.analyse.causes import explain_table
from runner.analyse.conclusions import CONCLUDED, conclude
from runner.declare.environments import read_environments
from runner.declare.scope import declare
from runner.domain import (
    TAMPERED,
    Cell,
    CellResult,
    ControlResult,
    Declared,
    Detail,
    MadeBy,
    Outcome,
)
from runner.domain.counterparts import bases_of, environments_of, find_counterparts, line_up
from runner.domain.request import Request
from runner.judge import controls
from runner.judge.cause import CauseTable, explain
from runner.judge.verdict import Judge
from runner.measure.digests import DEPENDS_LENGTH
from runner.measure.rounds import timed
from runner.pipeline.loading import know, load_cells
from runner.pipeline.opening import Run
from runner.publish import facts, files, reading, tables
from runner.publish.carry_over import Kept, Place, Today, keep_results
from runner.publish.change_points import CHANGE_POINTS_FILE, read_change_points
from runner.publish.reading import PublishedRun
from runner.publish.record import AcceptedRecord, AuditSummary, EnvironmentRecord
from runner.render.page import Declarations
from runner.render.site import publish_site


def require_earlier(request: Request) -> None:
    """Refuse earlier data that only the end of a run reads, before hours are spent on it.

    It is read again then: a run does not hold a million rows until it needs them.

    Raises:
        StoreError: the change points beside the report, or the run to keep cells of, are damaged.
    """
    read_change_points(request.out / CHANGE_POINTS_FILE)
    if request.keep is not None:
        reading.load_data(request.keep)


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


def keep(run: Run, results: Sequence[CellResult]) -> Kept | None:
    """Take over from an earlier run the cells this one does not measure, if asked to."""
    if run.request.keep is None:
        return None
    return keep_results(
        run.request.keep,
        measured=frozenset(each.cell for each in results if each.outcome is not Outcome.NOT_RUN),
        today=describe_today(
            run,
            {
                (save.scenario, str(save.format), save.writer): artifact.sha256
                for save, artifact in run.artifacts.items()
                if artifact is not None
            },
        ),
    )


def describe_today(run: Run, artifacts: Mapping[Place, str]) -> Today:
    """Return the digests that rows of another run are held against; `artifacts` are their own."""
    return Today(
        scenarios=run.declared.catalog.scenarios,
        environments={**run.absent, **run.built.available},
        depends=run.look_up.depends_of,
        made_with=lambda *row: _made_with(run, *row),
        artifacts=artifacts,
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
        hidden = [str(run.store.folder), str(run.request.root), str(Path.home())]
        cells = tables.build_cells(results, order, hide=hidden)
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


def note_audit(folder: Path, data: PublishedRun, audit: AuditSummary, declared: Declared) -> Path:
    """Publish a run with what came of measuring a sample of it from nothing; return the page."""
    whole = replace(data, run=structs.replace(data.run, audit_from_nothing=audit))
    return publish_site(folder, whole, list(files.data_files(whole)), _for_pages(declared))


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
