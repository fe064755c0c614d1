"""What a probe reported of an attempt -> outcome, compared aspects, saved files. Pure.

A report comes out of a sandbox: it is checked, and what does not fit is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.migrate.chain import Way
from runner.migrate.manifest import Compared
from runner.migrate.search import DIVERGED, OUTPUTS, SAME, Saved
from runner.userfile.workbench import Observed

LONGEST = 600
LOSSES = {
    "mse": "meansquarederror",
    "mae": "meanabsoluteerror",
    "mape": "meanabsolutepercentageerror",
    "msle": "meansquaredlogarithmicerror",
    "kld": "kullbackleiblerdivergence",
    "kldivergence": "kullbackleiblerdivergence",
}
"""Short name of a loss -> its long one."""
CLOSE = 1e-6


def read_compared(report: Mapping[str, Any]) -> tuple[Compared, ...]:
    """Return the aspects that were held against the reference."""
    found = []
    told = report.get("compared")
    for aspect, result in sorted(told.items()) if isinstance(told, dict) else ():
        if isinstance(result, dict):
            number = result.get("max_abs_diff")
            found.append(
                Compared(
                    aspect=str(aspect)[:40],
                    status=str(result.get("status"))[:40],
                    largest_difference=float(number) if isinstance(number, int | float) else None,
                    detail=str(result.get("detail", ""))[:LONGEST],
                )
            )
    return tuple(found)


def read_outcome(observed: Observed, compared: Sequence[Compared]) -> tuple[str, str]:
    """Return the outcome of an attempt and the reason for it, in words."""
    if observed.code_refused:
        return "code_refused", "the file holds Python bytecode; --allow-code lets it run"
    if not observed.done:
        return _failed(observed)
    outputs = next((each for each in compared if each.aspect == OUTPUTS), None)
    if outputs is not None and outputs.status != "agrees":
        return DIVERGED, f"its outputs differ: {outputs.detail}"
    return SAME, ""


def _failed(observed: Observed) -> tuple[str, str]:
    name = observed.exception.rpartition(".")[2]
    said = " ".join(f"{name}: {observed.message}".split()) if name else observed.message
    if observed.status != "raised":
        return observed.status, said[:LONGEST]
    outcomes = {"call": "unusable", "train": "unusable", "save": "not_saved_alone"}
    return outcomes.get(observed.stage, "load_error"), said[:LONGEST]


def read_saved(
    report: Mapping[str, Any], file: Saved, environment: str, way: Way
) -> tuple[Saved, ...]:
    """Return the files that an attempt saved, in the order in which they were asked for."""
    told = report.get("saved")
    found = []
    for kind, each in told.items() if isinstance(told, dict) else ():
        if isinstance(each, dict) and each.get("file") and not each.get("error"):
            name = f"{file.name}-{environment}-{way.id}-{kind}"
            found.append(Saved(name=name, kind=str(kind), by=environment, hops=file.hops + 1))
    return tuple(found)


def compare_compiled(before: Any, after: Any) -> Compared:
    """Hold the compile state of the new file against that of the reference."""
    if not isinstance(before, dict) or not before.get("compiled"):
        return Compared(aspect="compile", status="agrees", detail="the reference is not compiled")
    if not isinstance(after, dict) or not after.get("compiled"):
        return Compared(aspect="compile", status="missing", detail="the new file is not compiled")
    differences = [
        f"{name}: {before.get(name)} became {after.get(name)}"
        for name, normal in (("optimizer", _optimizer), ("loss", _loss))
        if normal(before.get(name)) != normal(after.get(name))
    ]
    first, second = before.get("hyperparameters") or {}, after.get("hyperparameters") or {}
    differences += [
        f"{name}: {first[name]} became {second[name]}"
        for name in sorted(set(first) & set(second))
        if not _close(first[name], second[name])
    ]
    return Compared(
        aspect="compile",
        status="differs" if differences else "agrees",
        detail="; ".join(differences)[:LONGEST],
    )


def _optimizer(name: Any) -> str:
    return str(name).rpartition(">")[2].lower()


def _loss(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _loss(each) for key, each in told.items()}
    if isinstance(told, list):
        inner = [_loss(each) for each in told]
        return inner[0] if len(inner) == 1 else inner
    plain = "".join(each for each in str(told).lower() if each.isalnum())
    return LOSSES.get(plain, plain)


def _close(first: Any, second: Any) -> bool:
    numbers = (int, float)
    if isinstance(first, numbers) and isinstance(second, numbers):
        return abs(float(first) - float(second)) <= CLOSE * max(1.0, abs(float(first)))
    return bool(first == second)
