"""Stage 6: a raw observation -> an outcome. Pure; the observation is never rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from runner.domain import Aspect, Observation, Outcome
from runner.domain.errors import ConfigurationError

_T = TypeVar("_T")

_BY_STATUS: Mapping[str, Outcome] = MappingProxyType(
    {
        "crashed": Outcome.CRASHED,
        "timed_out": Outcome.TIMED_OUT,
        "out_of_memory": Outcome.OUT_OF_MEMORY,
        "harness_error": Outcome.HARNESS_ERROR,
    }
)

_BY_STAGE: Mapping[str, Outcome] = MappingProxyType(
    {
        # The user's own code cannot even be executed in this version: nothing is loaded.
        "prepare": Outcome.LOAD_ERROR,
        "load": Outcome.LOAD_ERROR,
        "call": Outcome.UNUSABLE,
        "train": Outcome.UNUSABLE,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Classified:
    """An outcome, with the aspects that differ and a sentence where one is needed."""

    outcome: Outcome
    aspects: tuple[Aspect, ...] = ()
    reason: str = ""


def classify_load(observation: Observation, *, supported: bool, damage: str = "") -> Classified:
    """Return what happened in a cell whose reader ran.

    `supported` is whether the reader is declared to read the format: a bare load that
    fails where it is not is `unsupported`, and one that succeeds is what a control
    catches. `damage` says what was done to the file, for files that load all the same.

    Raises:
        ConfigurationError: the observation has a status or stage unknown to this version.
    """
    if observation.status in _BY_STATUS:
        return Classified(outcome=_BY_STATUS[observation.status], reason=observation.message)
    if observation.status == "raised":
        outcome = _known(_BY_STAGE, observation.stage, "stage")
        if not supported:
            return Classified(
                outcome=Outcome.UNSUPPORTED, reason="this version does not read the format"
            )
        return Classified(outcome=outcome)
    if observation.status != "done":
        raise _unknown("status", observation.status)
    return _classify_comparison(observation, damage)


def _classify_comparison(observation: Observation, damage: str) -> Classified:
    differing = tuple(
        aspect
        for aspect in Aspect
        if observation.aspects.get(aspect, {"status": "agrees"})["status"] != "agrees"
    )
    if differing:
        return Classified(outcome=Outcome.DIVERGED, aspects=differing)
    if damage:
        reason = f"loads all the same, as the damage missed what is compared: {damage}"
        return Classified(outcome=Outcome.EQUIVALENT, reason=reason)
    return Classified(outcome=Outcome.EQUIVALENT)


def classify_save(observation: Observation) -> Classified | None:
    """Return the outcome of every cell that would read an artifact that was not written.

    None if it was written.
    """
    if observation.status == "done":
        return None
    if observation.status == "harness_error":
        return Classified(outcome=Outcome.HARNESS_ERROR, reason=observation.message)
    reason = {
        "crashed": "the writer crashed",
        "timed_out": "the writer did not finish in time",
        "out_of_memory": "the writer ran out of memory",
        "raised": "the writer raised",
    }
    return Classified(
        outcome=Outcome.SAVE_ERROR, reason=_known(reason, observation.status, "status")
    )


def largest_difference(observation: Observation) -> float | None:
    """Return the largest absolute difference over the aspects compared; None if none was."""
    numbers = [result.get("max_abs_diff") for result in observation.aspects.values()]
    return max((float(number) for number in numbers if number is not None), default=None)


def _known(table: Mapping[str, _T], key: str, what: str) -> _T:
    if key not in table:
        raise _unknown(what, key)
    return table[key]


def _unknown(what: str, value: str) -> ConfigurationError:
    return ConfigurationError(
        f"an observation has the unknown {what} {value!r}",
        cause="it was written by another version of the probe",
        next_step="run the cell again with --force",
    )
