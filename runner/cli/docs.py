"""The README's tables, made from the code they describe: `python -m runner.cli.docs --write`.

Input: the command line's parser, the errors' exit codes, the outcomes' vocabulary and the
declared environments. Output: the text between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

from runner.cli.main import INTERNAL_ERROR, INTERRUPTED, ROOT, build_parser
from runner.declare.catalog import load_catalog
from runner.declare.environments import read_environments
from runner.domain import OUTCOME_TABLE
from runner.domain.errors import MatrixError

README = ROOT / "README.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Check the README's tables; with --write, make them again."""
    parser = argparse.ArgumentParser(prog="python -m runner.cli.docs", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="make the tables again")
    arguments = parser.parse_args(argv)
    text = README.read_text(encoding="utf-8")
    fresh = refresh_tables(text)
    if fresh == text:
        return 0
    if not arguments.write:
        print("README.md is out of date; next: python -m runner.cli.docs --write", file=sys.stderr)
        return 1
    README.write_text(fresh, encoding="utf-8")
    return 0


def refresh_tables(text: str) -> str:
    """Return the text with every table made again.

    Raises:
        ValueError: the place of a table is missing.
    """
    for name, table in make_tables().items():
        opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, found, rest = text.partition(opening)
        _, ended, after = rest.partition(closing)
        if not (found and ended):
            raise ValueError(f"the place of the table {name!r} is missing: {opening}{closing}")
        text = before + opening + table + closing + after
    return text


def make_tables() -> dict[str, str]:
    """Return each table by the name of its place."""
    return {
        "commands": _commands(),
        "options": _options(),
        "exit codes": _exit_codes(),
        "outcomes": _outcomes(),
        "profiles": _profiles(),
    }


def _commands() -> str:
    rows = []
    for name, parser in _subparsers():
        own = [
            _option(action)
            for action in parser._actions  # noqa: SLF001 - argparse has no public list
            if action.dest not in _shared()
        ]
        rows.append((f"`{name}`", parser.description or "", "<br>".join(own)))
    return _table(("command", "what it does", "its own arguments"), rows)


def _options() -> str:
    _, parser = next(_subparsers())
    actions = [each for each in parser._actions if each.dest in _shared()]  # noqa: SLF001
    rows = [(f"`{_spelt(each)}`", each.help or "") for each in actions if each.dest != "help"]
    return _table(("option of every command", "meaning"), rows)


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
    for name in declared.profiles:
        chosen = declared.profile(name)
        shown = "every one declared" if len(chosen) == len(declared.environments) else ""
        ids = shown or ", ".join(f"`{each.id}`" for each in chosen)
        scenarios = len(catalog.of_profile(name) or catalog.scenarios)
        rows.append((f"`{name}`", str(scenarios), str(len(chosen)), ids))
    return _table(("profile", "scenarios", "environments", "which"), rows)


def _subparsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in build_parser()._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield from action.choices.items()


def _shared() -> set[str]:
    found = [{each.dest for each in parser._actions} for _, parser in _subparsers()]  # noqa: SLF001
    return set.intersection(*found)


def _option(action: argparse.Action) -> str:
    return f"`{_spelt(action)}` {action.help or ''}"


def _spelt(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings) or action.dest.upper()
    if action.nargs == 0 or not action.option_strings:
        return name
    if action.choices:
        return f"{name} {'|'.join(map(str, action.choices))}"
    return f"{name} {action.metavar or action.dest.upper()}"


def _descendants(kind: type[MatrixError]) -> Iterator[type[MatrixError]]:
    for each in kind.__subclasses__():
        if each.__module__ == MatrixError.__module__:
            yield each
        yield from _descendants(each)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


if __name__ == "__main__":
    sys.exit(main())
