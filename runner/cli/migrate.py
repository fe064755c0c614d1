"""Migrate a model file: a chain of environments to a file that another version reads.

FILE is loaded in a sandbox, in the environment that fits its writer, and every other reader is held
against the outputs computed there. The new file is written once the target loads it, as it is, as
the same model; its manifest stands beside it. FILE itself is only read.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.domain.errors import NoChain
from runner.domain.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.inspect import Description
    from runner.migrate import Manifest, Order


@click.command(
    "migrate",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s migrate -- model.h5 --to keras3.15 --out model.keras", "one file"),
        (
            "nox -s migrate -- model.h5 --to keras3.15 --out new.keras --custom-objects mine.py",
            "with classes of one's own",
        ),
    ),
)
@click.argument("file", metavar="FILE", type=options.PATH)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="ENVIRONMENT",
    shell_complete=completion.environments,
    help="The environment that shall read the new file.",
)
@click.option(
    "--out", required=True, type=options.PATH, metavar="FILE", help="The new file: .keras or .h5."
)
@click.option(
    "--custom-objects",
    type=options.PATH,
    metavar="FILE",
    help="A Python module with the file's own classes and functions.",
)
@click.option("--allow-code", is_flag=True, help="Let bytecode in FILE run, in the sandbox.")
@click.option("--force", is_flag=True, help="Replace what is at --out.")
@click.option(
    "--keep-intermediate",
    "keep",
    type=options.PATH,
    metavar="FOLDER",
    help="Keep the files between in this folder.",
)
@click.option(
    "--free-size",
    type=click.IntRange(0, 4096),
    default=0,
    metavar="N",
    help="Size of what the model's inputs leave open, in the inputs it is tried with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest, schema migrate/1.")
@options.sandbox
@options.store
def command(
    request: Request,
    *,
    file: Path,
    target: str,
    out: Path,
    custom_objects: Path | None,
    allow_code: bool,
    force: bool,
    keep: Path | None,
    free_size: int,
    as_json: bool,
) -> int:
    """Migrate one file; exit 14 if there is no chain."""
    from runner.declare.environments import read_environments
    from runner.domain.errors import NotReadable, SelectionError
    from runner.domain.selector import suggest
    from runner.inspect import describe
    from runner.inspect.fits import fitting
    from runner.migrate import Order, migrate
    from runner.migrate.manifest import encode
    from runner.migrate.work import check_places

    environments = read_environments().environments
    names = [each.id for each in environments]
    if target not in names:
        close = suggest(target, names)
        raise SelectionError(
            f"--to {target}: no environment has this id",
            cause=f"did you mean {' or '.join(close)}?" if close else "it is misspelt, or too new",
            next_step="nox -s envs",
        )
    for path in (file, custom_objects):
        if path is not None and not path.exists():
            raise SelectionError(f"no such file or folder: {path}", next_step=f"ls {path.parent}")
    order = Order(
        file=file,
        target=target,
        out=out,
        custom_objects=custom_objects,
        allow_code=allow_code,
        force=force,
        keep=keep,
        free_size=free_size,
    )
    check_places(order)
    read = describe(file)
    if not read.known:
        raise NotReadable(
            f"{file} is nothing that Keras models are kept in: {read.title}",
            next_step=f"nox -s inspect -- {file}",
        )
    import msgspec

    ids, source = fitting(read, environments)
    read = msgspec.structs.replace(read, environments=ids, environments_source=source)
    manifest = migrate(order, request, read, environments, _say)
    if as_json:
        sys.stdout.write(encode(manifest).decode("utf-8"))
    elif manifest.migrated:
        print("\n".join(_describe(manifest, out)))
    sys.stdout.flush()
    if not manifest.migrated:
        raise _explain(manifest, order, read)
    return 0


def _explain(manifest: Manifest, order: Order, description: Description) -> NoChain:
    """Say why there is no chain, and what may give one."""
    file = order.file
    refused = any(each.outcome == "code_refused" for each in manifest.attempts)
    cause, step = "no step that was tried gives the same model", f"nox -s inspect -- {file}"
    again = f"nox -s migrate -- {file} --to {order.target} --out {order.out}"
    if refused and not order.allow_code:
        cause, step = "the file holds Python bytecode, which did not run", f"{again} --allow-code"
    elif description.custom and order.custom_objects is None and manifest.attempts:
        names = ", ".join(dict.fromkeys(each.value for each in description.custom[:3]))
        cause = f"it has classes or functions that are not Keras' own: {names}"
        step = f"{again} --custom-objects MODULE.py"
    return NoChain(
        f"no chain leads from {file} to {order.target}: {manifest.why}",
        cause=cause,
        next_step=step,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _describe(manifest: Manifest, out: Path) -> Iterator[str]:
    new, reference = manifest.new, manifest.reference
    assert new is not None  # noqa: S101 - asked only of what was migrated
    assert reference is not None  # noqa: S101
    yield f"{out}  {new.bytes:,} bytes, sha256 {new.sha256[:16]}"
    for number, step in enumerate(manifest.steps, 1):
        yield f"  {number}. {step.environment} reads {step.reads.name} {step.words}, "
        yield f"     and saves {step.writes.name}"
    agreed = [each.aspect for each in manifest.verified if each.status == "agrees"]
    fits = "which fits its writer" if reference.fits else "which its writer is not known to be"
    yield f"  held against {reference.environment}, {fits}: {', '.join(agreed)} agree"
    if manifest.largest_difference is not None:
        yield f"  largest difference of the outputs: {manifest.largest_difference:.3g}"
    if reference.agree:
        yield f"  the same original gives the same outputs in {', '.join(reference.agree)}"
    if reference.differ:
        yield f"  WARNING: {', '.join(reference.differ)} computes something else of the original"
    for sentence in manifest.lost:
        yield f"  not as in the original: {sentence}"
