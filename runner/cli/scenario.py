"""Write the template of a new scenario, which runs at once.

`new NAME` writes NAME.py and its entry in catalog.toml into a folder: `scenarios` here, or that of
--into. Outside of this repository, commands take such a folder with --scenarios.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from runner.cli import options
from runner.cli.command import Command
from runner.cli.invocation import ROOT, fit_commands
from runner.domain.request import Request


@click.command(
    "scenario",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s scenario -- new my_model", "in this repository"),
        ("nox -s scenario -- new my_model --into ../my-models", "in a folder of your own"),
    ),
)
@click.argument("action", type=click.Choice(["new"]))
@click.argument("name", metavar="NAME")
@click.option(
    "--into",
    type=options.PATH,
    default=Path("scenarios"),
    metavar="FOLDER",
    help="Where to write (default: scenarios, in the current folder).",
)
def command(request: Request, *, action: str, name: str, into: Path) -> int:
    """Write the two files and say how to run them."""
    from runner.declare.own_scenarios import CATALOG, write_new

    del request, action
    module = write_new(name, into)
    own = into.resolve() != (ROOT / "scenarios").resolve()
    print(f"{module}: the model")
    print(f"{into / CATALOG}: its entry")
    line = f"nox -s matrix -- --profile smoke --scenario {name}"
    if own:
        line += f" --scenarios {shlex.quote(str(into))}"
    print(f"run it: {fit_commands(line)}")
    return 0
