"""Advise how to load one file with one reader.

The file is named by the environment that wrote it, its scenario and its format: one id each,
no glob.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.cli.run_data import explain_missing, open_data
from runner.domain.request import Request


@click.command(
    "advise",
    cls=Command,
    help=__doc__,
    examples=(
        (
            (
                "nox -s advise -- --writer tf2.12 --reader keras3.15"
                " --scenario l2_sequential --format h5"
            ),
            "an H5 file of TensorFlow 2.12, read by Keras 3.15",
        ),
    ),
)
@click.option(
    "--writer",
    required=True,
    metavar="ID",
    shell_complete=completion.environments,
    help="The environment that wrote the file.",
)
@click.option(
    "--reader",
    required=True,
    metavar="ID",
    shell_complete=completion.environments,
    help="The environment that reads it.",
)
@click.option(
    "--scenario",
    required=True,
    metavar="ID",
    shell_complete=completion.scenarios,
    help="The scenario that is most like the model.",
)
@click.option(
    "--format",
    "format_",
    required=True,
    metavar="ID",
    shell_complete=completion.formats,
    help="The format of the file.",
)
@options.data
def command(
    request: Request, *, writer: str, reader: str, scenario: str, format_: str, data: Path | None
) -> int:
    """Print the advice."""
    from runner.analyse.advice import advise, describe_advice

    pair = {"scenario": scenario, "format": format_, "writer": writer, "reader": reader}
    folder, found = open_data(request, data)
    advice = advise(found, pair)
    if advice is None:
        raise explain_missing(pair, found, folder, again=_command_line)
    print("\n".join(describe_advice(advice)))
    return 0


def _command_line(pair: Mapping[str, str]) -> str:
    given = " ".join(f"--{part} {shlex.quote(value)}" for part, value in pair.items())
    return f"nox -s advise -- {given}"
