"""The architecture and the training configuration of a model, described into `Findings`.

Input: JSON text, or its parsed value, and where it stood. Output: into `Findings`: items,
functions, inputs, outputs, compile state, versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.inspect.config import NotKeras, is_object, parse, read_functions, read_items
from runner.inspect.description import Basis, Item, Role, Statement, TensorShape
from runner.inspect.findings import Findings
from runner.inspect.source import Damaged

INPUT_KEYS = ("batch_input_shape", "batch_shape")
UNITS = ("units", "filters", "output_dim", "nb_filter")
MOST_SHAPES = 64
TOKENIZER = "tokenizer of Keras' text preprocessing as JSON, no model"


def is_tokenizer(value: Any) -> bool:
    """Whether a parsed JSON is what `Tokenizer.to_json` writes: words, and no layer."""
    return is_object(value) and value["class_name"] == "Tokenizer"


def read_architecture(text: str, found: Findings, source: str) -> None:
    """Describe a whole architecture.

    Raises:
        Damaged: it is no JSON, or no object of Keras.
    """
    value = parse(text)
    if text.lstrip()[:1] == '"':
        found.note("wrapping", "the JSON stands inside a JSON string", source)
    if not is_object(value):
        raise NotKeras("JSON, and no object of Keras: it has no class_name")
    describe_architecture(value, found, source)


def describe_architecture(value: Mapping[str, Any], found: Findings, source: str) -> None:
    """Describe a parsed architecture; `source` says where it stood."""
    found.architecture = value
    for name in ("keras_version", "backend"):
        if not found.told(name) and isinstance(value.get(name), str):
            found.read(name, value[name], f"{source}, key `{name}`")
    model = {key: each for key, each in value.items() if key != "compile_config"}
    found.items += read_items(model)
    found.functions += read_functions(model)
    compiled = value.get("compile_config")
    if isinstance(compiled, dict) and compiled:
        describe_training(compiled, found, f"{source}, key `compile_config`")
    found.inputs += list(_inputs(value, source))[:MOST_SHAPES]
    found.outputs += list(_outputs(value, source))[:MOST_SHAPES]


def read_training(text: str, found: Findings, source: str) -> None:
    """Describe a training configuration.

    Raises:
        Damaged: it is no JSON object.
    """
    value = parse(text)
    if not isinstance(value, dict):
        raise Damaged("JSON, and no training configuration")
    describe_training(value, found, source)


def describe_training(value: Mapping[str, Any], found: Findings, source: str) -> None:
    """Describe a parsed training configuration."""
    optimizer = value.get("optimizer", value.get("optimizer_config"))
    for key, told in (
        ("optimizer", optimizer),
        ("loss", value.get("loss")),
        ("metrics", value.get("metrics")),
        ("weighted metrics", value.get("weighted_metrics")),
        ("loss weights", value.get("loss_weights")),
    ):
        if told not in (None, [], {}):
            words = ", ".join(dict.fromkeys(_named(told)))
            if words:
                found.compiled.append(
                    Statement(about=key, value=words[:400], basis=Basis.READ, source=source)
                )
    for key, role in (
        ("loss", Role.LOSS),
        ("metrics", Role.METRIC),
        ("weighted_metrics", Role.METRIC),
    ):
        found.trained += read_items(value.get(key), key=key, top=role)
        found.trained += [
            Item(role=role, class_name="function", name=name, key=key)
            for name in _texts(value.get(key))
        ]
    found.trained += read_items(optimizer, key="optimizer", top=Role.OPTIMIZER)


def _texts(told: Any, depth: int = 0) -> Iterator[str]:
    """Yield names that stand as plain texts."""
    if isinstance(told, str):
        yield told[:200]
    elif isinstance(told, list) and depth < 6:
        for each in told[:200]:
            yield from _texts(each, depth + 1)
    elif isinstance(told, dict) and not is_object(told) and depth < 6:
        for each in list(told.values())[:200]:
            yield from _texts(each, depth + 1)


def _named(told: Any, depth: int = 0) -> Iterator[str]:
    """Yield the names in a loss, a metric or an optimizer, however it is nested."""
    if isinstance(told, str | int | float) and not isinstance(told, bool):
        yield str(told)[:200]
    elif is_object(told):
        inner = told.get("config")
        if told["class_name"] == "function" and isinstance(inner, str):
            yield inner[:200]
        else:
            yield told["class_name"][:200] + _rate(inner)
    elif depth < 6 and isinstance(told, list | dict):
        for each in list(told.values() if isinstance(told, dict) else told)[:200]:
            yield from _named(each, depth + 1)


def _rate(config: Any) -> str:
    """Return an optimizer's learning rate in words, and the function that a loss wraps."""
    if not isinstance(config, dict):
        return ""
    rate = config.get("learning_rate", config.get("lr"))
    if isinstance(rate, int | float):
        return f" (learning rate {rate:.3g})"
    if isinstance(rate, dict) and is_object(rate):
        return f" (learning rate by {rate['class_name'][:80]})"
    wrapped = config.get("fn")
    return f" ({wrapped[:80]})" if isinstance(wrapped, str) else ""


