"""The outcome of a cell, from all that is known of it (stage 6). Pure; rewrites no observation.

The one place where an observation becomes an outcome: the matrix, the progress display, the
audit and the controls go through it. It fails closed: a finished observation is `equivalent`
only if it names each aspect asked for, and no other; one that is not of the probe's shape is
our fault (`harness_error`) and says nothing of Keras.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, assert_never

from runner.contract import check_observation
from runner.domain import (
    FORMAT_FACTS,
    Absence,
    Artifact,
    Aspect,
    CellResult,
    Known,
    Observation,
    Outcome,
)
from runner.domain.hops import describe_hops

_ENDED: Mapping[str, Outcome] = MappingProxyType(
    {
        "crashed": Outcome.CRASHED,
        "timed_out": Outcome.TIMED_OUT,
        "out_of_memory": Outcome.OUT_OF_MEMORY,
        "harness_error": Outcome.HARNESS_ERROR,
    }
)
"""The outcome of a job's end, as the probe calls it."""

_RAISED: Mapping[str, Outcome] = MappingProxyType(
    {
        # The user's own code cannot even be executed in this version: nothing is loaded.
        "prepare": Outcome.LOAD_ERROR,
        "load": Outcome.LOAD_ERROR,
        "call": Outcome.UNUSABLE,
        "train": Outcome.UNUSABLE,
    }
)
"""The outcome of an exception, by the stage at which it was raised."""

_WRITER: Mapping[str, str] = MappingProxyType(
    {
        "crashed": "the writer crashed",
        "timed_out": "the writer did not finish in time",
        "out_of_memory": "the writer ran out of memory",
        "raised": "the writer raised",
    }
)
"""Why nothing was written, by the status of the save."""

_AGREES = "agrees"


def classify_cell(known: Known) -> CellResult:
    """Return the outcome of a cell."""
    if known.observation is not None:
        return _classify_load(known, known.observation)
    if known.absence is Absence.UNDECLARED and known.artifact is not None:
        return _undeclared(known, known.artifact)
    if known.absence is Absence.WRITER_FAILED and known.artifact is not None:
        return _classify_failed_save(known, known.artifact.observation)
    if known.absence is Absence.HOP_FAILED and known.made is not None and known.made.failed:
        return _classify_failed_hop(known, known.made.failed)
    return _absent(known, known.absence or Absence.NOT_MEASURED)


def classify_save(observation: Observation) -> Outcome | None:
    """Return the outcome of the cells that would read an artifact; None if it was written."""
    if find_fault(observation):
        return Outcome.HARNESS_ERROR
    if observation.status == "done":
        return None
    ours = observation.status == "harness_error"
    return Outcome.HARNESS_ERROR if ours else Outcome.SAVE_ERROR


def find_fault(observation: Observation, asked: frozenset[Aspect] | None = None) -> str:
    """Say in which way an observation is not what a probe says; empty if it is.

    `asked` are the aspects of a load; None for a save, which compares nothing.
    """
    try:
        check_observation("save" if asked is None else "load", observation.data)
    except ValueError as error:
        return f"the observation makes no sense: {str(error)[:200]}"
    if asked is None:
        return ""
    if observation.status == "raised" and observation.stage not in _RAISED:
        return f"a load that raised at the stage {observation.stage!r} makes no sense"
    if observation.status != "done" or observation.aspects.keys() == asked:
        return ""
    return _find_unasked(observation.aspects, asked)


def _find_unasked(aspects: Mapping[str, Any], asked: frozenset[Aspect]) -> str:
    absent = [aspect for aspect in Aspect if aspect in asked and aspect not in aspects]
    if absent:
        return f"finished without comparing what was asked for: {', '.join(absent)}"
    odd = sorted(name for name in aspects if name not in asked)
    return f"finished with aspects that were not asked for: {', '.join(odd)}"


def largest_difference(observation: Observation) -> float | None:
    """Return the largest absolute difference over the aspects compared; None if none was."""
    found = (result.get("max_abs_diff") for result in observation.aspects.values())
    numbers = (float(number) for number in found if number is not None)
    return max((number for number in numbers if not math.isnan(number)), default=None)


def _classify_load(known: Known, seen: Observation) -> CellResult:
    fault = find_fault(seen, known.asked)
    if fault:
        return _faulty(known, fault)
    if seen.status in _ENDED:
        return _result(known, _ENDED[seen.status], reason=seen.message)
    if seen.status == "raised":
        if not known.reads:
            return _result(
                known, Outcome.UNSUPPORTED, reason="this version does not read the format"
            )
        return _result(known, _RAISED[seen.stage])
    return _classify_comparison(known, seen.aspects)


