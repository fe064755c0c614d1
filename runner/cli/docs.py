"""Check the tables of README.md and docs/; with --write, make them again.

Each table lies between `<!-- name -->` and `<!-- /name -->`. They come from the commands, the
exit codes of the errors, the outcomes and the declared profiles.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from runner.cli import COMMANDS, DEVELOPER_COMMANDS, load, summary
from runner.cli.command import Command
from runner.cli.failures import INTERNAL_ERROR, INTERRUPTED
from runner.cli.invocation import ROOT
from runner.declare.catalog import load_catalog
from runner.declare.environments import DEPENDENCIES, RELEASES, read_environments
from runner.domain import OUTCOME_TABLE
from runner.domain.errors import MatrixError
from runner.domain.request import Request

SESSIONS = {"run": "matrix"}
"""Sessions of nox that are not called like their command."""


@click.command(
    "docs",
    cls=Command,
    help=__doc__,
    examples=(("nox -s docs -- --write", "make the tables again"),),
)
@click.option("--write", is_flag=True, help="Make the tables again.")
def command(request: Request, *, write: bool) -> int:
    """Check or write; 1 if a page was out of date and is still."""
    stale = [
        (path, fresh)
        for path, names in PAGES.items()
        if (text := (request.root / path).read_text(encoding="utf-8"))
        != (fresh := refresh_tables(text, names))
    ]
    for path, fresh in stale:
        if write:
            (request.root / path).write_text(fresh, encoding="utf-8")
            print(f"{path}: written")
        else:
            print(f"{path} is out of date; next: nox -s docs -- --write", file=sys.stderr)
    return 1 if stale and not write else 0


def refresh_tables(text: str, names: Iterable[str]) -> str:
    """Return the text with these tables made again.

    Raises:
        ValueError: the place of a table is missing.
    """
    for name in names:
        opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, found, rest = text.partition(opening)
        _, ended, after = rest.partition(closing)
        if not (found and ended):
            raise ValueError(f"the place of the table {name!r} is missing: {opening}{closing}")
        text = before + opening + TABLES[name]() + closing + after
    return text


def _commands() -> str:
    rows = [
        (f"[`{name}`](#{name})", f"`nox -s {SESSIONS.get(name, name)}`", summary(name))
        for name in (*COMMANDS, *DEVELOPER_COMMANDS)
    ]
    return _table(("command", "session", "it can"), rows)


def _arguments() -> str:
    """Return a section a command: its arguments and its examples."""
    return "\n".join("\n".join(_section(name)) for name in (*COMMANDS, *DEVELOPER_COMMANDS))


def _section(name: str) -> Iterator[str]:
    command = load(name)
    assert isinstance(command, Command)  # noqa: S101 - every command's module has one
    yield f"### {name}"
    yield ""
    yield (command.help or "").strip()
    yield ""
    options = [each for each in command.params if isinstance(each, click.Option)]
    yield _table(("option", "meaning"), [(f"`{spell(each)}`", explain(each)) for each in options])
    for line, meaning in command.examples:
        yield f"    {line}"
        yield f"        {meaning}"
    yield ""


def spell(option: click.Option) -> str:
    """Return an option as it is written: `--profile PROFILE`."""
    name = ", ".join(option.opts)
    if option.is_flag:
        return name
    if isinstance(option.type, click.Choice):
        return f"{name} {'|'.join(option.type.choices)}"
    return f"{name} {option.metavar}"


def explain(option: click.Option) -> str:
    """Return the help of an option, with the numbers it takes."""
    text = option.help or ""
    if not isinstance(option.type, click.IntRange):
        return text
    least, most = option.type.min, option.type.max
    return f"{text} From {least} to {most}." if most else f"{text} From {least}."


def _exit_codes() -> str:
    codes = {
        0: "The run ended and its controls held; cells that do not load are results.",
        1: "A session of nox failed, for whichever reason below.",
        INTERRUPTED: "Interrupted by Ctrl-C; the same command goes on from there.",
        INTERNAL_ERROR: "An error of this tool itself.",
    }
    for error in _descendants(MatrixError):
        codes.setdefault(error.exit_code, (error.__doc__ or "").partition("\n")[0])
    codes[2] += " Also a mistyped option."
    return _table(("code", "meaning"), [(str(code), codes[code]) for code in sorted(codes)])


def _outcomes() -> str:
    rows = [(each.symbol, f"`{each.outcome}`", each.explanation) for each in OUTCOME_TABLE]
    return _table(("", "outcome", "meaning"), rows)


def _profiles() -> str:
    declared = read_environments()
    catalog = load_catalog(ROOT)
    rows = []
    for name in (*declared.profiles, RELEASES, DEPENDENCIES):
        chosen = declared.profile(name)
        shown = "every one declared" if len(chosen) == len(declared.environments) else ""
        if name == RELEASES:
            shown = "every release of Keras 3, tf-keras and TensorFlow 2.0 to 2.15, such as "
            shown += f"`{chosen[-1].id}`: [environments](environments.md)"
        if name == DEPENDENCIES:
            shown = "other versions of h5py, NumPy, protobuf and Python within TensorFlow 2.8 and "
            shown += "2.15: [environments](environments.md#dependencies)"
        ids = shown or ", ".join(f"`{each.id}`" for each in chosen)
        scenarios = len(catalog.of_profile(name) or catalog.scenarios)
        rows.append((f"`{name}`", str(scenarios), str(len(chosen)), ids))
    return _table(("profile", "scenarios", "environments", "which"), rows)


def _descendants(kind: type[MatrixError]) -> Iterator[type[MatrixError]]:
    for each in kind.__subclasses__():
        if each.__module__ == MatrixError.__module__:
            yield each
        yield from _descendants(each)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


TABLES: Mapping[str, Callable[[], str]] = {
    "commands": _commands,
    "arguments": _arguments,
    "exit codes": _exit_codes,
    "outcomes": _outcomes,
    "profiles": _profiles,
}
PAGES: Mapping[Path, Sequence[str]] = {
    Path("README.md"): ("outcomes",),
    Path("docs/commands.md"): ("commands", "arguments", "exit codes"),
    Path("docs/selecting.md"): ("profiles",),
}
"""Page -> the tables on it."""
