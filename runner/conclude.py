"""Stages 6 to 9: results -> causes, verdicts, tables, the run record and the pages.

Input: the classified cells and the controls. Output: the published folder.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from runner import __version__
from runner.analyse import advice, changes
from runner.analyse.claims.verdict import judge_claims
from runner.domain import Catalog, CellResult, ControlResult, Outcome, Scenario
from runner.judge.cause import CauseTable, explain
from runner.judge.verdict import Judge
from runner.measure.work import Work, timed
from runner.publish import files, reading, tables
from runner.publish.audit import read_audit
from runner.publish.carry_over import Kept
from runner.publish.reading import PublishedRun
from runner.render.site import render_site


def explain_results(work: Work, results: Sequence[CellResult]) -> list[CellResult]:
    """Stage 6, after the outcome: name the cause of everything that is not equivalent."""
    table = CauseTable(work.declared.causes)
    explained = []
    for result in results:
        scenario = work.declared.catalog.scenarios[result.cell.scenario]
        explained.append(explain(result, table, damaged=bool(scenario.damage)))
    return explained


def judge_results(work: Work, results: Sequence[CellResult]) -> list[CellResult]:
    """Stage 7: hold the outcomes against expectations and baseline."""
    baseline = reading.load_outcomes(work.request.baseline) if work.request.baseline else {}
    judge = Judge(work.declared.catalog.expectations, baseline)
    return [judge.judge(result) for result in results]


def publish_run(
    work: Work,
    results: Sequence[CellResult],
    checked: Sequence[ControlResult],
    kept: Kept | None = None,
) -> Path:
    """Stages 8 and 9: tables, run record, pages."""
    catalog = work.declared.catalog
    order = tables.declare_order(
        catalog.scenarios.values(), work.declared.environments, catalog.remedies.values()
    )
    with timed(work.durations, "aggregate"):
        cells = tables.build_cells(results, order)
        hidden = [str(work.store.folder), str(work.request.root), str(Path.home())]
        observations = tables.build_observations(results, order, hide=hidden)
        totals = tables.count_totals(cells)
        run = files.build_run_record(
            facts=_facts(work, results, checked, kept),
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
        published = PublishedRun(
            run=run,
            cells=cells,
            observations=observations,
            claims=judge_claims(
                work.declared.claims.claims,
                articles=work.declared.claims.articles,
                cells=cells,
                observations=observations,
                run=run,
            ),
            # Looked at before the run before is replaced.
            changes=changes.note_changes(work.request.out, cells, run),
            advice=advice.build_advice(cells, run),
        )
        files.publish_data(work.request.out, published)
    with timed(work.durations, "render"):
        render_site(work.request.out, work.request.out / "site")
    return work.request.out / "site" / "index.html"


def _measured_scenarios(catalog: Catalog, results: Sequence[CellResult]) -> list[Scenario]:
    """Return the scenarios of this run's cells, in declared order."""
    named = {result.cell.scenario for result in results}
    return [scenario for name, scenario in catalog.scenarios.items() if name in named]


def _facts(
    work: Work,
    results: Sequence[CellResult],
    checked: Sequence[ControlResult],
    kept: Kept | None,
) -> files.RunFacts:
    not_run: dict[str, int] = {}
    for result in results:
        if result.outcome is Outcome.NOT_RUN:
            not_run[result.reason] = not_run.get(result.reason, 0) + 1
    selection = list(work.request.patterns)
    for part, values in sorted(work.request.filters.items()):
        selection += [f"--{part} {value}" for value in values]
    return files.RunFacts(
        started=work.started,
        finished=datetime.now(UTC),
        tool_version=tool_version(),
        profile=work.request.profile,
        selection=tuple(selection),
        executor=work.request.executor,
        isolation=work.request.start_method,
        confined=count_confined(results),
        controls=tuple(checked),
        audit=read_audit(work.store.folder),
        not_run=not_run,
        durations=work.durations,
        sources=module_sources(work.request.root, work.declared.catalog),
        kept=kept.record if kept else None,
    )


def count_confined(results: Sequence[CellResult]) -> dict[str, int]:
    """Return what confined the loads -> how many; older records do not say."""
    said = [
        str(each.observation.data.get("isolation") or "") for each in results if each.observation
    ]
    return {name: said.count(name) for name in sorted(set(said) - {""})}


def module_docs(root: Path, catalog: Catalog) -> dict[str, str]:
    """Return the docstring of every scenario module, by module name."""
    sources = module_sources(root, catalog)
    return {name: ast.get_docstring(ast.parse(source)) or "" for name, source in sources.items()}


def module_sources(root: Path, catalog: Catalog) -> dict[str, str]:
    """Return the code of every scenario module, by module name."""
    modules = {scenario.module for scenario in catalog.scenarios.values()}
    return {
        name: (root / "scenarios" / f"{name}.py").read_text(encoding="utf-8")
        for name in sorted(modules)
    }


def tool_version() -> str:
    """Return the version of this tool."""
    return __version__
