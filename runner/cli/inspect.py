"""Describe a model file: its container, its writer, its contents and what is missing.

No framework is needed and nothing of the file is executed: it is read, as bytes, by a process with
limits. Every statement says whether it was read in the file or inferred, and from what. A pickle
is recognised and never opened.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runner.cli import options
from runner.cli.command import Command
from runner.domain.request import Request


@click.command(
    "inspect",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s inspect -- model.h5", "one file"),
        ("nox -s inspect -- --json model.keras saved_model_folder", "several, for a program"),
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=options.PATH)
@click.option("--json", "as_json", is_flag=True, help="Print JSON of the schema inspect/1.")
def command(request: Request, *, files: tuple[Path, ...], as_json: bool) -> int:
    """Print the descriptions."""
    import msgspec

    from runner.declare.catalog import load_catalog
    from runner.declare.environments import read_environments
    from runner.domain.errors import MatrixError, NotReadable
    from runner.inspect import describe, matching_scenarios
    from runner.inspect.description import SCHEMA, Answer
    from runner.inspect.fits import fitting
    from runner.inspect.text import describe_text, last_lines

    environments = read_environments().environments
    scenarios = load_catalog(request.root).scenarios
    found, errors = [], []
    for path in files:
        try:
            read = describe(path)
        except MatrixError as error:
            errors.append(error)
            continue
        ids, source = fitting(read, environments)
        read = msgspec.structs.replace(
            read,
            environments=ids,
            environments_source=source,
            scenarios=matching_scenarios(read, scenarios),
        )
        found.append(read)
    if as_json:
        answer = Answer(schema=SCHEMA, files=tuple(found))
        print(msgspec.json.format(msgspec.json.encode(answer), indent=1).decode("utf-8"))
    else:
        for read in found:
            print("\n".join(describe_text(read)))
        if found:
            print("\n".join(last_lines()))
    sys.stdout.flush()
    unknown = [read for read in found if not read.known]
    for each in errors[:-1]:
        print(f"error: {each}", file=sys.stderr)
    if errors:
        raise errors[-1]
    if unknown:
        first = unknown[0]
        raise NotReadable(
            f"{first.path} is nothing that Keras models are kept in: {first.title}",
            cause="the name is wrong, or the file was damaged on its way",
            next_step="download or copy it again, and compare its size with the original's",
        )
    return 0
