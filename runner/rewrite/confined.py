"""Model files -> edited copies, made by `child.py` in a process of its own.

Input: the paths of files and of their copies, and for each the environment that shall read it.
Output: for each what was changed, or why it could not be. The files are hostile: only the confined
process opens them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from runner.domain.errors import NotReadable, SelectionError
from runner.domain.rewriting import Rewritten
from runner.host import process

CHILD = Path(__file__).with_name("child.py")
ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "scenarios" / "rewrites.toml"
TIMEOUT_S = 600.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One file to be edited."""

    path: str
    copy: str
    """Path of the copy, which must not exist."""
    reader: str
    """Id of the environment that shall read it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The child's output for one order: what it changed, or an error."""

    rewritten: Rewritten | None = None
    message: str = ""
    cause: str = ""
    next_step: str = ""


def rewrite(path: Path, copy: Path, reader: str, *, rules: Path = RULES) -> Rewritten:
    """Edit the configuration of one file in a copy, for an environment to read it.

    Where no rule applies nothing is written, and `changes` is empty. The file is never touched.

    Raises:
        SelectionError: there is no such file, or the copy exists.
        NotReadable: it has no configuration, is damaged, or cost more than it may.
    """
    if not path.is_file():
        raise SelectionError(f"{path}: there is no such file", next_step=f"ls -l {path.parent}")
    if copy.exists():
        raise SelectionError(
            f"{copy}: it is there already", next_step=f"choose another name, or: rm {copy}"
        )
    order = Order(path=str(path.absolute()), copy=str(copy.absolute()), reader=reader)
    found = rewrite_all([order], rules=rules)[0]
    if isinstance(found, NotReadable):
        raise found
    return found


def rewrite_all(orders: Sequence[Order], *, rules: Path = RULES) -> list[Rewritten | NotReadable]:
    """Edit many files in one process; return for each what was changed, or why it could not be.

    A file that ends the process is answered so, and the others are done by another one.
    """
    found: list[Rewritten | NotReadable] = []
    while len(found) < len(orders):
        left = orders[len(found) :]
        answers, ended = _run(left, rules)
        found += [_read(each) for each in answers[: len(left)]]
        if len(answers) < len(left):
            Path(left[len(answers)].copy).unlink(missing_ok=True)
            found.append(_ended(left[len(answers)], ended))
    return found


def _run(orders: Sequence[Order], rules: Path) -> tuple[list[Answer], process.Completed]:
    """Run the child; return its whole answers, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="rewrite-") as folder:
        told = Path(folder) / "orders.json"
        told.write_bytes(msgspec.json.encode(list(orders)))
        command = [sys.executable, "-I", "-B", str(CHILD), str(ROOT), str(rules), str(told)]
        done = process.run(command, timeout_s=TIMEOUT_S)
    answers = []
    for line in done.stdout.splitlines():
        try:
            answers.append(msgspec.json.decode(line, type=Answer))
        except (msgspec.DecodeError, UnicodeEncodeError):
            break
    return answers, done


def _read(answer: Answer) -> Rewritten | NotReadable:
    if answer.rewritten is not None:
        return answer.rewritten
    return NotReadable(answer.message, cause=answer.cause, next_step=answer.next_step)


def _ended(order: Order, done: process.Completed) -> NotReadable:
    if done.timed_out or done.returncode < 0:
        how = "it took too long" if done.timed_out else process.signal_name(-done.returncode)
    else:
        how = (done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"])[0]
    return NotReadable(
        f"{order.path}: editing it was ended: {how[:200]}",
        cause="the file is made to exhaust whoever reads it, or an error of this tool",
        next_step=f"keras-matrix inspect {order.path}",
    )