def _classify_comparison(known: Known, compared: Mapping[str, Mapping[str, Any]]) -> CellResult:
    differing = tuple(
        aspect for aspect in Aspect if aspect in compared and compared[aspect]["status"] != _AGREES
    )
    if differing:
        return _result(known, Outcome.DIVERGED, aspects=differing)
    damage = known.artifact.damage if known.artifact else ""
    if known.made is not None and known.made.hops:
        return _result(
            known, Outcome.EQUIVALENT, reason=describe_hops(known.made.steps, known.cell.reader)
        )
    if damage:
        reason = f"loads all the same, as the damage missed what is compared: {damage}"
        return _result(known, Outcome.EQUIVALENT, reason=reason)
    return _result(known, Outcome.EQUIVALENT)


def _result(
    known: Known, outcome: Outcome, *, aspects: tuple[Aspect, ...] = (), reason: str = ""
) -> CellResult:
    return CellResult(
        cell=known.cell,
        outcome=outcome,
        aspects=aspects,
        steps=known.made.steps if known.made else (),
        hops=known.made.hops if known.made else False,
        reason=reason,
        observation=known.observation,
        artifact_sha256=known.artifact.sha256 if known.artifact else "",
        measured_at=known.measured_at,
        depends=known.depends,
        frozen=known.artifact.frozen if known.artifact else "",
    )


def _faulty(known: Known, fault: str) -> CellResult:
    """The result of a cell whose observation cannot be read; it is published without it."""
    return CellResult(
        cell=known.cell,
        outcome=Outcome.HARNESS_ERROR,
        reason=fault,
        observation=Observation(data={"status": "harness_error", "message": fault}),
        artifact_sha256=known.artifact.sha256 if known.artifact else "",
        measured_at=known.measured_at,
        depends=known.depends,
        frozen=known.artifact.frozen if known.artifact else "",
    )


def _classify_failed_save(known: Known, seen: Observation) -> CellResult:
    fault = find_fault(seen)
    if fault:
        return _faulty(known, fault)
    if seen.status == "harness_error":
        return CellResult(
            cell=known.cell,
            outcome=Outcome.HARNESS_ERROR,
            reason=seen.message,
            observation=seen,
        )
    return CellResult(
        cell=known.cell,
        outcome=Outcome.SAVE_ERROR,
        reason=_WRITER.get(seen.status, "the writer wrote nothing"),
        observation=seen,
        measured_at=known.artifact.measured_at if known.artifact else "",
        depends=known.depends,
        frozen=known.artifact.frozen if known.artifact else "",
    )


def _classify_failed_hop(known: Known, seen: Observation) -> CellResult:
    """The result of a cell for which the file between could not be made."""
    fault = find_fault(seen)
    if fault:
        return _faulty(known, fault)
    steps = known.made.steps if known.made else ()
    return CellResult(
        cell=known.cell,
        outcome=Outcome.SAVE_ERROR,
        steps=steps,
        hops=True,
        reason=f"not loaded: {steps[-1]} did not save the file between",
        observation=seen,
        artifact_sha256=known.artifact.sha256 if known.artifact else "",
        measured_at=known.measured_at,
        depends=known.depends,
        frozen=known.artifact.frozen if known.artifact else "",
    )


def _undeclared(known: Known, artifact: Artifact) -> CellResult:
    fault = find_fault(artifact.observation)
    if fault:
        return _faulty(known, fault)
    if artifact.written == FORMAT_FACTS[known.cell.format].written:
        reason = "declared unsupported, yet the writer wrote it: the declaration is wrong"
    elif artifact.observation.status == "done":
        reason = f"the writer wrote {artifact.written} under this format's name"
    else:
        reason = "the writer does not have this format"
    return CellResult(
        cell=known.cell,
        outcome=Outcome.UNSUPPORTED,
        reason=reason,
        observation=artifact.observation,
        measured_at=artifact.measured_at,
        depends=known.depends,
        frozen=artifact.frozen,
    )


def _absent(known: Known, absence: Absence) -> CellResult:
    match absence:
        case Absence.ENVIRONMENT:
            outcome, reason = Outcome.ENVIRONMENT_UNAVAILABLE, known.reason
        case Absence.HARNESS:
            fault = find_fault(known.error) if known.error else "nothing is known of the fault"
            if fault:
                return _faulty(known, fault)
            outcome = Outcome.HARNESS_ERROR
            reason = known.error.message if known.error else ""
        case Absence.SIBLING_MISSING:
            outcome, reason = Outcome.SAVE_ERROR, "the writer could not write the other format"
        case Absence.NOT_SAVED | Absence.NOT_MADE | Absence.NOT_MEASURED:
            outcome, reason = Outcome.NOT_RUN, "not measured yet"
        case Absence.UNDECLARED | Absence.WRITER_FAILED | Absence.HOP_FAILED:
            outcome, reason = Outcome.HARNESS_ERROR, "nothing is known of the save"
        case _:
            assert_never(absence)
    return CellResult(
        cell=known.cell,
        outcome=outcome,
        reason=reason,
        observation=known.error,
        artifact_sha256=known.artifact.sha256 if known.artifact else "",
        measured_at=known.measured_at,
        depends=known.depends,
        frozen=known.artifact.frozen if known.artifact else "",
    )
