"""The objects in Keras' JSON configuration, of every generation.

Input: the text of an architecture, or of a training configuration. Output: `Item`s in the order
of the text. Nothing is imported or called; the walk keeps a list, so that depth costs nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from runner.inspect.bytecode import decode, python_of
from runner.inspect.description import Function, Item, Role
from runner.inspect.names import class_origin, function_origin, is_marker
from runner.inspect.source import Damaged, TooMuch

LONE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""Half of a character: no text can hold it, and JSON can write it."""
MOST_ITEMS = 20_000
MOST_NODES = 2_000_000
LONGEST_TEXT = 200
"""Characters of a text that an item repeats."""
LONGEST_LIST = 32
"""Lists and tables inside one value that an item repeats, and elements of each."""
MOST_KEYS = 200
MODELS = frozenset(["Sequential", "Functional", "Model", "Graph"])
ROLES: Mapping[str, Role] = {
    "layers": Role.LAYER,
    "layer": Role.LAYER,
    "cell": Role.LAYER,
    "cells": Role.LAYER,
    "backward_layer": Role.LAYER,
    "forward_layer": Role.LAYER,
    "optimizer": Role.OPTIMIZER,
    "optimizer_config": Role.OPTIMIZER,
    "inner_optimizer": Role.OPTIMIZER,
    "loss": Role.LOSS,
    "loss_fn": Role.LOSS,
    "metrics": Role.METRIC,
    "weighted_metrics": Role.METRIC,
    "dtype": Role.POLICY,
    "function": Role.FUNCTION,
    "fn": Role.FUNCTION,
    "activation": Role.FUNCTION,
    "recurrent_activation": Role.FUNCTION,
    "inner_activation": Role.FUNCTION,
}
ENDINGS = (
    ("_initializer", Role.INITIALIZER),
    ("_regularizer", Role.REGULARIZER),
    ("_constraint", Role.CONSTRAINT),
)
NAMED = ("activation", "_regularizer", "_constraint", "_initializer")
"""Ends of keys whose text is the name of a function."""


class NotKeras(Damaged):
    """JSON that is whole, and no object of Keras."""


def parse(text: str) -> Any:
    """Return a JSON text's value; JSON inside a JSON string is taken out of it.

    Raises:
        Damaged: it is no JSON, or is nested deeper than any model.
    """
    try:
        value = json.loads(LONE.sub(r"\\ufffd", text))
        for _ in range(3):
            if not isinstance(value, str):
                break
            value = json.loads(LONE.sub(r"\\ufffd", value))
    except RecursionError as error:
        raise Damaged("JSON that is nested deeper than any model") from error
    except ValueError as error:
        raise Damaged(f"no JSON: {str(error)[:80]}") from error
    return value


def is_object(value: Any) -> bool:
    """Whether a value of a configuration is a serialized object."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str)


def read_items(value: Any, *, key: str = "", top: Role = Role.MODEL) -> list[Item]:
    """Return all objects of a configuration, outermost first.

    Raises:
        TooMuch: there are more than in any model.
    """
    found: list[Item] = []
    waiting: list[tuple[Any, str, tuple[str, ...], Role | None]] = [(value, key, (), top)]
    nodes = 0
    while waiting:
        one, place, inside, role = waiting.pop()
        nodes += 1
        if nodes > MOST_NODES or len(found) > MOST_ITEMS:
            raise TooMuch("more objects than any model has")
        if is_object(one) and not is_marker(one["class_name"]):
            item = _item(one, place, inside, role)
            found.append(item)
            name = (item.name or item.class_name)[:60]
            # Only the innermost names: a chain of nested objects must not cost its square.
            within = (*inside, name)[-12:]
            waiting += reversed(
                [(inner, at, within, None) for at, inner in _parts(one) if _holds(inner)]
            )
            found += _named_functions(one.get("config"), within)
        elif isinstance(one, dict):
            waiting += reversed(
                [(inner, str(at), inside, None) for at, inner in one.items() if _holds(inner)]
            )
        elif isinstance(one, list):
            waiting += reversed([(inner, place, inside, role) for inner in one if _holds(inner)])
    return found


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _parts(one: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    config = one.get("config")
    for key, value in one.items():
        if key == "config" and isinstance(config, dict):
            yield from ((str(at), inner) for at, inner in config.items())
        elif key == "config":
            # Keras before 2.2.3 kept a Sequential's layers as a list.
            yield "layers", config
        else:
            yield key, value


def _item(one: Mapping[str, Any], key: str, inside: tuple[str, ...], role: Role | None) -> Item:
    config = one.get("config")
    class_name, module = one["class_name"][:LONGEST_TEXT], _text(one.get("module"))
    registered = _text(one.get("registered_name"))
    name = config.get("name") if isinstance(config, dict) else one.get("name")
    role = role or _role(key)
    is_function = class_name in {"function", "__lambda__"} or module == "builtins"
    if is_function and role is Role.OTHER:
        role = Role.FUNCTION
    if is_function and isinstance(config, str):
        custom = function_origin(registered if ">" in registered else config, module)[0]
        name = config
    else:
        custom = class_name != "__lambda__" and class_origin(class_name, module, registered)[0]
    return Item(
        role=role,
        class_name=class_name,
        module=module,
        registered_name=registered,
        name=_text(name),
        inside=inside,
        key=key,
        custom=custom,
        config=_short(config) if isinstance(config, dict) else {},
        keys=tuple(str(at)[:LONGEST_TEXT] for at in one if at not in {"class_name", "config"})[:32],
    )


def _role(key: str) -> Role:
    for ending, role in ENDINGS:
        if key.endswith(ending):
            return role
    return ROLES.get(key, Role.OTHER)


def _text(value: Any) -> str:
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""


def _short(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the objects in it, and with its long values cut."""
    return {
        str(key)[:LONGEST_TEXT]: _shortened(value, [LONGEST_LIST])
        for key, value in list(config.items())[:MOST_KEYS]
    }


