"""The probe and the scenarios are read by the oldest Python of all environments."""

from __future__ import annotations

import ast
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
OLDEST = (3, 7)
SOURCES = sorted(
    path for folder in ("runner/probe", "scenarios") for path in (REPOSITORY / folder).rglob("*.py")
)
NEWER_NAMES = {"removeprefix", "removesuffix", "waitstatus_to_exitcode", "cached_property"}
"""Of the standard library, after 3.7; no syntax, so a parser accepts them."""


def test_the_oldest_python_reads_every_file():
    offenders = []
    for path in SOURCES:
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=OLDEST)
        except SyntaxError as error:
            offenders.append(f"{path}:{error.lineno}: {error.msg}")
            continue
        offenders += [
            f"{path}:{node.lineno}: {node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in NEWER_NAMES
        ]
    assert offenders == []
    assert len(SOURCES) > 50


def test_annotations_of_the_probe_are_not_evaluated():
    """Types that the oldest Python does not have would raise when a module is imported."""
    offenders = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        annotated = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.AnnAssign)
            or (isinstance(node, ast.FunctionDef) and node.returns is not None)
        ]
        lazy = any(
            isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body
        )
        if annotated and not lazy:
            offenders.append(str(path))
    assert offenders == []


def test_a_scenario_does_not_inherit_the_probe_s_own_settings(tmp_path, monkeypatch):
    """A user's program evaluates its annotations, as it does when it is run by itself."""
    from runner.probe import user_code

    (tmp_path / "eager.py").write_text("def f(x: 1 + 1): pass\nSEEN = f.__annotations__\n")
    (tmp_path / "__init__.py").write_text("")
    scenarios = type("Module", (), {"__file__": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(user_code, "_select_framework", lambda _: None)
    monkeypatch.setattr(user_code.importlib, "import_module", lambda _: scenarios)
    assert user_code.load_user_code("keras", "eager", "").module.SEEN == {"x": 2}
