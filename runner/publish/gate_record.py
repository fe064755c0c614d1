"""The record of a decision: gate.json of a store, and the file of `--json` (`gate/1`).

Input: a `Decision`. Output: the record, written; or read back, for the command that accepts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from runner.domain import Detail, Outcome, Verdict
from runner.domain.errors import StoreError
from runner.domain.gate import Decision, Direction, Held, HeldCell
from runner.publish.decoding import read_record
from runner.publish.record import Record, plain
from runner.store import atomic_write_text

GATE_FILE = "gate.json"
SCHEMA: Literal["gate/1"] = "gate/1"


class DetailRecord(Record, kw_only=True, frozen=True):
    """Outcome, cause and differing aspects of a cell in one run."""

    outcome: Outcome
    cause: str = ""
    aspects: tuple[str, ...] = ()

    @property
    def detail(self) -> Detail:
        """The same, as cells are compared by."""
        return Detail(outcome=self.outcome, cause=self.cause, aspects=frozenset(self.aspects))


class HeldRecord(Record, kw_only=True, frozen=True):
    """A cell that is not as it was."""

    cell: str
    verdict: Verdict
    direction: Direction
    before: DetailRecord | None = None
    after: DetailRecord | None = None
    reason: str = ""
    link: str = ""
    accepted: bool = False
    message: str = ""
    runs: int = 1
    agreed: int = 1


class BaselineRecord(Record, kw_only=True, frozen=True):
    """The run held against one baseline."""

    option: str
    name: str
    mandatory: bool
    counts: Mapping[Verdict, int]
    """Cells of every verdict: they add up to all."""
    counterparts: Mapping[str, str] = {}
    outside: int = 0
    cells: tuple[HeldRecord, ...] = ()
    """Without those that are as they were expected to be, and without known failures that no
    acceptance made so."""


class StaleRecord(Record, kw_only=True, frozen=True):
    """An acceptance that has to go."""

    cells: str
    why: str
    detail: str


class SpreadRecord(Record, kw_only=True, frozen=True):
    """The tolerance that numbers of two runs are held to."""

    repeats: float | None = None
    repeated: int = 0
    audit: float | None = None
    audited: int = 0


class DriftRecord(Record, kw_only=True, frozen=True):
    """An equivalent cell whose largest difference grew beyond the spread."""

    cell: str
    before: float
    after: float


class GateRecord(Record, kw_only=True, frozen=True):
    """gate.json: what a gate found, and why it ended as it did."""

    schema: Literal["gate/1"]
    at: str
    """When it was decided: ISO 8601, UTC."""
    tool_version: str
    command: str
    release: str
    release_of: str
    exit_code: int
    failures: tuple[str, ...]
    judged: int
    at_least: int
    baselines: tuple[BaselineRecord, ...]
    stale: tuple[StaleRecord, ...] = ()
    expired: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    spread: SpreadRecord = SpreadRecord()
    drifted: tuple[DriftRecord, ...] = ()


def make_record(
    decision: Decision,
    *,
    failures: Mapping[str, int],
    at: str,
    tool_version: str,
    command: str,
) -> GateRecord:
    """Return the record of a decision; `failures` are the messages with their exit codes."""
    return GateRecord(
        schema=SCHEMA,
        at=at,
        tool_version=tool_version,
        command=command,
        release=decision.release,
        release_of=decision.release_of,
        exit_code=next(iter(failures.values()), 0),
        failures=tuple(failures),
        judged=decision.judged,
        at_least=decision.at_least,
        baselines=tuple(map(_baseline, decision.held)),
        stale=tuple(
            StaleRecord(cells=each.acceptance.cells, why=str(each.why), detail=each.detail)
            for each in decision.stale
        ),
        expired=tuple(each.cells for each in decision.expired),
        incomplete=tuple(decision.incomplete),
        spread=SpreadRecord(
            repeats=decision.spread.repeats,
            repeated=decision.spread.repeated,
            audit=decision.spread.audit,
            audited=decision.spread.audited,
        ),
        drifted=tuple(
            DriftRecord(cell=cell.id, before=before, after=after)
            for cell, before, after in decision.drifted
        ),
    )


def _baseline(held: Held) -> BaselineRecord:
    usual = {Verdict.EXPECTED, Verdict.KNOWN_FAILURE}
    return BaselineRecord(
        option=held.option,
        name=held.name,
        mandatory=held.mandatory,
        counts=held.counts,
        counterparts=held.counterparts,
        outside=held.outside,
        cells=tuple(
            _cell(each) for each in held.cells if each.accepted or each.verdict not in usual
        ),
    )


def _cell(held: HeldCell) -> HeldRecord:
    return HeldRecord(
        cell=held.cell.id,
        verdict=held.verdict,
        direction=held.direction,
        before=_detail(held.before),
        after=_detail(held.after),
        reason=held.reason,
        link=held.link,
        accepted=held.accepted,
        message=held.message,
        runs=held.runs,
        agreed=held.agreed,
    )


def _detail(detail: Detail | None) -> DetailRecord | None:
    if detail is None:
        return None
    return DetailRecord(
        outcome=detail.outcome, cause=detail.cause, aspects=tuple(sorted(detail.aspects))
    )


def write_gate(path: Path, record: GateRecord) -> None:
    """Put a decision into a file, in the place of the one before.

    Raises:
        StoreError: it cannot be written.
    """
    atomic_write_text(path, json.dumps(plain(record), indent=1) + "\n")


def read_gate(store: Path) -> GateRecord:
    """Return the last decision of a store.

    Raises:
        StoreError: there is none, or it is damaged.
    """
    path = store / GATE_FILE
    if not path.exists():
        raise StoreError(
            f"there is no decision of a gate in {store}",
            cause="no gate was run with this store",
            next_step="nox -s gate -- --release-baseline reports/published",
        )
    return read_record(path, GateRecord, f"remove {path}, and run the gate again")
