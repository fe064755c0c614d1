"""The text of a `Description`: lines of at most 80 columns, for a person.

Every statement is followed by its basis: `(read: ...)` or `(inferred: ...)`.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

from runner.inspect.description import Basis, Description, Statement, Tensors, TensorShape

COLUMNS = 80
LABEL = 17
MOST = 12
"""Entries of one list that are printed."""
LAST = (
    "Read without a framework; nothing of the file was executed. It says what the file says of "
    "itself, not who made it."
)


def describe_text(description: Description) -> list[str]:
    """Return the lines."""
    lines = [clean(description.path)]
    for label, text in _rows(description):
        lines += _wrapped(label, clean(text))
    return lines


def last_lines() -> list[str]:
    """Return the text below all descriptions."""
    return textwrap.wrap(LAST, COLUMNS)


def clean(text: str) -> str:
    """Return a text of the file without characters that would move a terminal's cursor."""
    return "".join(
        each if unicodedata.category(each)[0] != "C" else f"\\x{ord(each):02x}" for each in text
    )


def _wrapped(label: str, text: str) -> list[str]:
    first = f"  {label:<{LABEL - 2}}"
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=first if len(first) <= LABEL else f"{first} ",
        subsequent_indent=" " * LABEL,
        break_on_hyphens=False,
    )


def _rows(one: Description) -> Iterator[tuple[str, str]]:
    size = f"; {one.size:,} bytes" if one.size else ""
    yield "container", f"{one.title}{size} (read: its bytes)"
    for sentence in one.damage:
        yield "damage", sentence
    for sentence in one.dangers:
        yield "danger", sentence
    yield from _writer(one)
    yield from _architecture(one)
    yield from _training(one)
    yield from _weights(one)
    yield from _held(one.held)
    for note in one.notes:
        yield "note", f"{note.about}: {_with_basis(note)}"
    for sentence in one.unread:
        yield "not read", sentence
    if one.items:
        yield "scenarios", _listed(one.scenarios) or "none whose witness it has"


def _writer(one: Description) -> Iterator[tuple[str, str]]:
    for each in one.writer:
        yield each.about.removesuffix("_version"), _with_basis(each)
    if one.environments:
        yield "environments", f"{_listed(one.environments)} (inferred: {one.environments_source})"
    elif one.environments_source and (one.items or one.tensors):
        yield "environments", f"not known: {one.environments_source}"


def _architecture(one: Description) -> Iterator[tuple[str, str]]:
    if one.model:
        yield "model", one.model
    if one.layers:
        total = sum(each.count for each in one.layers)
        words = _listed([f"{each.count} {each.class_name}" for each in one.layers], 30)
        yield "layers", f"{total:,}: {words}"
    if one.nested:
        yield "nested", _listed(one.nested)
    for each in one.custom[:MOST]:
        yield "not Keras'", f"{each.about} {_with_basis(each)}"
    if len(one.custom) > MOST:
        yield "not Keras'", f"and {len(one.custom) - MOST} more"
    for function in one.functions[:MOST]:
        what = (
            f"Python bytecode in `{function.where}`"
            if function.bytecode
            else (f"function `{function.name}` by its name, in `{function.where}`")
        )
        version = f"; Python {function.python} wrote it" if function.python else ""
        basis = f" (inferred: {function.source})" if function.source else " (read)"
        yield "code", f"{what}{version}{basis}"
    yield from _shapes("input", one.inputs)
    yield from _shapes("output", one.outputs)


def _shapes(label: str, shapes: Iterable[TensorShape]) -> Iterator[tuple[str, str]]:
    known = list(shapes)
    for each in known[:MOST]:
        shape = (
            "of unknown shape"
            if each.shape is None
            else (f"({', '.join('None' if size is None else f'{size}' for size in each.shape)})")
        )
        words = " ".join(filter(None, (each.name, shape, each.dtype)))
        yield label, f"{words} ({each.basis}: {each.source})"
    if len(known) > MOST:
        yield label, f"and {len(known) - MOST} more"


def _training(one: Description) -> Iterator[tuple[str, str]]:
    for each in one.compiled:
        yield each.about, _with_basis(each)


def _weights(one: Description) -> Iterator[tuple[str, str]]:
    for label, tensors in (("weights", one.tensors), ("optimizer's", one.state)):
        if tensors:
            yield label, f"{_tensors(tensors)} (read: shapes and types, not the numbers)"


def _tensors(tensors: Iterable[Tensors]) -> str:
    return "; ".join(
        f"{each.parameters:,} {each.dtype} in {each.count:,} tensor{'s' * (each.count != 1)}"
        for each in tensors
    )


def _held(held: Iterable[Statement]) -> Iterator[tuple[str, str]]:
    known = list(held)
    for label, value in (("holds", "yes"), ("does not hold", "no")):
        names = [each.about for each in known if each.value == value]
        if names:
            yield label, "; ".join(names)
    for each in known:
        if each.value not in {"yes", "no"}:
            yield "holds", f"{each.about}: {_with_basis(each)}"


def _with_basis(each: Statement) -> str:
    word = "read" if each.basis is Basis.READ else "inferred"
    return f"{each.value} ({word}: {each.source})"


def _listed(names: Iterable[str], most: int = MOST) -> str:
    known = list(names)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more
