"""The frozen artifacts of a store: `<store>/frozen/`, apart from what was measured here.

    <store>/frozen/<writer>.json                               the writer and its saves (`frozen/1`)
    <store>/frozen/<writer>.txt                                its lock
    <store>/frozen/<writer>/<scenario>/<format>-<inputs>/      an artifact's folder

Input: what a pack held. Output: the same, later. They are foreign files: jobs that read one run
in the sandbox of foreign programs.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from runner.domain import Save
from runner.domain.errors import StoreError
from runner.domain.frozen import FrozenSave, FrozenWriter
from runner.store.files import TEMPORARY_PREFIX, atomic_write_bytes, disk_errors

FOLDER = "frozen"
SCHEMA: Literal["frozen/1"] = "frozen/1"


class FrozenRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`<writer>.json`."""

    schema: Literal["frozen/1"]
    imported: str
    """ISO 8601, UTC."""
    writer: FrozenWriter


def frozen_folder(store: Path) -> Path:
    """Where the frozen artifacts of a store lie."""
    return store / FOLDER


def frozen_artifact(store: Path, writer: str, save: FrozenSave) -> Path:
    """Return the absolute folder of a frozen artifact."""
    name = f"{save.format}-{save.inputs}"
    return frozen_folder(store.absolute()) / writer / save.scenario / name


def read_frozen(store: Path) -> dict[str, FrozenWriter]:
    """Return the writers that were imported, by id.

    Raises:
        StoreError: a record cannot be read, or is of another version.
    """
    found = [_read(path) for path in sorted(frozen_folder(store).glob("*.json"))]
    return {each.writer.id: each.writer for each in found}


def write_frozen(
    store: Path,
    writer: FrozenWriter,
    files: Mapping[Save, Mapping[str, bytes | None]],
    *,
    lock: bytes,
    at: str,
) -> None:
    """Put a writer and its artifacts in the place of those of an earlier pack.

    `files` holds path -> content of every artifact's folder, None for an empty folder.

    Raises:
        StoreError: they could not be written.
    """
    root = frozen_folder(store)
    unfinished = root / f"{TEMPORARY_PREFIX}{writer.id}"
    with disk_errors(root, "write the frozen artifacts"):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for save in writer.saves:
            named = Save(scenario=save.scenario, format=save.format, writer=writer.id)
            for name, content in files.get(named, {}).items():
                path = unfinished / save.scenario / f"{save.format}-{save.inputs}" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if content is None:
                    path.mkdir(exist_ok=True)
                else:
                    path.write_bytes(content)
        # Without its record the writer is not there: a crash leaves it to be imported again.
        (root / f"{writer.id}.json").unlink(missing_ok=True)
        shutil.rmtree(root / writer.id, ignore_errors=True)
        unfinished.rename(root / writer.id)
    atomic_write_bytes(root / f"{writer.id}.txt", lock)
    record = FrozenRecord(schema=SCHEMA, imported=at, writer=writer)
    data = msgspec.json.format(msgspec.json.encode(record), indent=1)
    atomic_write_bytes(root / f"{writer.id}.json", data + b"\n")


def _read(path: Path) -> FrozenRecord:
    with disk_errors(path, "read the record of frozen artifacts"):
        data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=FrozenRecord)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{path}: this is no record of frozen artifacts: {error}"[:300],
            cause="another version of this tool wrote it, or it was cut",
            next_step="import the pack again: nox -s artifacts -- import PACK",
        ) from error
