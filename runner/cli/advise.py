"""Advise how to load one file with one reader.

The file is named by the environment that wrote it, its scenario and its format: one id each,
no glob. With --check all advice of the run is held against its cells.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.cli.run_data import explain_missing, open_data
from runner.domain.errors import SelectionError
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
        ("nox -s advise -- --check", "fails if any advice of a run contradicts its cells"),
    ),
)
@click.option(
    "--writer",
    default="",
    metavar="ID",
    shell_complete=completion.environments,
    help="The environment that wrote the file.",
)
@click.option(
    "--reader",
    default="",
    metavar="ID",
    shell_complete=completion.environments,
    help="The environment that reads it.",
)
@click.option(
    "--scenario",
    default="",
    metavar="ID",
    shell_complete=completion.scenarios,
    help="The scenario that is most like the model.",
)
@click.option(
    "--format",
    "format_",
    default="",
    metavar="ID",
    shell_complete=completion.formats,
    help="The format of the file.",
)
@click.option("--check", is_flag=True, help="Exit 10 if any advice contradicts the cells.")
@options.data
def command(
    request: Request,
    *,
    writer: str,
    reader: str,
    scenario: str,
    format_: str,
    check: bool,
    data: Path | None,
) -> int:
    """Print the advice, or check all of it."""
    from runner.analyse.advice import advise, describe_advice

    if check:
        return _check_all(request, data)
    _require_pair({"writer": writer, "reader": reader, "scenario": scenario, "format": format_})
    pair = {"scenario": scenario, "format": format_, "writer": writer, "reader": reader}
    folder, found = open_data(request, data, scenario=scenario)
    advice = advise(found, pair)
    if advice is None:
        raise explain_missing(pair, found, folder, again=_command_line)
    print("\n".join(describe_advice(advice)))
    return 0


def _require_pair(given: Mapping[str, str]) -> None:
    missing = [f"--{part}" for part, value in given.items() if not value]
    if missing:
        raise SelectionError(
            f"one file and one reader are needed: {', '.join(missing)} is missing",
            next_step=_command_line({part: value or "ID" for part, value in given.items()}),
        )


def _check_all(request: Request, data: Path | None) -> int:
    """Hold every row of advice against the cells of its run."""
    from runner.analyse.advice import build_advice
    from runner.analyse.advice_check import check_advice
    from runner.cli.columns import align
    from runner.domain.errors import ControlFailure

    _, found = open_data(request, data)
    advice = build_advice(found.cells, found.run) if found.advice is None else found.advice
    checked = check_advice(advice, found.cells, found.run)
    rows = [(each.name, str(each.of), str(len(each.wrong)), each.says) for each in checked]
    for line in align(("check", "rows", "wrong", "held against the cells"), rows):
        print(line)
    wrong = [each for each in checked if each.wrong]
    for each in wrong:
        print(f"{each.name}: {each.says}")
        for example in each.examples:
            print(f"    {example}")
    if wrong:
        raise ControlFailure(
            f"{sum(len(each.wrong) for each in wrong)} statements contradict the cells",
            cause="the advice was edited, or made by another version of this tool",
            next_step="nox -s rejudge -- --data FOLDER",
        )
    return 0


def _command_line(pair: Mapping[str, str]) -> str:
    given = " ".join(f"--{part} {shlex.quote(value)}" for part, value in pair.items())
    return f"nox -s advise -- {given}"