def _shortened(value: Any, left: list[int]) -> Any:
    """Return a value; `left` is how many elements of lists and tables may still be repeated."""
    if not isinstance(value, list | dict):
        return _short_scalar(value)
    if isinstance(value, dict) and is_object(value):
        return {"class_name": value["class_name"][:LONGEST_TEXT]}
    left[0] -= 1
    if left[0] < 0:
        return "..."
    if isinstance(value, list):
        return [_shortened(each, left) for each in value[: left[0] + 1]]
    return {
        str(key)[:LONGEST_TEXT]: _shortened(each, left)
        for key, each in list(value.items())[: left[0] + 1]
    }


def _short_scalar(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "a number beyond 64 bits"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _names_function(key: str) -> bool:
    return key.endswith(NAMED)


def _named_functions(config: Any, inside: tuple[str, ...]) -> list[Item]:
    """Return the functions that a layer names by a plain text."""
    if not isinstance(config, dict):
        return []
    return [
        Item(
            role=_role(key),
            class_name="function",
            name=_text(config[key]),
            inside=inside,
            key=key,
            custom=function_origin(_text(config[key]))[0],
        )
        for key in config
        if isinstance(config[key], str) and _names_function(key)
    ]


def read_functions(value: Any) -> list[Function]:
    """Return the functions of Lambda layers: those that the file holds, and those it names."""
    found: list[Function] = []
    waiting: list[tuple[Any, str]] = [(value, "")]
    nodes = 0
    while waiting:
        one, where = waiting.pop()
        nodes += 1
        if nodes > MOST_NODES:
            raise TooMuch("more objects than any model has")
        if isinstance(one, dict):
            config = one.get("config")
            if isinstance(config, dict):
                where = _text(config.get("name")) or where
                found += _lambda_functions(one, config, where)
            waiting += reversed([(inner, where) for inner in one.values() if _holds(inner)])
        elif isinstance(one, list):
            waiting += reversed([(inner, where) for inner in one if _holds(inner)])
    return found


def _lambda_functions(
    one: Mapping[str, Any], config: Mapping[str, Any], where: str
) -> Iterator[Function]:
    if one.get("class_name") == "__lambda__":
        yield _bytecode(_text_whole(config.get("value")) or _text_whole(config.get("code")), where)
    for key in ("function", "mask", "output_shape", "arguments"):
        told = config.get(key)
        kind = config.get(f"{key}_type")
        if isinstance(told, list) and told and kind == "lambda":
            yield _bytecode(_text_whole(told[0]), where)
        elif isinstance(told, dict) and told.get("class_name") == "__lambda__":
            continue
        elif isinstance(told, str) and kind == "function":
            yield Function(name=told[:LONGEST_TEXT], where=where, bytecode=False)
        elif isinstance(told, list) and told and key == "function" and kind is None:
            code = decode(_text_whole(told[0]))
            if code:
                yield _bytecode(_text_whole(told[0]), where)


def _text_whole(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _bytecode(text: str, where: str) -> Function:
    versions, source = python_of(decode(text))
    return Function(
        name="",
        where=where,
        bytecode=True,
        python=versions,
        source=source or "its bytes are no code object that is known",
    )
