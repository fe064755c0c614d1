"""Check a model file: which versions really load it, how, and who computes the same.

FILE is loaded in each environment of the profile, in a sandbox: first as it is, then by ways that
need no code of yours. Each model is called on the same seeded inputs, and readers are held against
the version that wrote the file. FILE itself is only read.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.cli.invocation import fit_commands
from runner.domain.errors import (
    MatrixError,
    NoEnvironmentError,
    NoReader,
    NotReadable,
    SelectionError,
)
from runner.domain.request import PUBLISHED, Request

if TYPE_CHECKING:
    from runner.check import Answer, Order
    from runner.check.answer import Prediction, Reader
    from runner.declare.environments import EnvironmentSet
    from runner.domain import Environment
    from runner.inspect import Description


@click.command(
    "check",
    cls=Command,
    help=__doc__,
    examples=(
        ("nox -s check -- model.h5", "the environments of the profile `default`"),
        ("nox -s check -- model.keras --readers 'keras3*' --newest 3", "three of Keras 3"),
        (
            "nox -s check -- model.h5 --custom-objects mine.py --expect data.npz",
            "with classes and numbers of one's own",
        ),
    ),
)
@click.argument("file", metavar="FILE", type=options.PATH)
@click.option(
    "--readers",
    multiple=True,
    metavar="GLOB",
    shell_complete=completion.environments,
    help="Only these environments: a glob, or several with commas between.",
)
@click.option(
    "--newest", type=click.IntRange(1), metavar="N", help="Only the newest N environments."
)
@click.option(
    "--python", metavar="GLOB", default="", help="Only environments with this Python: 3.12."
)
@click.option(
    "--custom-objects",
    type=options.PATH,
    metavar="FILE",
    help="A Python module with the file's own classes and functions, or `build_model()`.",
)
@click.option("--allow-code", is_flag=True, help="Let bytecode in FILE run, in the sandbox.")
@click.option(
    "--expect",
    type=options.PATH,
    metavar="FILE",
    help="An .npz of your own inputs x and outputs y (x0, x1, ... of several).",
)
@click.option(
    "--free-size",
    type=click.IntRange(0, 4096),
    default=0,
    metavar="N",
    help="Size of what the model's inputs leave open, in the seeded inputs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON of the schema check/1.")
@click.option(
    "--html", type=options.PATH, metavar="FILE", help="Write the answer as one page, too."
)
@options.profile
@options.sandbox
@options.data
def command(  # noqa: PLR0913 - its options
    request: Request,
    *,
    file: Path,
    readers: tuple[str, ...],
    newest: int | None,
    python: str,
    custom_objects: Path | None,
    allow_code: bool,
    expect: Path | None,
    free_size: int,
    as_json: bool,
    html: Path | None,
    data: Path | None,
) -> int:
    """Check one file; exit 15 if no environment that tried loads it."""
    import msgspec

    from runner.check import Order, check
    from runner.check.order import order_readers
    from runner.declare.causes import load_causes
    from runner.declare.environments import read_environments
    from runner.inspect import describe
    from runner.inspect.fits import fitting

    for path in (file, custom_objects, expect):
        if path is not None and not path.exists():
            raise SelectionError(f"no such file or folder: {path}", next_step=f"ls {path.parent}")
    declared = read_environments()
    read = describe(file)
    ids, source = fitting(read, declared.environments)
    read = msgspec.structs.replace(read, environments=ids, environments_source=source)
    kind = _kind(read, file, custom_objects)
    chosen = choose(declared, request.profile, readers=readers, python=python, fitting=ids)
    order = Order(
        file=file,
        readers=order_readers(chosen, ids)[:newest],
        custom_objects=custom_objects,
        allow_code=allow_code,
        expect=expect,
        free_size=free_size,
    )
    if html is not None and html.resolve() == file.resolve():
        raise SelectionError("--html is FILE itself", next_step="choose another --html")
    if expect is not None:
        _check_expected(expect)
    table = _Table(order, as_json=as_json)
    answer = check(
        order,
        request,
        read,
        predictions=_predictions(request, data, order, read, kind),
        causes=load_causes(request.root / "scenarios" / "causes.toml"),
        say=table.row,
    )
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(answer), indent=1).decode("utf-8"))
    else:
        print("\n" + "\n".join(table.sentences(answer)))
    if html is not None:
        _write_page(answer, html)
    sys.stdout.flush()
    return _conclude(answer, order, read)


def choose(
    declared: EnvironmentSet,
    profile: str,
    *,
    readers: tuple[str, ...],
    python: str,
    fitting: tuple[str, ...],
) -> tuple[Environment, ...]:
    """Return the environments that are asked for.

    A profile gets the newest environment that fits the writer, where it has none that does: the
    others are held against it.

    Raises:
        SelectionError: an option matches nothing.
    """
    from runner.domain.selector import matches_any

    if readers:
        found = declared.naming(profile, readers).select(readers)
    else:
        found = declared.naming(profile, ()).profile(profile)
        if fitting and not any(each.id in fitting for each in found):
            likely = [declared.by_id(name) for name in fitting]
            newest = max(likely, key=lambda each: (each.backend == "tensorflow", each.order))
            found = (*found, newest)
    if python:
        known = sorted({each.python for each in found})
        found = tuple(each for each in found if matches_any(each.python, (python,)))
        if not found:
            raise SelectionError(
                f"--python {python!r} matches none of the environments",
                cause=f"they have Python {', '.join(known)}",
                next_step="nox -s envs",
            )
    return found


def _kind(description: Description, file: Path, custom_objects: Path | None) -> str:
    """Return the kind of the file.

    Raises:
        NotReadable: no version loads a model from it, or not without its code.
    """
    from runner.check.ways import OLD_WEIGHTS, WEIGHTS, NothingToLoad, kind_of

    try:
        kind = kind_of(description)
    except NothingToLoad as reason:
        raise NotReadable(f"{file}: {reason}", next_step=f"nox -s inspect -- {file}") from reason
    if kind in {WEIGHTS, OLD_WEIGHTS} and custom_objects is None:
        raise NotReadable(
            f"{file} holds weights alone: no version makes a model of it without its code",
            cause="it was written by save_weights; a module with build_model() is needed",
            next_step=f"nox -s check -- {file} --custom-objects MODULE.py",
        )
    return kind


def _check_expected(path: Path) -> None:
    """Read the user's own numbers once, before anything is loaded.

    Raises:
        NotReadable: they are not there.
    """
    from runner.check.outputs import BadData, read_expected

    try:
        read_expected(path)
    except BadData as reason:
        raise NotReadable(
            f"--expect {path}: {reason}",
            cause="an .npz of the arrays x and y is wanted",
            next_step="numpy.savez('data.npz', x=inputs, y=outputs)",
        ) from reason


def _predictions(
    request: Request, data: Path | None, order: Order, description: Description, kind: str
) -> Mapping[str, Prediction]:
    """Return what the matrix says of scenarios like the file; none without data of a run."""
    from runner.check.predict import predict, speaking
    from runner.check.ways import JOB_FORMATS
    from runner.declare.catalog import load_catalog
    from runner.inspect import matching_scenarios
    from runner.publish.texts import read_texts

    scenarios = load_catalog(request.root).scenarios
    like = speaking(scenarios, matching_scenarios(description, scenarios))
    if not like or kind not in JOB_FORMATS:
        return {}
    try:
        texts = read_texts(_folder(request, data))
    except MatrixError as error:
        print(f"no predictions: {error.message}", file=sys.stderr)
        return {}
    return predict(
        texts,
        [each.id for each in order.readers],
        scenarios=like,
        writers=description.environments,
        format_=JOB_FORMATS[kind],
    )


def _folder(request: Request, data: Path | None) -> Path:
    """Return the folder of a run: the one that is named, one's own, or the published one."""
    if data is not None or (request.out / "run.json").exists():
        return data or request.out
    return request.root / PUBLISHED


