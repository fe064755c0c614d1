"""Text for the pages: sentences with `code` in them, docstrings in paragraphs, code in colour.

Input: text of declarations, which is ours, or of models, which is not. Output: markup in
which all of it is escaped.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from runner.domain import FORMAT_FACTS, Format

ITEM = re.compile(r"^(?:[-*] |\d+[.)] )")
THREAD = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/(?:issues|pull)/(\d+)")
TICKED = re.compile(r"``?([^`\n]+)``?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One paragraph of a docstring: running text, an item of a list, or code as it stands."""

    kind: str
    """`text`, `item` or `code`."""
    text: str


def upper_first(text: str) -> str:
    """Begin with a capital letter, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def link_name(link: str) -> str:
    """Name a web address: an issue or a pull request by its repository and number."""
    thread = THREAD.fullmatch(link)
    return f"{thread[1]}#{thread[2]}" if thread else re.sub(r"^https?://", "", link)


def write_moment(moment: str) -> str:
    """Write a moment of ISO 8601 for people: to the minute, and UTC where it is."""
    utc = moment.endswith(("+00:00", "Z"))
    return moment[:16].replace("T", " ") + (" UTC" if utc else "")


def mark_code(text: object) -> Markup:
    """Make the words between backticks code; all else stays text."""
    return Markup("").join(
        Markup("<code>%s</code>") % part if place % 2 else escape(part)
        for place, part in enumerate(TICKED.split(str(text)))
    )


def example_path(name: str) -> str:
    """Write the name of a person's own file of a format, as in a line of code."""
    return repr(FORMAT_FACTS[Format(name)].payload)


def code_line(code: str, path: str = "path") -> str:
    """Write a remedy's code as a person would write it: declared braces are doubled."""
    return code.replace("{path}", path).replace("{{", "{").replace("}}", "}")


def split_paragraphs(text: str) -> list[Part]:
    """Split a docstring at empty lines, and take out the line breaks its width asked for."""
    parts: list[Part] = []
    for block in re.split(r"\n\s*\n", text):
        if not block.strip():
            continue
        if all(line.startswith("    ") for line in block.strip("\n").split("\n")):
            parts.append(Part(kind="code", text=textwrap.dedent(block.strip("\n"))))
        else:
            parts += _reflow(block.strip().split("\n"))
    return parts


def _reflow(lines: list[str]) -> list[Part]:
    """Join the lines of a paragraph; a dash or a number at a line's start begins an item."""
    parts: list[Part] = []
    for line in lines:
        item = ITEM.match(line)
        words = line[item.end() if item else 0 :].strip()
        if item or not parts:
            parts.append(Part(kind="item" if item else "text", text=words))
        else:
            last = parts.pop()
            parts.append(Part(kind=last.kind, text=f"{last.text} {words}"))
    return parts


@lru_cache(maxsize=256)
def highlight_python(source: str) -> Markup:
    """Colour Python code by classes whose colours are in the style sheet.

    The variants of a scenario share their module: it is coloured once.
    """
    formatter = HtmlFormatter(nowrap=True, classprefix="p-")
    return Markup(highlight(source.strip("\n"), PythonLexer(), formatter).rstrip())  # noqa: S704  # it escapes


def drop_docstring(source: str) -> str:
    """Leave out the docstring of a module: the page shows it as text."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return source
    first = body[0] if body else None
    if not (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return source
    return "\n".join(source.split("\n")[first.end_lineno :]).strip("\n") + "\n"
