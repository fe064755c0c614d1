"""The witnesses of scenarios, held against a description.

Input: a `Description` and `Witness`es (runner/domain/witness.py). Output: whether each holds; None
where a file of its kind cannot show it, as weights alone show no class. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from runner.domain import Format, Scenario, Witness
from runner.domain.errors import MatrixError
from runner.domain.selector import matches_any
from runner.inspect.description import Description, Item
from runner.inspect.reading import describe_here

OF_OBJECTS = ("class_", "role", "name", "registered", "inside", "under", "key", "value", "custom")
"""Fields that are asked of one object of the configuration."""
WITHOUT = frozenset({"weights", "legacy weights", "Keras 1 weights", "other", "nothing", ""})
"""Layouts that show no objects."""
PAYLOAD = "payload"


def matching_scenarios(
    description: Description, scenarios: Mapping[str, Scenario]
) -> tuple[str, ...]:
    """Return the ids of the scenarios whose whole witness holds."""
    return tuple(
        name
        for name, scenario in scenarios.items()
        if scenario.witness and all(evaluate(each, description) for each in scenario.witness)
    )


def check_witness(folder: Path, scenario: Scenario) -> str | None:
    """Return why an artifact lacks its witness; None where it has it, or none is declared.

    `folder` is the artifact's, with `manifest.json` and `payload`. Reads in this process: an
    artifact is of this machine's making, and every reader keeps to its budget.
    """
    if not scenario.witness:
        return None
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        paths = _models(folder / PAYLOAD)
    except (OSError, ValueError):
        # It is no whole artifact, which the store says in its own words.
        return None
    format_ = Format(manifest["format"])
    asked = [each for each in scenario.witness if not each.formats or format_ in each.formats]
    if not asked:
        return None
    try:
        descriptions = [describe_here(path) for path in paths]
    except MatrixError as error:
        return f"the artifact of {scenario.id} cannot be read: {error.message}"
    for each in asked:
        answers = [evaluate(each, description) for description in descriptions]
        if not any(answer is not False for answer in answers):
            return f"the artifact lacks the witness of {scenario.id}: {shown(each)}"
    return None


def _models(payload: Path) -> list[Path]:
    """Return the parts of a payload: a file or folder, or an architecture and its weights."""
    return sorted(payload.iterdir())


def shown(witness: Witness) -> str:
    """Return a condition in words: its fields, as catalog.toml has them."""
    told = msgspec.to_builtins(witness)
    default = msgspec.to_builtins(Witness())
    parts = [
        f"{key}={value}"
        for key, value in told.items()
        if value != default[key] and key not in {"formats", "any"}
    ]
    if witness.any:
        parts.append("any of " + " | ".join(shown(each) for each in witness.any))
    return ", ".join(parts)


def evaluate(witness: Witness, description: Description) -> bool | None:
    """Return whether a condition holds; None where the file cannot show it."""
    if witness.any:
        answers = [evaluate(each, description) for each in witness.any]
        found = True if True in answers else None if None in answers else False
    else:
        found = _holds(witness, description)
    if found is None:
        return None
    return found is not witness.absent


def _holds(witness: Witness, description: Description) -> bool | None:
    if not all(_of_file(witness, description)):
        return False
    objects = any(getattr(witness, name) is not None for name in OF_OBJECTS)
    if not (objects or witness.only or witness.model or witness.bytecode is not None):
        return True
    if witness.under != "operation" and not any(
        item.key != "operation" for item in description.items
    ):
        return None
    if not all(_of_model(witness, description)):
        return False
    return not objects or (
        sum(_of_object(witness, item) for item in description.items) >= witness.count
    )


def _of_model(witness: Witness, description: Description) -> Iterator[bool]:
    if witness.model is not None:
        yield _match(witness.model, (description.model,))
    if witness.only is not None:
        yield all(matches_any(each.class_name, (witness.only,)) for each in description.layers)
    if witness.bytecode is not None:
        yield any(each.bytecode for each in description.functions) is witness.bytecode


def _of_file(witness: Witness, description: Description) -> Iterator[bool]:
    asked: tuple[tuple[str | None, Iterable[str]], ...] = (
        (witness.container, (description.container,)),
        (witness.layout, (description.layout,)),
        (witness.writer, [f"{each.about}={each.value}" for each in description.writer]),
        (witness.damage, description.damage),
        (witness.danger, description.dangers),
        (witness.note, [each.about for each in description.notes]),
        (witness.held, [f"{each.about}={each.value}" for each in description.held]),
        (witness.dtype, [each.dtype for each in description.tensors]),
    )
    return (_match(glob, texts) for glob, texts in asked if glob is not None)


def _match(glob: str, texts: Iterable[str]) -> bool:
    return any(matches_any(text, (glob,)) for text in texts)


def _of_object(witness: Witness, item: Item) -> bool:
    if item.key == "operation" and witness.under != "operation":
        return False
    if witness.custom is not None and item.custom is not witness.custom:
        return False
    asked: tuple[tuple[str | None, Iterable[str]], ...] = (
        (witness.class_, (item.class_name, item.class_name.rpartition(">")[2])),
        (witness.role, (item.role,)),
        (witness.name, (item.name,)),
        (witness.registered, (item.registered_name, item.class_name, item.name)),
        (witness.inside, item.inside),
        (witness.under, (item.key,)),
    )
    if not all(_match(glob, texts) for glob, texts in asked if glob is not None):
        return False
    if witness.key is None and witness.value is None:
        return True
    return any(
        _match(witness.key or "*", (key,))
        and (witness.value is None or _match(witness.value, (_as_text(value),)))
        for key, value in item.config.items()
    )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