class _Table:
    """The table as it goes: on standard output, or beside JSON on standard error."""

    def __init__(self, order: Order, *, as_json: bool) -> None:
        from runner.render.check.terminal import head

        self.names = [each.id for each in order.readers]
        self.out = sys.stderr if as_json else sys.stdout
        print(head(self.names), file=self.out, flush=True)

    def row(self, reader: Reader, again: bool) -> None:  # noqa: FBT001 - as `check` calls it
        """Print a reader."""
        from runner.render.check.terminal import row

        for line in row(reader, self.names, again=again):
            print(line, file=self.out, flush=True)

    @staticmethod
    def sentences(answer: Answer) -> list[str]:
        """Return the answer in words."""
        from runner.render.check.terminal import sentences

        return [fit_commands(line) for line in sentences(answer)]


def _write_page(answer: Answer, path: Path) -> None:
    from runner.render.check.page import render
    from runner.store.files import atomic_write_text

    atomic_write_text(path, render(answer))
    print(f"page: {path}", file=sys.stderr)


def _conclude(answer: Answer, order: Order, description: Description) -> int:
    """Return the exit code.

    Raises:
        NoEnvironmentError: nobody could try.
        NoReader: nobody who tried loads it, or gives the expected outputs.
    """
    from runner.check.results import Result

    if not answer.tried:
        raise NoEnvironmentError(
            f"no environment could try to load {order.file}",
            cause="; ".join(f"{each.environment}: {each.why}" for each in answer.readers[:3]),
            next_step="nox -s envs -- --build",
        )
    if not answer.works:
        what = "gives the outputs of --expect" if answer.expected else "loads it"
        file = order.file
        step = f"nox -s inspect -- {file}"
        if any(each.result is Result.CODE_REFUSED for each in answer.tried):
            step = f"nox -s check -- {file} --allow-code"
        elif description.custom and order.custom_objects is None:
            step = f"nox -s check -- {file} --custom-objects MODULE.py"
        raise NoReader(
            f"none of the {len(answer.tried)} environments that tried {what}: {file}",
            cause="; ".join(dict.fromkeys(each.cause or each.why for each in answer.tried[:3])),
            next_step=step,
        )
    return 0
