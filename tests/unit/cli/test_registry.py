"""A command is a module that owns its arguments, its help and its examples, and is quick to ask."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import click
import pytest
from command_lines import WrongCommand, sessions, try_line

from runner import cli
from runner.cli import COMMANDS, DEVELOPER_COMMANDS, load, main, summary
from runner.cli.command import Command

ROOT = Path(__file__).resolve().parents[3]
EVERY = (*COMMANDS, *DEVELOPER_COMMANDS)
SLOW = ("pandas", "numpy", "pyarrow", "docker", "rich", "jinja2", "jsonschema", "psutil")
HELP_NEEDS = {"click", "msgspec", "typing_extensions"}
"""The packages that asking for help may import: what takes a command's time is what it imports."""


def test_every_command_is_a_module_with_arguments_help_and_examples():
    offenders = []
    for name in EVERY:
        command = load(name)
        assert isinstance(command, Command)
        if command.name != name:
            offenders.append(f"{name} is called {command.name}")
        if not summary(name).endswith(".") or not (command.help or "").startswith(summary(name)):
            offenders.append(f"{name}: its help does not begin with the summary of its module")
        offenders += [
            f"{name}: {option.opts[0]} has no help"
            for option in command.params
            if isinstance(option, click.Option) and not option.help
        ]
        if not command.examples:
            offenders.append(f"{name} has no example")
    assert not offenders, offenders


def test_every_module_with_a_command_is_registered():
    found = {
        path.stem
        for path in Path(cli.__file__).parent.glob("*.py")
        if "@click.command" in path.read_text(encoding="utf-8")
    }
    assert found == set(EVERY)


def test_every_example_parses_and_is_of_its_command():
    offenders = []
    for name in EVERY:
        for line, meaning in load(name).examples:
            try:
                try_line(line)
            except WrongCommand as error:
                offenders.append(str(error))
            session = {"run": "matrix"}.get(name, name)
            if f"nox -s {session}" not in line or not meaning:
                offenders.append(f"{name}: {line}")
    assert not offenders, offenders


def test_every_command_has_a_session_that_says_the_same():
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    said = {
        node.name: ast.get_docstring(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    assert set(EVERY) - {"run"} <= sessions()
    for name in EVERY:
        assert said[{"run": "matrix"}.get(name, name)] == summary(name)


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",), ("run", "--help")])
def test_help_and_version(arguments, capsys):
    assert main(arguments) == 0
    assert capsys.readouterr().out


def test_the_help_of_a_command_has_its_examples(capsys):
    for name in EVERY:
        assert main((name, "--help")) == 0
        shown = capsys.readouterr().out
        assert all(line in shown for line, _ in load(name).examples), name


def imported(*arguments: str) -> set[str]:
    """Names of the modules a command imports, from a process of its own."""
    code = (
        "import sys; from runner.cli import main; code = main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_the_help_of_the_whole_imports_no_command():
    found = imported("--help")
    assert not found & {f"runner.cli.{name}" for name in EVERY}
    assert not found & set(SLOW)


def test_the_help_of_a_command_imports_next_to_nothing():
    """No package but two, and of the standard library no server, pool or test framework."""
    code = (
        "import sys; before = set(sys.modules); from runner import cli\n"
        "for name in (*cli.COMMANDS, *cli.DEVELOPER_COMMANDS):\n"
        "    assert cli.main([name, '--help']) == 0\n"
        "print(*set(sys.modules) - before, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {name.partition(".")[0] for name in done.stderr.split()}
    assert found - set(sys.stdlib_module_names) <= {"runner", *HELP_NEEDS}
    assert not found & {"asyncio", "http", "multiprocessing", "sqlite3", "unittest", "xml"}


@pytest.mark.parametrize("arguments", [("plan", "--profile", "smoke"), ("envs",)])
def test_a_command_imports_only_what_it_needs(arguments):
    assert not imported(*arguments) & set(SLOW)
