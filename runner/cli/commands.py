"""What each command of the command line does; `cli` only parses.

A command gets the request and the parsed arguments and returns an exit code.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Column, Table

from runner import __version__, pipeline
from runner.analyse.advice import PAIR_COLUMNS, advise_pair, build_advice, describe_advice
from runner.analyse.attribution import ATTRIBUTION_TEXT, attribute_pair
from runner.analyse.boundaries import describe_boundaries
from runner.analyse.claims.verdict import judge_claims
from runner.analyse.differences import cell_id, compare_cells, summarize
from runner.analyse.grids import code_cells
from runner.cli.audit import audit_run
from runner.cli.bench import run_bench
from runner.cli.image_work import ImageWish, work_on_images
from runner.declare import scope
from runner.domain import BARE, ID_COLUMNS, Cell, Change, ClaimVerdict, Format, Outcome, Verdict
from runner.domain.claims import VERDICT_STYLES
from runner.domain.errors import ControlFailure, RegressionFound, SelectionError
from runner.domain.request import Request, RunOutcome
from runner.domain.selector import KnownIds, Selection, matches_any, require_cells, select, suggest
from runner.executors.provisioning import provision_all
from runner.executors.registry import open_place
from runner.host.progress import format_duration, make_reporter
from runner.plan.cells import plan_bare, plan_remedies, plan_saves
from runner.publish.reading import PublishedRun, load_data, read_cells
from runner.publish.record import JudgedClaim
from runner.render.site import render_site


def version_line() -> str:
    """Return what `--version` prints."""
    return f"keras-compatibility-matrix {__version__}"


def run(request: Request, arguments: argparse.Namespace) -> int:
    """Measure, write the report, say where it is."""
    reporter = make_reporter(sys.stdout)
    try:
        outcome = pipeline.run_matrix(request, reporter)
    finally:
        reporter.close()
    _print_summary(outcome)
    if outcome.failed_controls:
        shown = "\n".join(f"  {each.id}: {each.detail}" for each in outcome.failed_controls[:10])
        raise ControlFailure(
            f"{len(outcome.failed_controls)} of {len(outcome.controls)} controls failed:\n{shown}",
            cause="an environment, a declaration or the harness is wrong; do not publish this run",
            next_step="look at the cells named above with `show`",
        )
    worse = [each for each in outcome.results if each.verdict is Verdict.REGRESSION]
    if arguments.gate and worse:
        raise RegressionFound(
            f"{len(worse)} cells are worse than expected, the first: {worse[0].cell.id}",
            cause="a change of the framework, an environment or a scenario",
            next_step=f"python -m runner show '{worse[0].cell.id}'",
        )
    return 0


def _print_summary(outcome: RunOutcome) -> None:
    counts = Counter(str(result.outcome) for result in outcome.results)
    shown = ", ".join(f"{counts[name]} {name}" for name in map(str, Outcome) if counts[name])
    print(f"{len(outcome.results)} cells ({outcome.measured} jobs measured now): {shown}")
    passed = len(outcome.controls) - len(outcome.failed_controls)
    print(f"{passed} of {len(outcome.controls)} controls held")
    spent = ", ".join(
        f"{stage} {format_duration(seconds)}" for stage, seconds in outcome.durations.items()
    )
    print(f"time: {spent}")
    print(f"report: {outcome.report}")


def show_plan(request: Request, arguments: argparse.Namespace) -> int:
    """Print what a run would do, and why the rest is left out; nothing is built or measured."""
    del arguments
    declared = scope.declare(request)
    bare = plan_bare(declared.scope)
    if not bare:
        require_cells(declared.scope.selection, bare)
    upper = plan_remedies(declared.scope, dict.fromkeys(bare, Outcome.LOAD_ERROR), "all")
    table = Table("scenario", "formats", "bare loads", "remedies, at most")
    loads = Counter(cell.scenario for cell in bare)
    remedies = Counter(cell.scenario for cell in upper)
    for name, scenario in declared.scope.scenarios.items():
        if loads[name]:
            formats = ", ".join(str(each) for each in scenario.formats)
            table.add_row(name, formats, str(loads[name]), str(remedies[name]))
    Console().print(table)
    left_out = len(declared.scope.scenarios) - len(loads)
    print(f"environments: {', '.join(each.id for each in declared.environments)}")
    print(f"saves: {len(plan_saves(declared.scope, bare))}")
    print(f"bare loads: {len(bare)}; remedies: at most {len(upper)}, where the bare load fails")
    narrow = declared.catalog.of_profile(request.profile) and not request.names_scenarios
    whose = "profile (--scenario '*' has all)" if narrow else "selection"
    print(f"skipped: {left_out} scenarios outside the {whose}")
    print("skipped: formats a writer does not have, except in the control scenario")
    return 0


def show_environments(request: Request, arguments: argparse.Namespace) -> int:
    """List the environments; with --build, build those of the profile."""
    declared = scope.declare(request)
    if arguments.build:
        reporter = make_reporter(sys.stdout)
        try:
            with open_place(request) as place:
                built = provision_all(
                    declared.environments, place, reporter, min(2, request.workers)
                )
        finally:
            reporter.close()
        for name, error in built.unavailable.items():
            print(f"{name}: unavailable\n{error}")
        print(f"{len(built.available)} of {len(declared.environments)} environments are ready")
        return 4 if built.unavailable else 0
    # A terminal that is too narrow may fold formats, but an id is there to be copied.
    width = max(len(each.id) for each in declared.environments)
    table = Table(
        Column("id", min_width=width), "family", "backend", "Python", "released", "formats"
    )
    for each in declared.environments:
        formats = ", ".join(sorted(map(str, each.formats)))
        table.add_row(
            each.id, each.family, each.backend, each.python, each.released.isoformat(), formats
        )
    Console().print(table)
    return 0


def show_cell(request: Request, arguments: argparse.Namespace) -> int:
    """Print everything known of one cell, from the data of the last run."""
    data = load_data(request.out)
    row, observed = data.find_cell(arguments.cell)
    if not row:
        raise SelectionError(
            f"no cell {arguments.cell!r} in {request.out}",
            cause="it was not part of the last run, or its id is misspelt",
            next_step=f"python -m runner run --select '{arguments.cell}'",
        )
    for key, value in {**row, **observed}.items():
        text = _pretty(value)
        if text:
            print(f"{key}: {text}" if "\n" not in text else f"{key}:\n{text}")
    _print_explanation(data, row)
    print(f"repeat: python -m runner run --select '{arguments.cell}' --force")
    return 0


def _print_explanation(data: PublishedRun, row: Mapping[str, object]) -> None:
    """Say why, in words, whose doing it is, and what works instead."""
    for cause in data.run.causes:
        if cause.id == row["cause"]:
            print(f"why: {cause.title}. {cause.explanation}")
            for link in cause.links:
                print(f"see: {link}")
    pair = {column: str(row[column]) for column in PAIR_COLUMNS}
    attribution = attribute_pair(data.cells, pair)
    if attribution:
        print(f"attribution: {attribution} ({ATTRIBUTION_TEXT[attribution]})")
    found = advise_pair(build_advice(data.cells, data.run), data.cells, data.run, pair)
    if found is not None:
        print("\n".join(describe_advice(found)))


def advise(request: Request, arguments: argparse.Namespace) -> int:
    """Say, from the data of the last run, what works for one file and one reader."""
    del arguments
    pair = {part: _single(request, part) for part in PAIR_COLUMNS}
    data = load_data(request.out)
    found = advise_pair(build_advice(data.cells, data.run), data.cells, data.run, pair)
    if found is None:
        cell = "{scenario}/{format}/{writer}->{reader}/none".format(**pair)
        raise SelectionError(
            f"no cell {cell!r} in {request.out}",
            cause="it was not part of the last run, or an id is misspelt",
            next_step=f"python -m runner run --select '{cell}'",
        )
    print("\n".join(describe_advice(found)))
    return 0


def _single(request: Request, part: str) -> str:
    values = request.filters.get(part, ())
    if len(values) != 1 or set(values[0]) & set("*?[,"):
        raise SelectionError(
            f"advise needs one --{part}, not {', '.join(values) or 'none'}",
            cause="advice is for one file and one reader",
            next_step="give --writer, --reader, --scenario and --format one id each",
        )
    return values[0]


def _pretty(value: object) -> str:
    text = str(value)
    if text in ("", "nan", "None"):
        return ""
    if text.startswith(("{", "[")):
        try:
            return json.dumps(json.loads(text), indent=2)
        except ValueError:
            return text
    return text


def rebuild_report(request: Request, arguments: argparse.Namespace) -> int:
    """Render the pages again from the data alone."""
    data: Path = arguments.data or request.out
    site: Path = arguments.site or data / "site"
    render_site(data, site, arguments.base_url)
    print(f"report: {site / 'index.html'}")
    return 0


def compare_runs(request: Request, arguments: argparse.Namespace) -> int:
    """Print what changed from one run to another; a selection narrows both."""
    runs = [read_cells(path) for path in (arguments.before, arguments.after)]
    both = pd.concat(runs)
    known = KnownIds(
        scenarios=tuple(both["scenario"].unique()),
        formats=tuple(both["format"].unique()),
        environments=tuple(pd.concat([both["writer"], both["reader"]]).unique()),
        remedies=tuple(both["remedy"].unique()),
    )
    selection = select(request.patterns, request.filters, known)
    before, after = (cells.iloc[_selected_rows(cells, selection)] for cells in runs)
    comparison = compare_cells(before, after)
    print(summarize(comparison, before=str(arguments.before), after=str(arguments.after)), end="")
    worse = comparison.rows(Change.REGRESSED)
    if arguments.gate and len(worse):
        raise RegressionFound(
            f"{len(worse)} cells regressed, the first: {cell_id(worse.iloc[0].to_dict())}",
            cause="a change of the framework, an environment or a scenario",
            next_step="open the later run in its report's compare.html, or see the table above",
        )
    return 0


def audit(request: Request, arguments: argparse.Namespace) -> int:
    """Re-run a random sample of cells in fresh processes and compare the outcomes."""
    return audit_run(request, sample=arguments.sample, seed=arguments.seed)


def images(request: Request, arguments: argparse.Namespace) -> int:
    """Build the container images of the profile; list, save, push and prune them."""
    # Who wants room on the disk, and names nothing else, does not want images built first.
    named = arguments.environments or arguments.rebuild or arguments.save or arguments.push
    wish = ImageWish(
        names=tuple(arguments.environments),
        build=not arguments.list and bool(named or not arguments.prune),
        rebuild=arguments.rebuild,
        prune=arguments.prune,
        save=arguments.save,
        push=arguments.push,
        bake=arguments.bake,
    )
    return work_on_images(request, wish)


def bench(request: Request, arguments: argparse.Namespace) -> int:
    """Compare a process for each cell with the probe, in one run."""
    return run_bench(request, cells=arguments.cells, environments=arguments.environment)


def show_claims(request: Request, arguments: argparse.Namespace) -> int:
    """Hold today's claims.toml against the cells of the last run; with an id, in detail."""
    data = load_data(request.out)
    declared = scope.declare(request).claims
    chosen = [each for each in declared.claims if matches_any(each.id, [arguments.id])]
    if not chosen:
        close = suggest(arguments.id, [each.id for each in declared.claims])
        raise SelectionError(
            f"no claim {arguments.id!r}",
            cause=f"did you mean {' or '.join(close)}?" if close else "no id is anything like it",
            next_step="see their ids with `claims`",
        )
    judged = judge_claims(
        chosen,
        articles=declared.articles,
        cells=data.cells,
        observations=data.observations,
        run=data.run,
    ).claims
    symbols = {style.verdict: style.symbol for style in VERDICT_STYLES}
    if len(judged) == 1:
        print("\n".join(_describe_claim(judged[0], symbols)))
        return 0
    width = max(len(each.id) for each in chosen)
    table = Table(Column("claim", min_width=width), "verdict", "for", "against", "missing")
    for each in judged:
        counts = [str(number) for number in (each.supports, each.against, each.missing)]
        table.add_row(each.id, f"{symbols[each.verdict]} {each.verdict}", *counts)
    Console().print(table)
    totals = Counter(each.verdict for each in judged)
    print(", ".join(f"{totals[name]} {name}" for name in symbols))
    return 0


