"""The controls of a run: cells whose right answer is known beforehand. Pure.

Input: the classified cells and saves of the planned controls. Output: one `ControlResult`
each. A control that fails means that nothing else the matrix says can be trusted. What was
not tried (an environment that could not be built, a run that only reports) is no control.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.domain import (
    BARE,
    FACTS,
    FORMAT_FACTS,
    TAMPERED,
    Artifact,
    CellResult,
    ControlResult,
    Outcome,
    Save,
)
from runner.domain.frozen import FrozenWriter
from runner.judge.outcome import classify_save


def check_readback(result: CellResult) -> ControlResult | None:
    """Hold an environment's load of its own file: it must be `equivalent`."""
    if not FACTS[result.outcome].tried:
        return None
    passed = result.outcome is Outcome.EQUIVALENT
    detail = f"an environment must read back its own file: {_told(result, passed=passed)}"
    return ControlResult(id=f"readback {result.cell.id}", passed=passed, detail=detail)


def check_damaged(result: CellResult) -> ControlResult | None:
    """Hold the load of a file cut in half: the reader must really have run and not like it.

    Where the reader does not have the format there is nothing to be caught, and it is said.
    """
    facts = FACTS[result.outcome]
    if not facts.tried:
        return None
    unsupported = result.outcome is Outcome.UNSUPPORTED
    passed = unsupported or (facts.measured and result.outcome is not Outcome.EQUIVALENT)
    detail = f"a file cut in half must be caught: {_told(result, passed=passed)}"
    if unsupported:
        detail += ", so the control does not apply"
    elif not facts.measured:
        detail += ", so no reader was given the file"
    return ControlResult(id=f"readback {result.cell.id}", passed=passed, detail=detail)


def check_frozen(writers: Iterable[FrozenWriter], scenario: str) -> list[ControlResult]:
    """Hold what frozen writers made of their own control files when they wrote them."""
    return [
        ControlResult(
            id=f"readback {scenario}/{each.format}/{writer.id}->{writer.id}/{BARE}",
            passed=each.readback is Outcome.EQUIVALENT,
            detail=f"when it was frozen, on {each.at[:10]}, the writer read its own file: "
            f"{each.readback}",
        )
        for writer in writers
        for each in writer.saves
        if each.scenario == scenario and each.readback is not None
    ]


def _told(result: CellResult, *, passed: bool) -> str:
    told = str(result.outcome)
    if not passed and result.observation is not None:
        told += f" ({result.observation.exception} {result.observation.message[:200]})".rstrip()
    return told


def check_comparison(result: CellResult) -> ControlResult | None:
    """Hold the load against a falsified oracle: exactly the falsified aspects must differ."""
    if not FACTS[result.outcome].tried:
        return None
    found = set(result.aspects)
    passed = result.outcome is Outcome.DIVERGED and found == set(TAMPERED)
    detail = f"falsified {_names(TAMPERED)}, the comparison found {_names(found)}"
    if result.outcome not in {Outcome.DIVERGED, Outcome.EQUIVALENT}:
        detail += f": {result.outcome} {result.reason[:200]}".rstrip()
    return ControlResult(id=f"comparison {result.cell.id}", passed=passed, detail=detail)


def _names(aspects: Iterable[str]) -> list[str]:
    return sorted(str(aspect) for aspect in aspects)


def check_declared_write(
    save: Save, artifact: Artifact | None, *, declared: bool
) -> ControlResult | None:
    """Hold the file really written against the format that the environment is declared to write."""
    if artifact is None or classify_save(artifact.observation) is Outcome.HARNESS_ERROR:
        return None
    really = artifact.written == FORMAT_FACTS[save.format].written
    detail = (
        f"declared {'supported' if declared else 'unsupported'}, the writer wrote "
        f"{artifact.written}"
    )
    return ControlResult(id=f"writes {save.id}", passed=declared == really, detail=detail)


def check_undeclared_read(result: CellResult) -> ControlResult | None:
    """Hold the bare load of a format its reader is declared not to read: never `equivalent`."""
    if not FACTS[result.outcome].tried:
        return None
    return ControlResult(
        id=f"reads {result.cell.id}",
        passed=result.outcome not in {Outcome.EQUIVALENT, Outcome.HARNESS_ERROR},
        detail=f"declared unsupported, the load was {result.outcome}",
    )


def check_all(
    *,
    readbacks: Iterable[CellResult],
    damaged: Iterable[CellResult],
    tampered: Iterable[CellResult],
    saves: Iterable[tuple[Save, Artifact | None, bool]],
    undeclared_reads: Iterable[CellResult],
) -> list[ControlResult]:
    """Return every control of the run, in a stable order.

    `saves` are given with what is known of them and whether they are declared.
    """
    found: list[ControlResult | None] = [check_readback(result) for result in readbacks]
    found += [check_damaged(result) for result in damaged]
    found += [check_comparison(result) for result in tampered]
    found += [check_declared_write(save, it, declared=declared) for save, it, declared in saves]
    found += [check_undeclared_read(result) for result in undeclared_reads]
    return [control for control in found if control is not None]
