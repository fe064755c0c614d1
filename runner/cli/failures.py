"""Errors as one message on standard error and an exit code: input any exception, output a code.

Exit codes are those of `runner.domain.errors`, and the ones below; docs/commands.md lists them.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from runner.cli.invocation import fit_commands
from runner.domain.errors import MatrixError, StoreError

USAGE = 2
INTERNAL_ERROR = 70
INTERRUPTED = 130
LONGEST_LINE = 1200
"""Characters of one line of a message; of a longer one the middle is left out."""
FOLDER = "errors"
"""In the store: the tracebacks of errors of this tool itself."""


@dataclass(slots=True)
class Told:
    """The settings of a command that matter when it fails."""

    store: Path | None = None
    traceback: bool = False


def explain(error: BaseException, told: Told) -> int:
    """Print the error and return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has seen enough; say no more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, KeyboardInterrupt | click.Abort):
        _say("interrupted; run the same command again to go on from here")
        return INTERRUPTED
    if told.traceback and not isinstance(error, click.ClickException):
        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        return _explain_usage(error)
    if isinstance(error, OSError):
        error = _explain_system(error)
    if not isinstance(error, MatrixError):
        error = _explain_fault(error, told)
    _say(f"error: {error}")
    return error.exit_code


def shorten(text: str) -> str:
    """Leave out the middle of lines that are too long to read: somebody's value, most often."""
    return "\n".join(map(_shorten_line, text.split("\n")))


def _shorten_line(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    end = LONGEST_LINE // 2 - 40
    left_out = len(line) - 2 * end
    return f"{line[:end]} ... ({left_out} characters left out) ... {line[-end:]}"


def _say(text: str) -> None:
    print(fit_commands(shorten(text)), file=sys.stderr)


def _explain_usage(error: click.ClickException) -> int:
    """Say how the command is used, in the words of every other error."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        _say(error.format_message())
        return USAGE
    if context is not None:
        _say(context.get_usage())
    hint = f"\n  next: {context.command_path} --help" if context else ""
    _say(f"error: {error.format_message()}{hint}")
    return USAGE


def _explain_system(error: OSError) -> StoreError:
    """Explain an error of the operating system that no stage foresaw: most often the disk."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        cause = "a file or folder is missing, or was removed while the command ran"
        step = "restore it (git status shows those of the repository), then"
    else:
        cause = "the disk is full, or a folder is read-only"
        step = "free space, or choose another folder, then"
    return StoreError(
        f"the operating system refused: {error}",
        cause=cause,
        next_step=f"{step} run the same command again: every recorded cell is kept",
    )


def _explain_fault(error: BaseException, told: Told) -> MatrixError:
    """Keep the traceback of an error of our own, and say where."""
    kept = None if told.traceback else _keep_traceback(error, told.store)
    if kept is None and not told.traceback:
        traceback.print_exception(error)
    return MatrixError(
        f"an error of this tool itself: {type(error).__name__}: {error}",
        cause="a fault of this tool; every recorded cell is kept",
        next_step=f"report it with the traceback {f'in {kept}' if kept else 'above'}",
    )


def _keep_traceback(error: BaseException, store: Path | None) -> Path | None:
    """Write the traceback into the store; None if there is none, or none that can be written."""
    if store is None or not store.is_dir():
        return None
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = store / FOLDER / f"{at}-{os.getpid()}.txt"
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return None
    return path
