"""The joining of stores: the results and artifacts of several -> one.

Input: stores that are only read. Output: their newest results in another store, which is made
if need be, with the day each was recorded. Two results of one job that say different things of
the model are refused. Built environments are not taken over: they belong to their machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from runner.domain import Format
from runner.domain.errors import PartsDisagree, StoreError
from runner.store.artifacts import Place
from runner.store.database import NAME, Warn
from runner.store.files import TEMPORARY_PREFIX, disk_errors
from runner.store.journal import Key, Record
from runner.store.store import Store, open_store

KINDS = ("save", "load")
CHUNK = 1000
"""Results that are read and written at once."""
_TOLD = ("status", "stage", "exception")
"""What an observation says of the model, beside its aspects and what was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JoinedStores:
    """How much was taken over."""

    records: int
    artifacts: int
    known: int
    """Results that the store had already, and that say the same."""


def join_stores(folder: Path, parts: Sequence[Path], *, command: str, warn: Warn) -> JoinedStores:
    """Take the results and artifacts of `parts` over into the store in `folder`.

    Raises:
        PartsDisagree: two of them have a job with different results; those before stay joined.
        StoreError: one cannot be read, or the store not be written.
        BusyError: a run holds the store.
    """
    records = artifacts = known = 0
    with open_store(folder, command=command, warn=warn) as store:
        for part in parts:
            if not (part / NAME).is_file():
                raise StoreError(
                    f"{part}: there is no store",
                    cause="a typing error, or nothing was measured there",
                    next_step="name folders that hold an observations.sqlite",
                )
            with open_store(part, command=command, warn=warn, read_only=True) as other:
                for kind in KINDS:
                    for chunk in _chunks(sorted(other.journal.keys(kind))):
                        taken = _new_records(store, other, kind, chunk)
                        artifacts += _copy_artifacts(store, other, kind, taken)
                        store.journal.extend(
                            _line(kind, key, record) for key, record in taken.items()
                        )
                        records += len(taken)
                        known += len(chunk) - len(taken)
    return JoinedStores(records=records, artifacts=artifacts, known=known)


def _chunks(keys: Iterable[Key]) -> Iterator[list[Key]]:
    waiting = iter(keys)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk


def _new_records(store: Store, other: Store, kind: str, keys: Sequence[Key]) -> dict[Key, Record]:
    """Return the records of the other store that this one lacks.

    Raises:
        PartsDisagree: it has one that says something else.
    """
    own = dict(store.journal.find(kind, keys))
    found = {}
    for key, record in other.journal.find(kind, keys):
        if record.observation["status"] == "harness_error":
            continue
        before = own.get(key)
        if before is None or before.observation["status"] == "harness_error":
            found[key] = record
        elif _told(before.observation) != _told(record.observation):
            raise PartsDisagree(
                f"{key[0]} has other results in {other.folder} than in the stores before it",
                cause="two machines ran the job and it behaves in two ways"
                if kind == "load"
                else "each machine saved the model itself: share them with --artifacts",
                next_step="join the others, and measure it again with `nox -s matrix`",
            )
    return found


def _told(observation: Mapping[str, Any]) -> tuple[object, ...]:
    aspects = observation.get("aspects") or {}
    facts = observation.get("facts") or {}
    return (
        *(observation.get(name, "") for name in _TOLD),
        sorted((name, each.get("status")) for name, each in aspects.items()),
        facts.get("sha256", ""),
    )


def _copy_artifacts(store: Store, other: Store, kind: str, taken: Mapping[Key, Record]) -> int:
    copied = 0
    for key, record in taken.items() if kind == "save" else ():
        place = _place(key)
        source, target = other.artifacts.folder(place), store.artifacts.folder(place)
        if record.observation["status"] != "done" or not source.is_dir():
            continue
        part = target.with_name(f"{TEMPORARY_PREFIX}{target.name}")
        with disk_errors(target, "take over an artifact"):
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(source, part, symlinks=True)
            shutil.rmtree(target, ignore_errors=True)
            part.rename(target)
        copied += 1
    return copied


def _place(key: Key) -> Place:
    scenario, format_, writer = key[0].split("/")
    return Place(writer, scenario, Format(format_), key[1])


def _line(kind: str, key: Key, record: Record) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": key[0],
        "inputs": key[1],
        "observation": record.observation,
        "run": "",
        "at": record.at,
    }
