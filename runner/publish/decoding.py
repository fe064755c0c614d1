"""The decoding of a published run's files: frozen records, or one clear error.

Input: a path and the type of its record. Output: the record. Whatever is in the file, it is
read or refused with a message that names it: a value that is repeated there is cut short.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runner.domain.errors import ConfigurationError, StoreError
from runner.publish.record import Record

MAKE_DATA = "run `nox -s matrix` to make it, or name the folder of another run"
SHOWN = 200
"""Characters of a reason, which may quote the file."""
Read = TypeVar("Read", bound=Record)


class _Stamp(msgspec.Struct):
    schema: Any = None


def read_record(path: Path, kind: type[Read], next_step: str = MAKE_DATA) -> Read:
    """Decode a JSON file into a record.

    Raises:
        StoreError: it is missing, cannot be read, or is no such record.
        ConfigurationError: it has another schema than this tool reads.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(f"there is no {path}", next_step=next_step) from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", next_step=next_step) from error
    try:
        _check_schema(path, msgspec.json.decode(text, type=_Stamp), kind)
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StoreError(
            f"cannot read {path}: {shorten_reason(error)}",
            cause="it was damaged, edited, or written by another version of this tool",
            next_step=next_step,
        ) from error


def shorten_reason(error: BaseException) -> str:
    """Return an error's text on one line, cut where it quotes at length."""
    said = " ".join(str(error)[: SHOWN * 4].split()) or type(error).__name__
    return said if len(said) <= SHOWN else f"{said[: SHOWN // 2]} … {said[-SHOWN // 3 :]}"


def _check_schema(path: Path, stamp: _Stamp, kind: type[Record]) -> None:
    expected = schema_of(kind)
    if expected and stamp.schema != expected:
        raise ConfigurationError(
            f"{path} has the schema {shorten_reason(ValueError(repr(stamp.schema)))}, "
            f"this tool reads {expected!r}",
            cause="it was written by another version of this tool",
            next_step="use that version, or run `nox -s matrix` again",
        )


def schema_of(kind: type[Record]) -> str:
    """Return the value of `schema` that records of a type have; empty where they have none."""
    for field in msgspec.structs.fields(kind):
        if field.name == "schema":
            (found,) = field.type.__args__
            return str(found)
    return ""
