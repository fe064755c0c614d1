"""An earlier run, and a later one with a build of one's own: every kind of change between them."""

from __future__ import annotations

from itertools import cycle, product

import msgspec
from report_fixtures import SmallRun, make_environment, make_remedy, make_scenario

from runner.domain import (
    FACTS,
    Aspect,
    Cell,
    CellResult,
    Detail,
    Family,
    Format,
    Observation,
    Outcome,
    Verdict,
)
from runner.domain.environments import Build, BuildKind
from runner.judge.acceptance import Acceptances
from runner.judge.hold import Baseline, Circumstances, hold

BUILD, BASE, OTHER = "keras@pr", "keras3.10", "tf1.15"
KINDS = (
    Detail(outcome=Outcome.EQUIVALENT),
    Detail(outcome=Outcome.LOAD_ERROR, cause="unknown_class"),
    Detail(outcome=Outcome.LOAD_ERROR, cause="renamed"),
    Detail(outcome=Outcome.DIVERGED, aspects=frozenset({"outputs"})),
    Detail(outcome=Outcome.DIVERGED, aspects=frozenset({"outputs", "losses"})),
    Detail(outcome=Outcome.NOT_RUN),
    None,
)
"""What a cell is in one run; None if that run has no such cell."""
VERDICTS = {
    Verdict.REGRESSION: "regressed",
    Verdict.FIXED: "fixed",
    Verdict.CHANGED: "changed",
    Verdict.NEW: "appeared",
    Verdict.VANISHED: "vanished",
    Verdict.EXPECTED: "same",
    Verdict.KNOWN_FAILURE: "same",
}
"""The change that a verdict stands for, where nothing is declared."""


def make_later_run() -> SmallRun:
    """3 writers x 3 readers, one of them a build, in scenarios enough for all pairs of `KINDS`."""
    base = make_environment(BASE, Family.KERAS3, 1)
    build = Build(
        base=BASE,
        package="keras",
        distribution="keras",
        kind=BuildKind.CHECKOUT,
        source="keras",
    )
    own = msgspec.structs.replace(base, id=BUILD, order=2, build=build)
    scenarios = tuple(make_scenario(f"s{number:02d}") for number in range(len(KINDS)))
    environments = (make_environment(OTHER, Family.TF_KERAS, 0), base, own)
    chosen = cycle(KINDS)
    results = tuple(
        result_of(cell, detail)
        for cell in _cells(scenarios, [each.id for each in environments])
        if (detail := next(chosen)) is not None
    )
    return SmallRun(
        environments=environments,
        scenarios=scenarios,
        remedies=(make_remedy("none", 0),),
        results=results,
    )


def make_earlier(run: SmallRun) -> dict[Cell, Detail]:
    """Return an earlier run, in which there was no such build."""
    cells = list(_cells(run.scenarios, [OTHER, BASE]))
    # Of each cell that the build has, every kind meets every other.
    chosen = [KINDS[(place + place // len(KINDS)) % len(KINDS)] for place in range(len(cells))]
    return {cell: detail for cell, detail in zip(cells, chosen, strict=True) if detail is not None}


def result_of(cell: Cell, detail: Detail) -> CellResult:
    ran = FACTS[detail.outcome].judged
    seen = {"status": "done", "duration_s": 0.5, "start_method": "fork", "aspects": {}}
    return CellResult(
        cell=cell,
        observation=Observation(data=seen) if ran else None,
        outcome=detail.outcome,
        cause=detail.cause,
        aspects=tuple(Aspect(name) for name in sorted(detail.aspects)),
    )


def changes_of_the_gate(run: SmallRun, earlier: dict[Cell, Detail]) -> dict[str, str]:
    """Hold the one run against the other as the gate does, and name its verdicts as changes."""
    baseline = Baseline(option="--baseline", name="earlier", mandatory=True, cells=earlier)
    circumstances = Circumstances(expectations=(), builds={BUILD: BASE}, subjects=(BUILD,))
    held = hold(run.results, baseline, circumstances, Acceptances((), "3.16.0"), {})
    return {each.cell.id: _change(each) for each in held.cells}


def _change(held) -> str:
    if held.verdict is not Verdict.NOT_JUDGED:
        return VERDICTS[held.verdict]
    if held.before is None:
        return "appeared"
    return "same" if held.before.outcome is held.after.outcome else "infrastructure"


def _cells(scenarios, names):
    for scenario, format_ in product(scenarios, (Format.H5, Format.KERAS)):
        for writer, reader in product(names, names):
            yield Cell(
                scenario=scenario.id, format=format_, writer=writer, reader=reader, remedy="none"
            )