def _describe_claim(claim: JudgedClaim, symbols: Mapping[ClaimVerdict, str]) -> Iterator[str]:
    yield f"{claim.id} ({claim.article})"
    yield claim.statement
    if claim.note:
        yield f"  {claim.note}"
    yield f"{symbols[claim.verdict]} {claim.verdict}: {claim.prediction}"
    yield f"  {claim.supports} for, {claim.against} against, {claim.missing} not measured"
    yield f"  cells: {', '.join(claim.cells)}"
    if claim.than:
        yield f"  compared with: {', '.join(claim.than)}"
    if claim.conditions:
        yield f"  {claim.conditions}"
    said = (("holds", claim.holds), ("does not hold", claim.fails), ("mixed", claim.mixed))
    for name, lines in said:
        yield from (f"  {name}: {line}" for line in lines)
    for name, examples in (("for", claim.examples_for), ("against", claim.examples_against)):
        for each in examples:
            yield f"  {name}: {each.cell} {each.outcome} {each.detail}".rstrip()


def show_boundaries(request: Request, arguments: argparse.Namespace) -> int:
    """Print, for the selected cells of the last run, the version ranges and what they do."""
    del arguments
    data = load_data(request.out)
    coded = code_cells(data)
    known = KnownIds(
        scenarios=coded.scenarios,
        formats=coded.formats,
        environments=coded.environments,
        remedies=coded.remedies,
    )
    selection = select(request.patterns, request.filters, known)
    rows = _selected_rows(data.cells, selection)
    for grid in describe_boundaries(coded, np.array(rows, dtype=np.int64)):
        load = "bare load" if grid.remedy == BARE else grid.remedy
        print(f"{grid.format} files of {grid.scenario}, {load}:")
        for rule in grid.rules:
            print(f"  {rule.text} ({rule.cells})")
    return 0


def _selected_rows(cells: pd.DataFrame, selection: Selection) -> list[int]:
    """Return the places of the cells that a selection chooses."""
    columns = [cells[name].astype(str) for name in ID_COLUMNS]
    return [
        row
        for row, (scenario, format_, writer, reader, remedy) in enumerate(
            zip(*columns, strict=True)
        )
        if selection.matches(
            Cell(
                scenario=scenario,
                format=Format(format_),
                writer=writer,
                reader=reader,
                remedy=remedy,
            )
        )
    ]
