"""The command lines of messages and help, as they work here: in a clone nox, elsewhere the tool.

Input: a text that names `nox -s SESSION -- WORDS`. Output: the same text where this is a clone;
in an installed package, which has no sessions, with `keras-matrix COMMAND WORDS`.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Holds the declarations: a clone, or the folder of packages that the wheel was installed in."""
PROGRAM = "keras-matrix"
"""Name of the installed command; without it, `python -m runner` is the same."""
NOX = "nox"
_SESSION = re.compile(rf"\b{NOX} -s (?P<name>\w+)(?: --(?= ))?")


def fit_commands(text: str, *, clone: bool | None = None) -> str:
    """Return the text with command lines that work where this tool is."""
    here = (ROOT / "noxfile.py").is_file() if clone is None else clone
    return text if here else _SESSION.sub(_as_command, text)


def _as_command(session: re.Match[str]) -> str:
    name = "run" if session["name"] == "matrix" else session["name"]
    return f"{PROGRAM} {name}"
