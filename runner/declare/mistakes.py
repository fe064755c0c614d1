"""The mistakes of a declaration in words: key, value, and a right value (stage 1).

Input: its error and the table it refused. The words for a value come from the types alone:
from the description of a checked text, the members of a vocabulary, the limits of a number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import inspect

from runner.declare.place import Place, shortened_sentence, shown
from runner.domain.errors import shortened

_SAID = re.compile(r"(?P<said>.*?)(?: - at `(?:key` in `)?(?P<path>\$[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_SCALARS: Mapping[type[inspect.Type], str] = {
    inspect.StrType: "a string",
    inspect.BoolType: "true or false",
    inspect.DateType: "a date",
    inspect.EnumType: "a string",
    inspect.LiteralType: "a string",
    inspect.StructType: "a table",
}


def explain(
    place: Place,
    error: msgspec.ValidationError,
    values: Mapping[str, Any],
    type_: type[msgspec.Struct],
    hidden: Collection[str],
) -> NoReturn:
    """Raise a ConfigurationError for msgspec's error about the values of a table.

    `hidden` are fields that no file may set, so no message offers them.
    """
    found = _SAID.fullmatch(str(error))
    said, path = (found["said"], found["path"] or "") if found else (str(error), "")
    node: inspect.Type = inspect.type_info(type_)
    value: Any = values
    key, number = "", None
    for name, index in _STEP.findall(path):
        inner = _bare(node)
        if isinstance(inner, inspect.StructType):
            if key:
                place = place.inside(key, number)
            node = next(field.type for field in inner.fields if field.encode_name == name)
            key, number, value = name, None, value[name]
        else:
            node, number = _item(inner), int(index)
            value = value[number]
    table = _bare(node)
    if said.startswith("Object ") and isinstance(table, inspect.StructType):
        here = place.inside(key, number) if key else place
        names = [each.encode_name for each in table.fields if each.encode_name not in hidden]
        _wrong_keys(here, said, value, table, names)
    if said.startswith("Invalid enum value"):
        _wrong_word(place, key, value, table)
    if said.startswith(("Expected", "Number out of range")):
        holds = "is" if number is None else "holds"
        # Before its form, a text must be a text.
        right = _described(node if isinstance(value, str) else _bare(node))
        place.fail(f"`{key}` {holds} {shown(value)}, which is not {right}", key=key)
    # A type's own check (`__post_init__`) says it in its own words.
    place.fail(f"`{key}`: {shortened_sentence(said)}" if key else shortened_sentence(said), key=key)


def _wrong_keys(
    place: Place,
    said: str,
    value: Mapping[str, Any],
    table: inspect.StructType,
    names: Sequence[str],
) -> NoReturn:
    missing = _MISSING.fullmatch(said)
    if missing:
        key = missing[1]
        right = next(_described(each.type) for each in table.fields if each.encode_name == key)
        place.fail(
            f"`{key}` is missing",
            cause="a required key was left out or misspelt",
            next_step=f"add `{key}` ({right}) to this entry in {place.path}",
        )
    key = next(key for key in value if key not in names)
    place.unknown(f"unknown key `{shortened(key)}`", key, names, key=key)


def _wrong_word(place: Place, key: str, value: object, node: inspect.Type) -> NoReturn:
    kind, words = "", []
    if isinstance(node, inspect.EnumType):
        kind, words = f"{node.cls.__name__.lower()} ", [str(each.value) for each in node.cls]
    elif isinstance(node, inspect.LiteralType):
        words = [str(each) for each in node.values]
    place.unknown(f"`{key}` names an unknown {kind}{shown(value)}", str(value), words, key=key)


def _bare(node: inspect.Type) -> inspect.Type:
    """Return the type inside an annotation, and the one beside None in a union."""
    if isinstance(node, inspect.Metadata):
        return _bare(node.type)
    if isinstance(node, inspect.UnionType):
        return _bare(next(each for each in node.types if not isinstance(each, inspect.NoneType)))
    return node


def _item(node: inspect.Type) -> inspect.Type:
    if isinstance(node, inspect.CollectionType | inspect.VarTupleType):
        return node.item_type
    return node


def _described(node: inspect.Type) -> str:
    """Return the words for a value of the type, such as `a list of at least one string`."""
    if isinstance(node, inspect.Metadata):
        given = (node.extra_json_schema or {}).get("description")
        return str(given) if given else _described(node.type)
    node = _bare(node)
    if isinstance(node, inspect.CollectionType | inspect.VarTupleType):
        item = _SCALARS.get(type(_bare(node.item_type)), "a value").removeprefix("a ")
        return f"a list of at least one {item}" if node.min_length else f"a list of {item}s"
    if isinstance(node, inspect.DictType):
        return "a table of strings"
    if isinstance(node, inspect.IntType | inspect.FloatType):
        return _described_number(node)
    return _SCALARS.get(type(node), "a value of this key")


def _described_number(node: inspect.IntType | inspect.FloatType) -> str:
    noun = "a whole number" if isinstance(node, inspect.IntType) else "a finite number"
    bounds = []
    if node.ge is not None:
        bounds.append(f"of {node.ge:g} or more")
    if node.gt is not None:
        bounds.append(f"above {node.gt:g}")
    if node.le is not None:
        bounds.append(f"{node.le:g} at most")
    return " ".join([noun, ", ".join(bounds)]).strip()
