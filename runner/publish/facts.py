"""The facts of a run as a whole, beside its cells (stage 8).

Input: the request, the catalogue, the results, the store's folder. Output: `RunFacts`, and
what of the scenarios' code the report shows.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from runner import __version__
from runner.domain import Catalog, CellResult, ControlResult, Outcome, Scenario
from runner.domain.request import Request
from runner.publish.audit import IN_CONTAINERS, read_audit
from runner.publish.carry_over import Kept
from runner.publish.files import RunFacts
from runner.publish.record import AcceptedRecord, ShardRecord


def gather_facts(
    request: Request,
    catalog: Catalog,
    results: Sequence[CellResult],
    controls: Sequence[ControlResult],
    *,
    started: datetime,
    durations: Mapping[str, float],
    kept: Kept | None,
    shard: ShardRecord | None = None,
    accepted: Sequence[AcceptedRecord] = (),
) -> RunFacts:
    """Return the facts of a run that ends now."""
    not_run: dict[str, int] = {}
    for result in results:
        if result.outcome is Outcome.NOT_RUN:
            not_run[result.reason] = not_run.get(result.reason, 0) + 1
    return RunFacts(
        started=started,
        finished=datetime.now(UTC),
        tool_version=tool_version(),
        profile=request.profile,
        selection=describe_selection(request),
        executor=request.executor,
        isolation=request.start_method,
        confined=count_confined(results),
        controls=tuple(controls),
        accepted=tuple(accepted),
        audit=read_audit(request.store),
        audit_in_containers=read_audit(request.store, IN_CONTAINERS),
        not_run=not_run,
        durations=durations,
        sources=module_sources(request.root, catalog),
        kept=kept.record if kept else None,
        shard=shard,
    )


def describe_selection(request: Request) -> tuple[str, ...]:
    """Return the selection, as on the command line."""
    selection = list(request.patterns)
    for part, values in sorted(request.filters.items()):
        selection += [f"--{part} {value}" for value in values]
    return tuple(selection)


def measured_scenarios(catalog: Catalog, results: Sequence[CellResult]) -> list[Scenario]:
    """Return the scenarios of a run's cells, in declared order."""
    named = {result.cell.scenario for result in results}
    return [scenario for name, scenario in catalog.scenarios.items() if name in named]


def count_confined(results: Sequence[CellResult]) -> dict[str, int]:
    """Return confinement -> number of loads; older records do not say."""
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
