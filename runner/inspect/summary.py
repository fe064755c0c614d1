"""The summary of findings as a frozen `Description`: counts, missing parts, inferences.

Input: `Findings`. Output: a `Description` without environments and scenarios, which the host adds
from its declarations. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.inspect.description import (
    Basis,
    ClassCount,
    Container,
    Description,
    Item,
    Role,
    Statement,
)
from runner.inspect.findings import Findings, count_tensors
from runner.inspect.names import KERAS1, class_origin, function_origin

VOCABULARY = frozenset(["StringLookup", "IntegerLookup", "TextVectorization"])
LISTED = frozenset({Role.LAYER, Role.MODEL})
ROLE_WORDS = {Role.OTHER: "object", Role.MODEL: "model"}


def describe_findings(path: Path, found: Findings) -> Description:
    """Return the description of the findings."""
    items = [*found.items, *found.trained]
    model = next((item for item in items if item.role is Role.MODEL), None)
    for function in found.functions:
        if function.bytecode:
            found.danger(f"Python bytecode in `{function.where}`: loading it executes it")
    return Description(
        path=str(path).encode("utf-8", "replace").decode("utf-8"),
        container=found.container,
        title=found.title,
        layout=found.layout,
        size=found.size,
        damage=tuple(found.damage),
        dangers=tuple(found.dangers),
        unread=tuple(found.unread),
        writer=(*found.writer, *_infer_writer(found)),
        model=_model_class(model, found),
        layers=tuple(_count_layers(items)),
        custom=tuple(_custom(items)),
        functions=tuple(found.functions),
        compiled=tuple(found.compiled),
        inputs=tuple(found.inputs),
        outputs=tuple(found.outputs),
        tensors=count_tensors(found.weights),
        state=count_tensors(found.slots),
        nested=tuple(dict.fromkeys(_nested(items))),
        held=tuple(_held(found, items)),
        notes=tuple(found.notes),
        items=tuple(items),
    )


def _model_class(model: Item | None, found: Findings) -> str:
    del found
    return model.class_name if model else ""


def _count_layers(items: Sequence[Item]) -> Iterator[ClassCount]:
    counts: Counter[tuple[str, bool, str]] = Counter()
    for item in items:
        if item.role is Role.LAYER:
            custom, source = class_origin(item.class_name, item.module, item.registered_name)
            counts[item.class_name, custom, source] += 1
    for (name, custom, source), count in sorted(
        counts.items(), key=lambda pair: (-pair[1], pair[0])
    ):
        yield ClassCount(class_name=name, count=count, custom=custom, source=source)


def _custom(items: Sequence[Item]) -> Iterator[Statement]:
    seen = set()
    for item in items:
        if item.key == "operation":
            continue
        registered = item.registered_name if ">" in item.registered_name else ""
        if item.class_name == "function":
            name = registered or item.name
            custom, source = function_origin(name, item.module)
        else:
            name = registered or item.class_name
            custom, source = (
                item.custom,
                class_origin(item.class_name, item.module, item.registered_name)[1],
            )
        about = ROLE_WORDS.get(item.role, str(item.role))
        if custom and name and (about, name) not in seen:
            seen.add((about, name))
            yield Statement(about=about, value=name, basis=Basis.INFERRED, source=source)


def _nested(items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        if item.class_name in {"Sequential", "Functional", "Model"} and item.inside:
            yield f"{item.class_name} `{item.name}`"[:120]


def _held(found: Findings, items: Sequence[Item]) -> Iterator[Statement]:
    """Yield the parts the file holds and those it lacks, where a file of its kind could."""
    if found.container in {
        Container.UNKNOWN,
        Container.EMPTY,
        Container.HTML,
        Container.PICKLE,
        Container.LFS_POINTER,
        Container.FOLDER,
        Container.OTHER,
    }:
        return
    if not (found.items or found.weights or found.layout):
        return
    source = "what was found in it"
    if found.layout not in {"weights", "legacy weights", "Keras 1 weights"}:
        yield _yes_no("architecture", found.architecture or found.items, source)
    else:
        yield _yes_no("architecture", None, "a file of weights")
    yield _yes_no("weights", found.weights, source)
    yield _yes_no("training configuration", found.compiled, source)
    yield _yes_no("optimizer state", found.slots, source)
    yield from _held_of_layers(found, items)


def _held_of_layers(found: Findings, items: Sequence[Item]) -> Iterator[Statement]:
    layers = [item for item in items if item.role in LISTED]
    flags = [item for item in layers if "trainable" in item.config or "trainable" in item.keys]
    frozen = [item for item in flags if item.config.get("trainable") is False]
    if layers:
        said = f"{len(frozen)} of them false" if frozen else "all true"
        yield Statement(
            about="trainable flags",
            value=f"of {len(flags)} layers, {said}" if flags else "no",
            basis=Basis.READ,
            source="key `trainable` of the layers",
        )
    lookups = [item for item in items if item.class_name in VOCABULARY]
    if lookups:
        written = any(item.config.get("vocabulary") for item in lookups)
        place = "key `vocabulary` of the layer" if written else found.vocabulary
        yield Statement(
            about="words of the vocabulary",
            value="yes" if place else "no",
            basis=Basis.READ if place else Basis.INFERRED,
            source=place or f"{lookups[0].class_name} in the configuration, and no words anywhere",
        )


def _yes_no(about: str, yes: object, source: str) -> Statement:
    return Statement(about=about, value="yes" if yes else "no", basis=Basis.READ, source=source)


# The writer, where the file does not name it


def _infer_writer(found: Findings) -> Iterator[Statement]:
    if not found.items or found.told("keras_version") or found.told("tensorflow_version"):
        return
    for sign, value in _signs(found):
        yield Statement(about="generation", value=value, basis=Basis.INFERRED, source=sign)


def _signs(found: Findings) -> Iterator[tuple[str, str]]:
    """Yield the signs that only some generations write: (sign, generation)."""
    layers = [item for item in found.items if item.role in LISTED]
    keys = {key for item in layers for key in item.config}
    names = {item.class_name for item in layers}
    if names & KERAS1 or keys & {"nb_filter", "border_mode", "output_dim"} - {"units"}:
        old = sorted(names & KERAS1) or sorted(keys & {"nb_filter", "border_mode", "output_dim"})
        if not keys & {"units", "filters", "batch_shape"}:
            yield f"`{old[0]}`", "Keras 1"
    if "batch_shape" in keys:
        yield "key `batch_shape` of the input", "Keras 3"
    if "batch_input_shape" in keys and "batch_shape" not in keys:
        yield "key `batch_input_shape`", "Keras 1 or 2"
    if "time_major" in keys:
        yield "key `time_major`", "Keras 2"
    if any(item.class_name == "DTypePolicy" for item in found.items):
        yield "the policy as an object, `DTypePolicy`", "Keras 3"
    if any("registered_name" in item.keys for item in layers) and "batch_shape" not in keys:
        yield "keys `module` and `registered_name`", "Keras 2.12 or newer"
    if _has_list(found.architecture):
        yield "a Sequential whose layers are a list", "Keras 2.2.2 or older"
    if any(
        item.role is Role.INITIALIZER and "dtype" in item.config and not item.module
        for item in found.items
    ):
        yield "initializers with a `dtype`", "tf.keras of TensorFlow 1, or 2.0 to 2.2"


def _has_list(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.get("class_name") == "Sequential"
        and isinstance(value.get("config"), list)
    )
