"""Edit the configuration of a model file in a copy, so that another version reads it.

FILE is only read. The weights are copied as they are, and no framework runs. The rules are data
(scenarios/rewrites.toml); each edit is printed with its reason. It does not promise that a version
reads the copy as the same model: the remedy `rewrite` says in which pairs that was measured.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.domain.request import Request


@click.command(
    "rewrite",
    cls=Command,
    help=__doc__,
    examples=(("nox -s rewrite -- model.h5 copy.h5 --reader keras3.15", "for Keras 3.15"),),
)
@click.argument("file", metavar="FILE", type=options.PATH)
@click.argument("copy", metavar="COPY", type=options.PATH)
@click.option(
    "--reader",
    required=True,
    metavar="ENVIRONMENT",
    shell_complete=completion.environments,
    help="The environment that shall read the copy.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the edits as JSON.")
def command(request: Request, *, file: Path, copy: Path, reader: str, as_json: bool) -> int:
    """Write the copy and print the edits; where there is nothing to edit, write none."""
    import msgspec

    from runner.declare.environments import read_environments
    from runner.declare.rewrites import load_rewrites
    from runner.domain.errors import SelectionError
    from runner.rewrite import rewrite

    known = read_environments(request.root / "containers" / "environments.toml")
    if reader not in known.naming("full", (reader,)).ids:
        raise SelectionError(
            f"no environment is named {reader!r}",
            cause="a typing error, or a version that is not declared",
            next_step="see the environments there are: `nox -s envs`",
        )
    rules_file = request.root / "scenarios" / "rewrites.toml"
    done = rewrite(file, copy, reader, rules=rules_file)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(done), indent=1).decode() + "\n")
        return 0
    if not done.changes:
        print(f"no rule changes {file} for {reader}: no copy was written")
        return 0
    reasons = {each.id: each.reason for each in load_rewrites(rules_file)}
    for name in done.rules:
        print(f"{name}: {reasons[name]}")
        for each in done.changes:
            if each.rule == name:
                print(f"    {each.where}: {each.what} {each.before or '(absent)'}", end="")
                print(f" -> {each.after or '(left out)'}")
    print(f"{copy}: written, {len(done.changes)} edits; hold its outputs against the original's")
    return 0
