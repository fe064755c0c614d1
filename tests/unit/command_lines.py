"""Command lines in texts: found, and tried as far as reading their arguments."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import click

from runner.cli import COMMANDS, DEVELOPER_COMMANDS, load

ROOT = Path(__file__).resolve().parents[2]
# Further words of programs that are not ours; each of these is one that exists.
FOREIGN = {
    "git": (
        *("checkout", "diff", "--version", "ls-remote", "lfs pull", "bisect run"),
        *(f"-C sample {name}" for name in ("log", "merge-base", "ls-tree", "show")),
    ),
    "uv": ("cache clean", "python install", "venv --python", "pip install"),
    "docker": ("info", "system df", "login", "image prune", "load", "buildx bake"),
    "pyenv": ("install",),
}


class WrongCommand(Exception):
    """A command line that does not work when pasted."""


def sessions() -> set[str]:
    """Names of the sessions in noxfile.py."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list
    }


def try_line(line: str) -> None:
    """Parse a command line as a shell and the program would; WrongCommand if it cannot be."""
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    words = list(reader)
    if any(set(word) <= set("<>|&;()") for word in words):
        raise WrongCommand(f"{line}: the shell takes a part of it for itself")
    if words[:2] == ["nox", "-s"]:
        _try_session(line, words[2], words[3:])
    elif words[:3] == ["python", "-m", "runner"] and len(words) > 3:
        _try_command(line, words[3], words[4:])
    elif words[0].endswith("python") and words[1:2] != ["-m"]:
        if not (ROOT / words[1]).exists():
            raise WrongCommand(f"{line}: there is no {words[1]}")
    elif not words[0].endswith("python"):
        known = FOREIGN.get(words[0], ())
        if not " ".join(words[1:]).startswith(known or ("\0",)):
            raise WrongCommand(f"{line}: it is not known whether this works")


def _try_session(line: str, session: str, rest: list[str]) -> None:
    if session not in sessions():
        raise WrongCommand(f"{line}: there is no session {session}")
    if rest and rest[0] != "--":
        raise WrongCommand(f"{line}: arguments of a session follow `--`")
    command = {"matrix": "run"}.get(session, session)
    if command in (*COMMANDS, *DEVELOPER_COMMANDS):
        _try_command(line, command, rest[1:])


def _try_command(line: str, name: str, arguments: list[str]) -> None:
    if name not in (*COMMANDS, *DEVELOPER_COMMANDS):
        raise WrongCommand(f"{line}: there is no command {name}")
    try:
        load(name).make_context(name, list(arguments))
    except click.exceptions.Exit:
        return
    except click.ClickException as error:
        raise WrongCommand(f"{line}: {error.format_message()}") from error


PROGRAMS = r"(?:nox -s|python -m runner|git|uv|docker|pyenv) "
IN_TICKS = re.compile(rf"`({PROGRAMS}[^`]*)`")
BARE = re.compile(
    rf"(?:^|: )({PROGRAMS}[^`\n]*?)"
    r"(?=$|\n|; |, then |\. | \((?!\w+\)$))"
)


def find_lines(text: str) -> list[str]:
    """Return the command lines in a message: between backticks, or after a colon."""
    rest = IN_TICKS.sub("", text)
    return IN_TICKS.findall(text) + BARE.findall(rest)
