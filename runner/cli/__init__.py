"""The command line: a module a command, imported when that command is called or its help asked.

Face: `main`. A command's module begins with a docstring, whose first line is its summary; it
holds `command`, with the arguments, the help and the examples, and imports whatever is slow
inside its functions.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import shell_complete

from runner import __version__
from runner.cli import failures
from runner.cli.invocation import PROGRAM

COMMANDS = (
    *(
        "run",
        "plan",
        "envs",
        "images",
        "inspect",
        "explain",
        "check",
        "migrate",
        "rewrite",
        "show",
        "advise",
        "report",
        "compare",
        "scenario",
        "merge",
    ),
    *("gate", "accept", "baseline", "artifacts", "bisect"),
    *("causes", "claims", "boundaries", "singletons", "rejudge", "audit", "bench"),
)
"""Modules of this package, in the order of the help."""
DEVELOPER_COMMANDS = ("update", "releases", "docs")
"""For who changes this tool or its declarations."""
COMPLETION_VARIABLE = "_KERAS_MATRIX_COMPLETE"


class LazyGroup(click.Group):
    """Commands by the names of their modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in order."""
        del ctx
        return [*COMMANDS, *DEVELOPER_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command; None if there is no such command."""
        del ctx
        return load(cmd_name) if cmd_name in (*COMMANDS, *DEVELOPER_COMMANDS) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a name that is none is a usage error with the names there are."""
        if args[0].startswith("-") or self.get_command(ctx, args[0]):
            return super().resolve_command(ctx, args)
        names = ", ".join(self.list_commands(ctx))
        raise click.UsageError(f"no command {args[0]!r}; the commands are {names}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line a command, read from its source: nothing is imported for it."""
        del ctx
        for title, names in (("Commands", COMMANDS), ("For developers", DEVELOPER_COMMANDS)):
            with formatter.section(title):
                formatter.write_dl([(name, summary(name)) for name in names])


def load(name: str) -> click.Command:
    """Import one command."""
    command: click.Command = importlib.import_module(f"{__name__}.{name}").command
    return command


def summary(name: str) -> str:
    """Return the first line of a command's docstring."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="COMMAND --help has the arguments of a command, and examples.",
)
@click.version_option(__version__, message=f"keras-compatibility-matrix {__version__}")
def matrix() -> None:
    """Measure which saved Keras models load where, and whether they still behave."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of the process."""
    program = PROGRAM if Path(sys.argv[0]).name == PROGRAM else "python -m runner"
    instruction = os.environ.get(COMPLETION_VARIABLE)
    if instruction:
        return shell_complete(matrix, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
    arguments = list(sys.argv[1:] if argv is None else argv)
    told = failures.Told()
    try:
        with matrix.make_context(program, arguments, obj=told) as context:
            status = int(matrix.invoke(context) or 0)
        sys.stdout.flush()
    except (GeneratorExit, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends as one message
        return failures.explain(error, told)
    return status
