"""The completeness of a run, for the gate: artifacts, witnesses and controls. Pure.

Input: the results, the scenarios, the controls and the environments that were built. Output: a
sentence for each thing that is missing and that nothing declares. An artifact is missing with a
declared reason where the writer does not have the format (environments.toml), or where saving
failed for a cause that causes.toml explains, or as an expectation or acceptance says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from runner.domain import (
    UNCLASSIFIED,
    CellResult,
    ControlResult,
    Outcome,
    Save,
    Scenario,
    Verdict,
)
from runner.domain.gate import Held
from runner.domain.known import save_of


def find_incomplete(
    *,
    results: Iterable[CellResult],
    held: Held,
    scenarios: Mapping[str, Scenario],
    controls: Iterable[ControlResult],
    built: Collection[str],
    unfrozen: Iterable[str] = (),
) -> list[str]:
    """Return what is missing; a run without any is complete.

    `unfrozen` names the writers, or saves, that no pack had though it was asked for.
    """
    results = list(results)
    names = dict.fromkeys(each.cell.scenario for each in results)
    return [
        *_missing_artifacts(results, held),
        *_missing_witnesses(names, scenarios),
        *_missing_controls(controls, built),
        *(f"{name}: no pack has it, and with --frozen nothing writes it" for name in unfrozen),
    ]


def _missing_artifacts(results: Iterable[CellResult], held: Held) -> Iterator[str]:
    """Name the artifacts that were not written for no declared reason."""
    accepted = {
        save_of(each.cell) for each in held.of(Verdict.KNOWN_FAILURE, Verdict.EXPECTED) if each.link
    }
    unwritten: dict[Save, CellResult] = {}
    for each in results:
        if each.outcome is Outcome.SAVE_ERROR:
            unwritten.setdefault(save_of(each.cell), each)
    for save, each in unwritten.items():
        if each.cause in {"", UNCLASSIFIED} and save not in accepted:
            yield (
                f"{save.writer} wrote no {save.format} of {save.scenario}, and nothing declares "
                f"why: {each.reason}"
            )


def _missing_witnesses(names: Iterable[str], scenarios: Mapping[str, Scenario]) -> Iterator[str]:
    for name in names:
        scenario = scenarios.get(name)
        if scenario is None or not (scenario.witness or scenario.damage):
            yield f"{name} declares no witness: nothing proves that its artifacts are about it"


def _missing_controls(controls: Iterable[ControlResult], built: Collection[str]) -> Iterator[str]:
    kinds: dict[str, set[str]] = {}
    for each in controls:
        kind, _, cell = each.id.partition(" ")
        ends = cell.split("/")[2:3]
        for name in ends[0].split("->") if ends else ():
            kinds.setdefault(name, set()).add(kind)
    for name in built:
        if "readback" not in kinds.get(name, set()):
            yield f"{name} has no control: nothing proves that it reads back its own file"
