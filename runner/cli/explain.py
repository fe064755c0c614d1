"""Explain an error text: its cause, where it was seen, and what helped.

TEXT is a message, a traceback, its last line, or a log that holds one; without TEXT it is read
from standard input. A text says nothing of the versions, the format or the way of loading: each
cause that it may have is listed, the likeliest first, and options narrow them. Names, numbers and
paths in it may be any.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli import completion, options
from runner.cli.command import Command
from runner.cli.invocation import fit_commands
from runner.cli.run_data import find_folder
from runner.domain.errors import NotReadable, SelectionError, UnknownText
from runner.domain.request import Request
from runner.domain.selector import alternatives, matches_any, suggest

if TYPE_CHECKING:
    from runner.analyse.explain import Explanation, Given, Match, Possible
    from runner.publish.record import RunRecord, SaidRecord

LONGEST_BYTES = 16_000_000
"""Of a file or of standard input that are read; its end counts."""
SHOWN_CAUSES = 3
SHOWN_REMEDIES = 6
SHOWN_MESSAGE = 300


@click.command(
    "explain",
    cls=Command,
    help=__doc__,
    examples=(
        (
            "nox -s explain -- \"Unrecognized keyword arguments passed to LSTM: {'causal': 1}\"",
            "a message",
        ),
        (
            "nox -s explain -- --reader keras3.15 --format h5 'Unknown layer: Scale'",
            "where the reader and the format are known",
        ),
    ),
)
@click.argument("text", default="", metavar="[TEXT]")
@click.option(
    "--file", "file", type=options.PATH, metavar="FILE", help="A file that holds the text."
)
@click.option(
    "--writer",
    default="",
    metavar="GLOB",
    shell_complete=completion.environments,
    help="Environments that may have written the file.",
)
@click.option(
    "--reader",
    default="",
    metavar="GLOB",
    shell_complete=completion.environments,
    help="Environments that may have raised it.",
)
@click.option(
    "--format",
    "format_",
    default="",
    metavar="GLOB",
    shell_complete=completion.formats,
    help="Formats that the file may have.",
)
@click.option(
    "--remedy",
    default="",
    metavar="GLOB",
    shell_complete=completion.remedies,
    help="Ways it may have been loaded; `none` is the bare load.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON of the schema explain/1.")
@options.data
def command(
    request: Request,
    *,
    text: str,
    file: Path | None,
    writer: str,
    reader: str,
    format_: str,
    remedy: str,
    as_json: bool,
    data: Path | None,
) -> int:
    """Print the causes that a text may have; exit 9 if it is unknown."""
    import msgspec

    from runner.analyse.error_text import read_text
    from runner.analyse.explain import explain_text
    from runner.declare.causes import load_causes
    from runner.publish.texts import read_texts

    readings = read_text(_read_input(text, file))
    if not readings:
        raise click.UsageError("there is no text to explain")
    found = read_texts(find_folder(request, data))
    given = _given(found.run, writer=writer, reader=reader, format_=format_, remedy=remedy)
    causes = load_causes(request.root / "scenarios" / "causes.toml")
    told = explain_text(readings, causes, found, given)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(told), indent=1).decode("utf-8"))
    else:
        print(fit_commands("\n".join(_describe(told))))
    sys.stdout.flush()
    if not told.known:
        raise UnknownText(
            "no cause is known for this text",
            cause="no rule matches it, and no cell of the run has a message of this kind",
            next_step="give all of the traceback, with --file FILE; "
            "`nox -s causes` lists the causes there are",
        )
    return 0


def _read_input(text: str, file: Path | None) -> str:
    if text and file is not None:
        raise click.UsageError("give TEXT or --file, not both")
    if text:
        return text
    if file is None:
        return _decode(_read_end(sys.stdin.buffer))
    try:
        with file.open("rb") as stream:
            return _decode(_read_end(stream))
    except OSError as error:
        raise NotReadable(
            f"cannot read {file}: {error.strerror}",
            cause="the name is wrong, or the file is not yours to read",
            next_step="nox -s explain -- --file FILE",
        ) from error


def _read_end(stream: Any) -> bytes:
    """Read a stream, in bounded memory, and keep its end."""
    kept = b""
    read = 0
    while read < LONGEST_BYTES and (part := stream.read(1_000_000)):
        read += len(part)
        kept = (kept + part)[-4_000_000:]
    return kept


def _decode(content: bytes) -> str:
    for mark, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return content[2:].decode(name, errors="replace")
    return content.decode("utf-8", errors="replace")


def _given(run: RunRecord, *, writer: str, reader: str, format_: str, remedy: str) -> Given:
    from runner.analyse.explain import Given
    from runner.domain import Format

    environments = run.environment_ids
    return Given(
        writers=_globs("writer", writer, environments),
        readers=_globs("reader", reader, environments),
        formats=_globs("format", format_, tuple(map(str, Format))),
        remedies=_globs("remedy", remedy, tuple(each.id for each in run.remedies)),
    )


def _globs(option: str, given: str, names: Sequence[str]) -> tuple[str, ...]:
    globs = tuple(alternatives(given)) if given else ()
    for each in globs:
        if not any(matches_any(name, (each,)) for name in names):
            close = suggest(each, names)
            raise SelectionError(
                f"--{option} {each!r} matches nothing in this run",
                cause=f"did you mean {' or '.join(close)}?" if close else "it is misspelt, or new",
                next_step=f"choose of {', '.join(names)}",
            )
    return globs


def _describe(told: Explanation) -> Iterator[str]:
    if not told.known:
        yield from _describe_unknown(told)
        return
    first, *others = told.causes
    yield from _describe_cause(first)
    if others:
        yield ""
        yield "The text alone does not exclude:"
    for each in others[:SHOWN_CAUSES]:
        yield f"  {each.id}: {each.title} ({_share(each)})"
        if each.match is not None and each.match.unknown:
            yield f"      if {_conditions(each.match.unknown)}"
    if len(others) > SHOWN_CAUSES:
        yield f"  and {len(others) - SHOWN_CAUSES} more (--json lists all)"


def _describe_cause(cause: Possible) -> Iterator[str]:
    yield f"{cause.id}: {cause.title}"
    yield f"  {_share(cause)}"
    yield from _describe_match(cause.match)
    for said in cause.says:
        yield f"  - {said.text}{_basis(said)}"
    if cause.writers:
        yield f"  seen in files written by {cause.writers}"
        yield f"  and read by {cause.readers}"
    yield from _describe_helped(cause)
    yield from (f"  see {link}" for link in cause.links)
    if cause.example:
        yield f"  an example: nox -s show -- '{cause.example}'"


def _share(cause: Possible) -> str:
    if not cause.of:
        return "no cell of the run has a message of this kind; a rule matches it"
    return f"{cause.cells:,} of the {cause.of:,} cells of the run with a message of this kind"


def _describe_match(match: Match | None) -> Iterator[str]:
    if match is None:
        yield "  named for its kind of message: the text is a part of it that no rule reads"
        return
    yield f"  rule {match.rule} matched: {_conditions(match.conditions)}"
    if match.unknown:
        yield f"  it also asks for, and the text does not say: {_conditions(match.unknown)}"


def _conditions(conditions: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in conditions.items())


def _basis(said: SaidRecord) -> str:
    if said.basis == "cells" and said.of:
        return f" ({said.holds:,} of {said.of:,} cells)"
    if said.basis == "source":
        return f" ({said.link})"
    return " (not measured)" if said.basis == "untested" else ""


def _describe_helped(cause: Possible) -> Iterator[str]:
    if not cause.helped:
        yield "  no other way of loading was tried in its place"
        return
    yield "  gave the model that was saved, of the pairs where the bare load had this cause:"
    for each in cause.helped[:SHOWN_REMEDIES]:
        yield f"    {each.helped:,} of {each.tried:,}  {each.remedy}: {each.title}"
    if cause.untried:
        yield f"    not tried: {', '.join(cause.untried)}"


def _describe_unknown(told: Explanation) -> Iterator[str]:
    message = " ".join(told.message[:SHOWN_MESSAGE].split())
    yield f"unknown: {f'{told.exception}: ' if told.exception else ''}{message}"
    if not told.nearest:
        yield "  no known message is like it"
        return
    yield "  the nearest known messages (distance 0 is equal, 1 has nothing in common):"
    for each in told.nearest:
        yield f"  {each.distance:.2f}  {each.message}"
        yield f"        {', '.join(_numbers(each.causes.items()))}"
        yield f"        show it: nox -s show -- '{each.example}'"


def _numbers(counts: Iterable[tuple[str, int]]) -> Iterator[str]:
    for name, number in counts:
        yield f"{name} ({number:,} cells)"
