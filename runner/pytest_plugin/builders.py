"""A user's function that builds a model -> the module of a scenario.

Input: the text of the function's file. Output: a module that executes the function and every
statement of its file that the function needs, on the lines where they stand there, so that a
traceback names the user's line. Nothing is imported or executed here. Pure, but for the reading of
the file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from runner.declare.catalog import OLDEST_PYTHON
from runner.domain.errors import ConfigurationError

NOT_THERE = ("pytest", "_pytest")
"""Packages that an environment does not have, though tests import them."""
DEFAULT_INPUTS = Path(__file__).with_name("default_inputs.py")
GLUE = """
from scenarios.framework import keras as _matrix_keras
_matrix_user = {{"__name__": __name__}}
exec(compile({text!r}, {name!r}, "exec", dont_inherit=True), _matrix_user)
_matrix_models = _MatrixModels(lambda: {call})
build_model = _matrix_models.build_model
inputs = _matrix_models.inputs
"""
"""The user's names are kept apart: the probe looks for some of its own in the module."""
INPUTS = """

def inputs(rng, variant):
    return {call}
"""
CUSTOM_OBJECTS = """

def custom_objects(variant):
    return {call}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """The functions of one mark, by name, in one file."""

    path: Path
    function: str
    inputs: str = ""
    custom_objects: str = ""

    @property
    def scenario(self) -> str:
        """Id of its scenario: `test_models.small_model`."""
        return f"{_plain(self.path.stem)}.{self.function}"

    @property
    def module(self) -> str:
        """Name of its scenario's module."""
        return f"{_plain(self.path.stem)}__{self.function}"


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def write_module(builder: Builder) -> str:
    """Return the text of the scenario's module.

    Raises:
        ConfigurationError: a function is not at the top of the file, takes what nobody gives it,
            needs pytest, or has syntax that the oldest Python does not know.
    """
    text = _read(builder.path)
    tree = ast.parse(text)
    wanted = [each for each in (builder.function, builder.inputs, builder.custom_objects) if each]
    functions = {
        each.name: each for each in tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)
    }
    for name in wanted:
        if not isinstance(functions.get(name), ast.FunctionDef):
            raise ConfigurationError(
                f"{builder.path}: {name} is no function at the top of this file",
                cause="it is made by another one, belongs to a class, or comes from another module",
                next_step=f"write `def {name}(keras):` there",
            )
    kept = list(_needed(tree, wanted))
    _refuse_absent(builder, kept)
    own = _lines_of(text, kept, set(wanted))
    _check_syntax(builder.path, own)
    module = _read(DEFAULT_INPUTS) + GLUE.format(
        text=own,
        name=builder.path.name,
        call=_call(builder.path, functions[builder.function], ("keras",)),
    )
    for name, glue, given in (
        (builder.inputs, INPUTS, ("rng", "keras")),
        (builder.custom_objects, CUSTOM_OBJECTS, ("keras",)),
    ):
        if name:
            module += glue.format(call=_call(builder.path, functions[name], given))
    return module


@lru_cache(maxsize=64)
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _call(path: Path, function: ast.stmt, given: tuple[str, ...]) -> str:
    """Return the call of a function with those of the given arguments that it takes."""
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 - looked up as one
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    names = names[: len(names) - len(arguments.defaults)]
    names += [
        each.arg
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    unknown = [each for each in names if each not in given]
    if unknown or arguments.posonlyargs:
        raise ConfigurationError(
            f"{path}:{function.lineno}: {function.name} takes {(unknown or names)[0]!r},"
            " which nobody gives it",
            cause="it runs in other environments, where there are no fixtures",
            next_step=f"write `def {function.name}({', '.join(given)}):`, or leave out what it"
            " does not need",
        )
    values = {"keras": "_matrix_keras", "rng": "rng"}
    given_by_name = ", ".join(f"{each}={values[each]}" for each in names)
    return f"_matrix_user[{function.name!r}]({given_by_name})"


def _needed(tree: ast.Module, names: Iterable[str]) -> Iterator[ast.stmt]:
    """Yield, in order, the statements that bind the names, and those that these need in turn."""
    binding: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for name in _bound(statement):
            binding.setdefault(name, []).append(statement)
    kept: set[ast.stmt] = {each for each in tree.body if _is_future(each)}
    waiting, seen = list(names), set(names)
    marked = set(waiting)
    while waiting:
        name = waiting.pop()
        for statement in binding.get(name, ()):
            kept.add(statement)
            # The marks are pytest's; a helper's decorator is its own.
            skip = name in marked
            for used in _used(statement, without_decorators=skip):
                if used not in seen:
                    seen.add(used)
                    waiting.append(used)
    return (each for each in tree.body if each in kept)


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for each in node.names:
                yield (each.asname or each.name).partition(".")[0]


def _used(statement: ast.stmt, *, without_decorators: bool) -> Iterator[str]:
    parts: list[ast.AST] = [statement]
    if without_decorators and isinstance(statement, ast.FunctionDef):
        parts = [statement.args, *statement.body, *filter(None, [statement.returns])]
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Name):
                yield node.id


def _refuse_absent(builder: Builder, kept: Iterable[ast.stmt]) -> None:
    for statement in kept:
        for node in ast.walk(statement):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            for name in _imported(node):
                if name.startswith(".") or name.partition(".")[0] in NOT_THERE:
                    raise ConfigurationError(
                        f"{builder.path}:{node.lineno}: {builder.function} needs {name!r},"
                        " which no environment has",
                        cause="it runs in other environments: they have Keras, numpy and the"
                        " standard library",
                        next_step="write what it needs into this file, or into the function",
                    )


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return ["." * node.level + (node.module or "")]


def _lines_of(text: str, kept: Iterable[ast.stmt], marked: set[str]) -> str:
    """Return the statements on their own lines, everything else empty."""
    before = text.splitlines()
    after = [""] * len(before)
    for statement in kept:
        first = statement.lineno
        if not (isinstance(statement, ast.FunctionDef) and statement.name in marked):
            decorators = getattr(statement, "decorator_list", [])
            first = min([first, *(each.lineno for each in decorators)])
        last = statement.end_lineno or first
        after[first - 1 : last] = before[first - 1 : last]
    return "\n".join(after) + "\n"


def _check_syntax(path: Path, module: str) -> None:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    try:
        ast.parse(module, feature_version=OLDEST_PYTHON)
    except SyntaxError as error:
        raise ConfigurationError(
            f"{path}:{error.lineno}: Python {oldest} does not understand this: {error.msg}",
            cause=f"the oldest environments run Python {oldest}",
            next_step="write it in the older syntax",
        ) from error
