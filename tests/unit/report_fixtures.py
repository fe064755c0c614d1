"""Small hand-made runs for the tests of aggregate, publish and render."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from runner.domain import (
    Aspect,
    Backend,
    Cell,
    CellResult,
    ControlResult,
    Environment,
    Family,
    Format,
    Observation,
    Outcome,
    ProvisionedEnvironment,
    Remedy,
    Scenario,
)
from runner.publish.files import RunFacts, build_run_record, format_record, publish_data
from runner.publish.reading import PublishedRun
from runner.publish.record import AuditSummary, Disagreement, EnvironmentRecord, Record, RunRecord
from runner.publish.tables import (
    Order,
    build_cells,
    build_observations,
    count_totals,
    declare_order,
)

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><script>owned()</script>"
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/home/me/.matrix/environments/keras3.10-0a/lib/python3.12/site-packages/keras/a.py"\n'
    "ValueError: <object at 0x7f3a12bc9d10> " + HOSTILE
)
RECORDED_AUDIT = {
    "sample": 3,
    "of": 40,
    "seed": 0,
    "at": "2026-01-02T03:04:05+00:00",
    "disagreements": [
        {"cell": "x", "recorded": "equivalent", "repeated": "load_error", "detail": "d"}
    ],
}
"""The audit.json of a store."""
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SmallRun:
    """Declarations and results of a run small enough to count by hand."""

    environments: tuple[Environment, ...]
    scenarios: tuple[Scenario, ...]
    remedies: tuple[Remedy, ...]
    results: tuple[CellResult, ...]

    @property
    def order(self) -> Order:
        return declare_order(self.scenarios, self.environments, self.remedies)


def make_run() -> SmallRun:
    """2 scenarios x h5, keras x 3 writers x 3 readers, and a remedy where the bare load fails."""
    environments = (
        make_environment("keras3.10", Family.KERAS3, 2),
        make_environment("tf1.15", Family.TF_KERAS, 0),
        make_environment("keras2.3", Family.KERAS2, 1),
    )
    scenarios = (make_scenario("plain_dense"), make_scenario("custom_loss_metric"))
    remedies = (make_remedy("none", 0), make_remedy("compile_false", 4, Aspect.OPTIMIZER))
    results = tuple(_results(scenarios, environments))
    return SmallRun(
        environments=environments, scenarios=scenarios, remedies=remedies, results=results
    )


def make_environment(name: str, family: Family, order: int) -> Environment:
    return Environment(
        id=name,
        family=family,
        backend=Backend.TENSORFLOW,
        python="3.10",
        requirements=(),
        released=date(2020, 1, 1 + order),
        formats=frozenset({Format.H5, Format.KERAS}),
        order=order,
    )


def make_scenario(name: str, **changed: Any) -> Scenario:
    fields: dict[str, Any] = {
        "id": name,
        "module": name,
        "group": "control",
        "title": f"Title of {name} {HOSTILE}",
        "summary": "What it is.",
        "formats": (Format.H5, Format.KERAS),
        "aspects": frozenset({Aspect.OUTPUTS, Aspect.LOSSES}),
        "remedies": ("compile_false",),
        "links": ("https://example.com/article", "javascript:owned()"),
    }
    return Scenario(**(fields | changed))


def make_remedy(name: str, cost: int, *gives_up: Aspect) -> Remedy:
    return Remedy(
        id=name,
        title=f"Remedy {name}",
        code="load({path}, custom_objects={{...}})",
        formats=frozenset(Format),
        environments=("*",),
        cost=cost,
        gives_up=frozenset(gives_up),
    )


def make_result(cell: Cell, outcome: Outcome, **data: Any) -> CellResult:
    seen = {"status": "done", "duration_s": 0.12345, "start_method": "fork", **data}
    return CellResult(
        cell=cell,
        outcome=outcome,
        aspects=(Aspect.OUTPUTS, Aspect.LOSSES) if outcome is Outcome.DIVERGED else (),
        cause="unknown_class" if outcome is Outcome.LOAD_ERROR else "",
        artifact_sha256="0123456789abcdef" * 4,
        observation=Observation(data=seen),
    )


def publish_run(run: SmallRun, data_dir: Path, **facts: Any) -> RunRecord:
    """Publish a run and give back its record."""
    published = put_together(run, **facts)
    publish_data(data_dir, published)
    return published.run


def put_together(run: SmallRun, **facts: Any) -> PublishedRun:
    """Return a run as it would be published."""
    cells = build_cells(run.results, run.order)
    observations = build_observations(run.results, run.order, hide=("/home/me",))
    record = record_run(run, count_totals(cells), **facts)
    return PublishedRun(run=record, cells=cells, observations=observations)


def record_run(run: SmallRun, totals: Any, **facts: Any) -> RunRecord:
    given: dict[str, Any] = {
        "started": MOMENT,
        "finished": MOMENT,
        "tool_version": "0.1.0",
        "profile": "smoke",
        "controls": (ControlResult(id="diagonal", passed=True, detail="3 of 3"),),
        "audit": AuditSummary(
            sample=2,
            disagreements=(
                Disagreement(
                    cell="plain_dense/h5/tf1.15->tf1.15/none",
                    recorded=Outcome.EQUIVALENT,
                    repeated=Outcome.CRASHED,
                    detail=HOSTILE,
                ),
            ),
        ),
    }
    return build_run_record(
        facts=RunFacts(**(given | facts)),
        environments=run.environments,
        provisioned=provision(run),
        unavailable={"keras2.3": f"pip said no {HOSTILE}"},
        scenarios=run.scenarios,
        docs={"plain_dense": f"The control.\n\n    model.save('m.h5')\n\n{HOSTILE}"},
        remedies=run.remedies,
        carries={Format.H5: frozenset({Aspect.OUTPUTS}), Format.KERAS: frozenset()},
        totals=totals,
    )


def provision(run: SmallRun, lock: str = "ab" * 32) -> dict[str, ProvisionedEnvironment]:
    """The environments of a run, of which one could not be built."""
    return {
        each.id: ProvisionedEnvironment(
            environment=each,
            executable="/python",
            lock_digest=lock,
            python_version="3.10.1",
            resolved={"numpy": "1.26", "tensorflow-cpu": "2.15.1", "rich": "13"},
            import_s=1.234,
            fork=True,
        )
        for each in run.environments
        if each.id != "keras2.3"
    }


def make_environment_record(name: str, family: Family, released: date) -> EnvironmentRecord:
    """An environment of a run as its record names it."""
    found = put_together(make_run()).run.environments[0]
    return msgspec.structs.replace(found, id=name, family=family, released=released)


def write_record(folder: Path, name: str, record: Record) -> None:
    """Put one record into a folder of published data."""
    (folder / name).write_bytes(format_record(name, record))


def _results(
    scenarios: tuple[Scenario, ...], environments: tuple[Environment, ...]
) -> Iterator[CellResult]:
    for scenario in reversed(scenarios):
        for format_ in scenario.formats:
            for writer in environments:
                for reader in environments:
                    yield from _pair(scenario.id, format_, writer.id, reader.id)


def _pair(scenario: str, format_: Format, writer: str, reader: str) -> Iterator[CellResult]:
    def cell(remedy: str) -> Cell:
        return Cell(scenario=scenario, format=format_, writer=writer, reader=reader, remedy=remedy)

    agrees = {"status": "agrees", "max_abs_diff": 3.21e-8}
    if "keras2.3" in (writer, reader):
        outcome = Outcome.ENVIRONMENT_UNAVAILABLE
        yield CellResult(cell=cell("none"), outcome=outcome, reason="it could not be built")
    elif writer == reader:
        yield make_result(cell("none"), Outcome.EQUIVALENT, aspects={"outputs": agrees})
    elif reader == "keras3.10":
        yield make_result(
            cell("none"),
            Outcome.LOAD_ERROR,
            status="raised",
            stage="load",
            exception="ValueError",
            message=f"Unknown layer {HOSTILE}\nat 0x7f3a12bc9d10 in /home/me/x " + "long " * 99,
            traceback=TRACEBACK,
            output=HOSTILE,
            warnings=[HOSTILE, "second"],
        )
        yield make_result(cell("compile_false"), Outcome.EQUIVALENT, aspects={"outputs": agrees})
    else:
        differs = {"status": "differs", "max_abs_diff": 0.123456, "detail": HOSTILE}
        yield make_result(
            cell("none"),
            Outcome.DIVERGED,
            aspects={"outputs": differs, "losses": {"status": "missing"}},
        )
