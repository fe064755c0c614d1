"""Scripts, templates and pages: no second table of a vocabulary, no name of a lost file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import runner.render
from runner.domain import Change, ClaimVerdict, Family, Format, Outcome, Verdict
from runner.render.templates import TEMPLATES

VOCABULARIES: tuple[type[StrEnum], ...] = (
    *(Outcome, Family, Format),
    *(Verdict, ClaimVerdict, Change),
)
SEVERAL = 3
"""Words of one vocabulary in one literal from which on it is a table."""
QUOTED = re.compile(r"""["'`]([\w.-]+)["'`]|\b(\w+):""")


def told(words: set[str]) -> Iterator[str]:
    """Name each vocabulary of which several words are among the given ones."""
    for vocabulary in VOCABULARIES:
        found = sorted(words & {str(each) for each in vocabulary})
        if len(found) >= SEVERAL:
            yield f"{vocabulary.__name__}: {', '.join(found)}"


def tables_of_scripts(text: str) -> Iterator[str]:
    """Find them in scripts and templates: the innermost brackets, and each line."""
    places = [match[1] for match in re.finditer(r"[\[{(]([^\[\](){}]*)[\])}]", text)]
    for place in (*places, *text.split("\n")):
        yield from told({first or second for first, second in QUOTED.findall(place)})


def tables_of_modules(text: str) -> Iterator[str]:
    """Find them in Python: dicts, tuples, lists, sets and calls of words or of members."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Dict, ast.Tuple, ast.List, ast.Set)):
            parts = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
            members = [each for each in ast.walk(node) if isinstance(each, ast.Attribute)]
            yield from told({str(each.value) for each in parts})
            yield from told({each.attr.lower() for each in members})


def test_neither_scripts_nor_templates_nor_pages_hold_a_second_table() -> None:
    files = [path for path in TEMPLATES.rglob("*") if path.suffix in {".js", ".html", ".css"}]
    offenders = [
        f"{path.name}: {found}"
        for path in sorted(files)
        for found in tables_of_scripts(path.read_text(encoding="utf-8"))
    ]
    modules = sorted(Path(runner.render.__file__).parent.rglob("*.py"))
    offenders += [
        f"{path.name}: {found}"
        for path in modules
        for found in tables_of_modules(path.read_text(encoding="utf-8"))
    ]

    assert len(modules) > len(VOCABULARIES)
    assert not offenders


def test_a_table_is_found() -> None:
    script = 'const UNTRIED = ["save_error", "not_run", "harness_error"];'
    module = "PATHS = {'h5': 1, 'keras': 2, 'export': 3}"

    assert list(tables_of_scripts(script))
    assert list(tables_of_modules(module))
    assert not list(tables_of_scripts('if (outcome === "equivalent") return "fixed";'))


def test_scripts_and_templates_name_files_that_are_there() -> None:
    root = TEMPLATES.parents[1]
    offenders = [
        f"{path.name}: {name}"
        for path in sorted(TEMPLATES.rglob("*"))
        if path.suffix in {".js", ".html", ".css"}
        for name in re.findall(r"\brunner/[\w/.]+\w", path.read_text(encoding="utf-8"))
        if not (root / name).exists()
    ]

    assert not offenders
