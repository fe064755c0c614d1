"""A path -> its `Description`, read by `child.py` in a process of its own.

Input: a path. Output: the description; what the reading cost is bounded by that process' limits
of time and memory, whatever the file does to its readers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from runner.domain.errors import MatrixError, NotReadable, SelectionError
from runner.host import process
from runner.inspect.description import Description

CHILD = Path(__file__).with_name("child.py")
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 30.0
ERRORS = {"SelectionError": SelectionError, "NotReadable": NotReadable}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The child's output: a description, or an error."""

    description: Description | None = None
    error: str = ""
    message: str = ""
    cause: str = ""
    next_step: str = ""


def describe(path: Path) -> Description:
    """Describe a file or folder.

    Raises:
        SelectionError: there is nothing of that name.
        NotReadable: it is no file or folder, may not be read, or cost more than it may.
    """
    whole = str(path.absolute())
    if "\0" in whole:
        raise SelectionError("a path has no zero byte in it", next_step="keras-matrix inspect FILE")
    command = [sys.executable, "-I", "-B", str(CHILD), str(ROOT), whole]
    done = process.run(command, timeout_s=TIMEOUT_S)
    if not done.ok:
        raise _failed(path, done)
    try:
        answer = msgspec.json.decode(done.stdout, type=Answer)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise NotReadable(
            f"{path}: the reader's answer cannot be read: {error}",
            cause="an error of this tool",
            next_step="report it, with the file if it may be shown",
        ) from error
    if answer.description is None:
        raise ERRORS.get(answer.error, MatrixError)(
            answer.message, cause=answer.cause, next_step=answer.next_step
        )
    return msgspec.structs.replace(answer.description, path=str(path))


def _failed(path: Path, done: process.Completed) -> NotReadable:
    if done.timed_out or done.returncode < 0:
        how = "took too long" if done.timed_out else process.signal_name(-done.returncode)
        return NotReadable(
            f"{path}: reading it was ended: {how}",
            cause="the file is made to exhaust whoever reads it",
            next_step=f"ls -l {path}",
        )
    last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    return NotReadable(
        f"{path}: the reader failed: {last[0][:200]}",
        cause="the file exhausts its memory, or an error of this tool",
        next_step=f"ls -l {path}",
    )