def _layers(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the layers of a model, of whatever generation."""
    config = value.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    return [each for each in layers if is_object(each)] if isinstance(layers, list) else []


def _config(one: Mapping[str, Any]) -> Mapping[str, Any]:
    config = one.get("config")
    return config if isinstance(config, dict) else {}


def _inputs(value: Mapping[str, Any], source: str) -> Iterator[TensorShape]:
    layers = _layers(value)
    entries = [each for each in layers if each["class_name"] == "InputLayer"] or layers[:1]
    told = [each for each in (_input(one, source) for one in entries) if each]
    yield from told or _built(value, source)


def _input(one: Mapping[str, Any], source: str) -> TensorShape | None:
    """Return the shape that a first layer says; a model in the first place asks its own first."""
    while _layers(one) and not any(key in _config(one) for key in INPUT_KEYS):
        one = _layers(one)[0]
    config = _config(one)
    for key in INPUT_KEYS:
        shape = _shape(config.get(key))
        if shape is not None:
            return TensorShape(
                name=str(config.get("name", ""))[:100],
                shape=shape,
                dtype=_dtype(config.get("dtype")),
                basis=Basis.READ,
                source=f"{source}: `{key}` of {str(one['class_name'])[:60]}",
            )
    return None


def _built(value: Mapping[str, Any], source: str) -> Iterator[TensorShape]:
    config = _config(value)
    built = value.get("build_config")
    for place, told in (
        ("build_input_shape", config.get("build_input_shape")),
        ("build_config", built.get("input_shape") if isinstance(built, dict) else None),
    ):
        shape = _shape(told)
        if shape is not None:
            yield TensorShape(
                name="", shape=shape, dtype="", basis=Basis.READ, source=f"{source}: `{place}`"
            )
            return


def _outputs(value: Mapping[str, Any], source: str) -> Iterator[TensorShape]:
    layers = _layers(value)
    config = _config(value)
    named = config.get("output_layers")
    names = set(_texts(named)) if isinstance(named, list) else set()
    ends = [one for one in layers if _config(one).get("name", one.get("name")) in names]
    for one in ends or (layers[-1:] if not names else []):
        inner = one
        while _layers(inner):
            inner = _layers(inner)[-1]
        size = next((_config(inner).get(key) for key in UNITS if key in _config(inner)), None)
        yield TensorShape(
            name=str(_config(one).get("name", ""))[:100],
            shape=(None, size)
            if isinstance(size, int) and inner["class_name"] == "Dense"
            else None,
            dtype=_dtype(_config(inner).get("dtype")),
            basis=Basis.INFERRED,
            source=f"{source}: the last layer, {str(inner['class_name'])[:60]}",
        )


def _shape(told: Any) -> tuple[int | None, ...] | None:
    if isinstance(told, dict):
        told = told.get("items")
    if not isinstance(told, list) or len(told) > 32:
        return None
    if not all(each is None or (isinstance(each, int) and abs(each) < 2**62) for each in told):
        return None
    return tuple(told)


def _dtype(told: Any) -> str:
    if isinstance(told, str):
        return told[:40]
    if isinstance(told, dict):
        inner = told.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        return name[:40] if isinstance(name, str) else ""
    return ""
