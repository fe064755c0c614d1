"""Every command that a message or a page names is tried: it parses, so that it can be pasted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_lines import WrongCommand, find_lines, try_line

from runner.cli import COMMANDS, DEVELOPER_COMMANDS

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = {
    "environment": "keras3.15",
    "id": "keras3.15",
    "python": "3.12",
    "cell": "'plain_dense/h5/tf2.7->keras3.15/none'",
    "SESSIONS": "plan",
    "shard": "3/12",
    "given": "--writer tf2.7 --reader keras3.15 --scenario plain_dense --format h5",
}
NAMED = re.compile(r"nox -s |python -m runner ")
BARE_NAME = re.compile(rf"`({'|'.join((*COMMANDS, *DEVELOPER_COMMANDS))})`")


def sources() -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted((ROOT / "runner").rglob("*.py")):
        if "probe" not in path.relative_to(ROOT).parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def fill(node: ast.AST) -> str:
    """Return the text of a string with a sample in every place that is filled at run time."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(fill, node.values))
    assert isinstance(node, ast.FormattedValue)
    return sample(ast.unparse(node.value))


def sample(expression: str) -> str:
    names = re.findall(r"\w+", expression)
    quoted = "quote" in names
    found = next((SAMPLES[name] for name in names if name in SAMPLES), "sample")
    return found if quoted or "cell" not in names else found.strip("'")


def documentation(tree: ast.AST) -> set[int]:
    """Places of the docstrings: they are for who reads the code."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def texts() -> Iterator[tuple[str, str]]:
    """`(place, text)` of every string of the host's code, filled."""
    for path, tree in sources():
        skipped = documentation(tree)
        inner = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            if id(node) in skipped or id(node) in inner:
                continue
            if isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str)
            ):
                text = re.sub(r"\{(\w+)\}", lambda hit: SAMPLES.get(hit[1], "sample"), fill(node))
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def next_steps() -> Iterator[tuple[str, str]]:
    """`(place, text)` of every string that is given as a next step."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "next_step":
                for part in ast.walk(node.value):
                    if isinstance(part, ast.JoinedStr | ast.Constant):
                        yield f"{path.relative_to(ROOT)}:{part.lineno}", fill(part)


def wrong(line: str) -> str:
    try:
        try_line(line)
    except WrongCommand as error:
        return str(error)
    return ""


def test_every_command_a_message_names_parses():
    offenders = []
    found = 0
    for place, text in texts():
        lines = find_lines(text)
        found += len(lines)
        if NAMED.search(text) and not lines and not text.endswith((" -- ", "runner ")):
            offenders.append(f"{place}: {text!r} names a command that cannot be told from its text")
        offenders += [f"{place}: {said}" for line in lines if (said := wrong(line))]
    assert found > 30
    assert not offenders, "\n".join(offenders)


def test_no_next_step_names_a_command_by_half():
    offenders = [f"{place}: {text}" for place, text in next_steps() if BARE_NAME.search(text)]
    assert not offenders, "\n".join(offenders)


def test_every_command_on_a_page_parses():
    offenders = []
    found = 0
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^ +((?:nox -s|python -m runner) .*)$", text, re.MULTILINE):
            found += 1
            # A remark follows after some spaces, where a line of a list has one.
            command = re.split(r"(?<=\S) {3,}(?=\S)", line)[0]
            if "ARGUMENTS" not in command:
                offenders += [f"{path.name}: {said}" for said in [wrong(command)] if said]
    assert found > 30
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize(
    "line",
    [
        "nox -s matrix -- report",
        "nox -s matrix -- run --force",
        "nox -s nonsense",
        "nox -s show -- plain_dense/h5/tf2.7->keras3.15/none",
        "python -m runner fly",
        "python -m runner advise --remedy none",
        "git frobnicate",
    ],
)
def test_a_command_that_does_not_work_is_found(line):
    assert wrong(line)
