"""The gate: a run, held against baselines, and the decision on a release.

Input: the request of a run and that of the gate. Output: the run's outcome, published, and the
`Decision`. Cells that changed run again in fresh processes, the second time in the other order,
before anything is called a regression; nothing of that is recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner import contract, pipeline
from runner.declare.acceptances import read_acceptances
from runner.declare.environments import read_environments
from runner.domain import (
    Absence,
    Artifact,
    Cell,
    CellResult,
    Family,
    Known,
    Observation,
    Outcome,
    Save,
)
from runner.domain.counterparts import bases_of, translate
from runner.domain.errors import SelectionError
from runner.domain.gate import Acceptance, Decision, Held, Repeats, Spread
from runner.domain.known import save_of
from runner.domain.request import Request, RunOutcome
from runner.host.progress import Reporter
from runner.judge.acceptance import Acceptances, find_stale, names_declared
from runner.judge.completeness import find_incomplete
from runner.judge.hold import REPEATED, Baseline, Circumstances, finding_of, hold
from runner.judge.outcome import classify_cell, largest_difference
from runner.judge.verdict import detail_of
from runner.measure.rounds import repeat_jobs
from runner.publish.audit import read_audit, write_audit
from runner.publish.baselines import read_baseline, read_numbers
from runner.publish.record import AcceptedRecord
from runner.repeats import audit_cells, draw_cells, repeat_cells

RELEASE, TARGET = "--release-baseline", "--baseline"
CHANGED = "changed cells"
PER_GROUP = 12
"""Cells of one finding that run again at most: they are spread over all of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GateRequest:
    """What the gate is asked, besides the run."""

    release_baseline: Path | None
    """The last release: a regression against it fails the gate."""
    baseline: Path | None
    """The target branch of a pull request: advisory."""
    accepted: Path
    at_least: int = 1
    """Cells that have to be judged."""
    repeats: int = 2
    """Further runs of a cell that changed."""
    audit: int = 0
    """Cells of a random sample that run again whether they changed or not."""
    seed: int = 0
    """Of that sample."""
    release: str = ""
    """The release that is decided on; empty for the version of what is tested."""
    subjects: tuple[str, ...] = ()
    """Environments under test; empty for the builds, or else the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GateOutcome:
    """The run, and the decision."""

    run: RunOutcome
    decision: Decision


def run_gate(request: Request, gate: GateRequest, reporter: Reporter) -> GateOutcome:
    """Measure, hold against the baselines, repeat what changed, decide, publish.

    Raises:
        MatrixError: a baseline or the acceptances cannot be read, or nothing could be measured.
    """
    baselines = _read_baselines(gate)
    declared = read_acceptances(gate.accepted)
    pipeline.require_earlier(request)
    with pipeline.opened(request, reporter) as run:
        measured = pipeline.measure_all(run)
        subjects = _subjects(run, gate, measured.results)
        release, release_of = _release(run, gate, subjects)
        acceptances = Acceptances(declared, release)
        circumstances = Circumstances(
            expectations=run.declared.catalog.expectations,
            builds=bases_of(run.declared.environments),
            subjects=subjects,
            asked=_asked(run),
        )
        first = [hold(measured.results, each, circumstances, acceptances, {}) for each in baselines]
        audited = audit_sample(run, gate)
        changed = repeat_changed(run, measured.results, first, gate.repeats)
        repeats = _joined(changed, audited)
        held = (
            [
                hold(measured.results, each, circumstances, acceptances, repeats)
                for each in baselines
            ]
            if repeats
            else first
        )
        stale, outside = find_stale(acceptances, held, _speaks_of(run, measured.results))
        spread = _spread(changed, request.store)
        decision = Decision(
            release=release,
            release_of=release_of,
            subjects=subjects,
            held=held,
            stale=stale,
            expired=acceptances.expired,
            outside=outside,
            incomplete=find_incomplete(
                results=measured.results,
                held=held[0],
                scenarios=run.declared.catalog.scenarios,
                controls=measured.controls,
                built=[*run.absent, *run.built.available],
                unfrozen=run.declared.scope.unfrozen,
            ),
            at_least=gate.at_least,
            spread=spread,
            drifted=_drifted(measured.results, gate, held[0], spread),
            accepted_file=str(gate.accepted),
        )
        judged = _with_verdicts(measured.results, held[0])
        accepted = list_accepted(acceptances, held)
        return GateOutcome(
            run=pipeline.finish_run(run, measured, judged, accepted), decision=decision
        )


def list_accepted(acceptances: Acceptances, held: Sequence[Held]) -> list[AcceptedRecord]:
    """Return the acceptances in force, each with the number of cells that it covered."""
    cells = {each.cell: each for one in held for each in one.cells if each.accepted}
    covered = Counter(map(acceptances.covering, cells.values()))
    return [
        AcceptedRecord(
            cells=each.cells,
            outcome=each.outcome,
            reason=each.reason,
            link=each.link,
            until=each.until,
            covered=covered[each],
        )
        for each in acceptances.in_force
    ]


def _read_baselines(gate: GateRequest) -> list[Baseline]:
    given = [(RELEASE, gate.release_baseline, True), (TARGET, gate.baseline, False)]
    found = [
        Baseline(option=option, name=str(path), mandatory=mandatory, cells=read_baseline(path))
        for option, path, mandatory in given
        if path is not None
    ]
    if not found:
        raise SelectionError(
            "a gate holds a run against an earlier one, and none was named",
            cause="neither --release-baseline nor --baseline was given",
            next_step="nox -s gate -- --release-baseline reports/published",
        )
    return found


def _subjects(
    run: pipeline.Run, gate: GateRequest, results: Sequence[CellResult]
) -> tuple[str, ...]:
    """Return the environments under test: those named, else the builds, else the newest."""
    ids = [each.id for each in run.declared.environments]
    unknown = [each for each in gate.subjects if each not in ids]
    if unknown:
        raise SelectionError(
            f"no environment {unknown[0]!r} in this run to be under test",
            cause=f"--subject names one of: {', '.join(ids)[:300]}",
            next_step="see the environments there are: `nox -s envs`",
        )
    if gate.subjects:
        return gate.subjects
    builds = bases_of(run.declared.environments)
    if builds:
        return tuple(builds)
    there = {name for each in results for name in (each.cell.writer, each.cell.reader)}
    return tuple([name for name in ids if name in there][-1:])


def _release(run: pipeline.Run, gate: GateRequest, subjects: Sequence[str]) -> tuple[str, str]:
    """Return the release that is decided on, and where that is known from."""
    if gate.release:
        return gate.release, "--release"
    for name in subjects:
        built = run.built.available.get(name)
        package = _package(run, name)
        version = built.resolved.get(package) if built else None
        if version:
            return version, f"{package} in {name}"
    raise SelectionError(
        "nothing says which release is decided on",
        cause=f"{', '.join(subjects) or 'what is under test'} could not be built",
        next_step="say it: --release 3.16",
    )


def _package(run: pipeline.Run, name: str) -> str:
    """Return the package that an environment is named after: a nightly build has another name."""
    found = next(each for each in run.declared.environments if each.id == name)
    if found.build is not None:
        return found.build.distribution
    return {Family.TF_KERAS: "tensorflow-cpu", Family.LEGACY: "tf-keras"}.get(found.family, "keras")


def _asked(run: pipeline.Run) -> Callable[[Cell], bool]:
    """Say of a cell of the baseline whether this run was asked for it."""
    scope, request = run.declared.scope, run.request
    here = {each.id for each in scope.environments}

    def is_asked(cell: Cell) -> bool:
        if cell.reader in scope.frozen or not _has_files(run, cell):
            return False
        if cell.scenario not in scope.scenarios:
            # What is declared no more matches no list of what is.
            return not request.names_scenarios and {cell.writer, cell.reader} <= here
        return {cell.writer, cell.reader} <= here and scope.selection.matches(cell)

    return is_asked


def _has_files(run: pipeline.Run, cell: Cell) -> bool:
    """Whether the artifacts that a cell reads can be had: a pack may not have them."""
    scope = run.declared.scope
    remedy = scope.remedies.get(cell.remedy)
    save = save_of(cell)
    saves = [save]
    if remedy is not None and remedy.sibling is not None:
        saves.append(replace(save, format=remedy.sibling))
    return all(scope.is_there(each) for each in saves)


def _speaks_of(run: pipeline.Run, results: Sequence[CellResult]) -> Callable[[Acceptance], bool]:
    """Say of an acceptance whether a run that has none of its cells should have had them."""
    cells = [each.cell for each in results]
    here = {
        "scenario": [each.scenario for each in cells],
        "format": [str(each.format) for each in cells],
        "writer": [each.writer for each in cells],
        "reader": [each.reader for each in cells],
        "remedy": [each.remedy for each in cells],
    }
    unique = {part: tuple(dict.fromkeys(ids)) for part, ids in here.items()}
    catalog = run.declared.catalog
    environments = tuple(
        dict.fromkeys([*unique["writer"], *unique["reader"], *_every_environment(run)])
    )
    declared = {
        "scenario": tuple(catalog.scenarios),
        "format": tuple(map(str, catalog.carries)),
        "writer": environments,
        "reader": environments,
        "remedy": tuple(catalog.remedies),
    }

    def speaks(acceptance: Acceptance) -> bool:
        return names_declared(acceptance, unique) or not names_declared(acceptance, declared)

    return speaks


def _every_environment(run: pipeline.Run) -> Iterator[str]:
    path = run.request.root / "containers" / "environments.toml"
    yield from (each.id for each in read_environments(path).environments)


# --- confidence --------------------------------------------------------------------------


def repeat_changed(
    run: pipeline.Run, results: Sequence[CellResult], held: Sequence[Held], times: int
) -> dict[Cell, Repeats]:
    """Run the cells that changed again, each in a fresh process; every other time backwards."""
    wanted = choose_repeated(held) if not run.request.recorded else []
    by_cell = {each.cell: each for each in results}
    chosen = [by_cell[cell] for cell in wanted]
    loads = [each.cell for each in chosen if each.outcome is not Outcome.SAVE_ERROR]
    again = [repeat_cells(run, loads, times, CHANGED)]
    for turn in range(times if chosen else 0):
        label = f"{CHANGED}: saves, in fresh processes, {turn + 1} of {times}"
        again.append({each.cell: [each] for each in _save_again(run, chosen, label)})
    return {
        each.cell: _repeats(each, found)
        for each in chosen
        if (found := [result for some in again for result in some.get(each.cell, ())])
    }


def _repeats(first: CellResult, again: Sequence[CellResult]) -> Repeats:
    return Repeats(
        details=tuple(detail_of(each) for each in again),
        numbers=tuple(number for each in (first, *again) for number in _number(each)),
    )


def audit_sample(run: pipeline.Run, gate: GateRequest) -> dict[Cell, Repeats]:
    """Run a random sample of what was measured again, and record the audit.

    The spread of its numbers is the tolerance that this gate holds numbers to. A cell of it that
    comes to something else is flaky, whatever the baseline says.

    Raises:
        SelectionError: nothing may be measured.
    """
    if not gate.audit:
        return {}
    if run.request.recorded:
        raise SelectionError(
            f"an audit runs cells again, and with --recorded nothing runs: --audit {gate.audit}",
            cause="the two options contradict each other",
            next_step="leave one of them out",
        )
    known = pipeline.recorded_cells(run)
    found = audit_cells(run, draw_cells(run, known, size=gate.audit, seed=gate.seed))
    write_audit(run.store.folder, found.record)
    first = {each.cell: result for each, result in known}
    return {cell: _repeats(first[cell], [result]) for cell, result in found.again.items()}


def _joined(*given: Mapping[Cell, Repeats]) -> dict[Cell, Repeats]:
    """Return all further runs of each cell."""
    found: dict[Cell, Repeats] = {}
    for cell, each in [pair for some in given for pair in some.items()]:
        before = found.get(cell, Repeats(details=()))
        found[cell] = Repeats(
            details=before.details + each.details, numbers=before.numbers + each.numbers
        )
    return found


def choose_repeated(held: Sequence[Held]) -> list[Cell]:
    """Return the cells that changed, at most `PER_GROUP` of one finding, spread over it."""
    groups: dict[object, dict[Cell, None]] = {}
    for one in held:
        for each in one.cells:
            if each.verdict in REPEATED and each.after is not None:
                key = (one.option, *finding_of(each))
                groups.setdefault(key, {})[each.cell] = None
    chosen: dict[Cell, None] = {}
    for cells in groups.values():
        step = max(1, -(-len(cells) // PER_GROUP))
        chosen |= dict.fromkeys(list(cells)[::step])
    return list(chosen)


def _save_again(
    run: pipeline.Run, chosen: Sequence[CellResult], label: str
) -> Iterator[CellResult]:
    """Try again to write what a writer could not write; every cell that would read it is told."""
    failed: dict[Save, list[Cell]] = {}
    for each in chosen:
        if each.outcome is Outcome.SAVE_ERROR:
            failed.setdefault(save_of(each.cell), []).append(each.cell)
    jobs = []
    for number, save in enumerate(failed):
        folder = run.store.folder / "batches" / f"again-{number}"
        scenario = run.declared.catalog.scenarios[save.scenario]
        jobs.append((save.writer, contract.save_job(save, scenario, folder, "")))
    found = repeat_jobs(run.jobs, jobs, label) if jobs else {}
    for save, cells in failed.items():
        seen = found.get(save.id)
        for cell in cells if seen else ():
            assert seen is not None  # noqa: S101 - asked above
            yield _as_save_result(cell, seen)


def _as_save_result(cell: Cell, seen: Observation) -> CellResult:
    if seen.status == "done":
        return CellResult(cell=cell, outcome=Outcome.EQUIVALENT, reason="written this time")
    artifact = Artifact(inputs="", folder=Path(), observation=seen, sha256="", written="nothing")
    return classify_cell(Known(cell=cell, artifact=artifact, absence=Absence.WRITER_FAILED))


def _number(result: CellResult) -> list[float]:
    found = largest_difference(result.observation) if result.observation else None
    return [] if found is None else [found]


def _spread(repeats: Mapping[Cell, Repeats], store: Path) -> Spread:
    ranges = [
        max(each.numbers) - min(each.numbers) for each in repeats.values() if len(each.numbers) > 1
    ]
    audit = read_audit(store)
    return Spread(
        repeats=max(ranges, default=None),
        repeated=len(ranges),
        audit=audit.spread if audit else None,
        audited=audit.sample if audit else 0,
    )


def _drifted(
    results: Sequence[CellResult], gate: GateRequest, held: Held, spread: Spread
) -> list[tuple[Cell, float, float]]:
    """Return the equivalent cells whose largest difference grew by more than the spread."""
    path = gate.release_baseline or gate.baseline
    if spread.largest is None or path is None:
        return []
    before = read_numbers(path)
    found = []
    for each in results:
        number = _number(each) if each.outcome is Outcome.EQUIVALENT else []
        was = before.get(translate(each.cell, held.counterparts))
        if number and was is not None and number[0] - was > spread.largest:
            found.append((each.cell, was, number[0]))
    return found


def _with_verdicts(results: Sequence[CellResult], held: Held) -> list[CellResult]:
    verdicts = {each.cell: each.verdict for each in held.cells}
    return [replace(each, verdict=verdicts[each.cell]) for each in results]
