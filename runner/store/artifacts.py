"""Artifact folders: `<store>/artifacts/<writer>/<scenario>/<format>-<inputs>/`.

Input: what an artifact is of. Output: its folder, and its manifest once it is finished.
The folder's name holds the digest of its inputs, so a finished one is never written again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.domain import Format
from runner.domain.errors import StoreError
from runner.store.files import TEMPORARY_PREFIX, disk_errors

SCHEMA = "artifact/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """`manifest.json` of a finished artifact; see docs/formats.md."""

    writer: str
    scenario: str
    format: Format
    written: str
    """What was really written, by its magic bytes, such as `hdf5`."""
    files: Mapping[str, str]
    """Path inside the folder -> SHA-256."""
    sha256: str
    """Digest of all files together."""
    versions: Mapping[str, str]


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of the artifact in `folder`, or None if it was never finished.

    A manifest that cannot be understood counts as never finished: its save runs again.

    Raises:
        StoreError: it cannot be read, or has a schema this version does not know.
    """
    path = folder / "manifest.json"
    try:
        with disk_errors(path, "read the manifest"):
            try:
                text = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        found = json.loads(text)
        schema = found["schema"]
        if schema == SCHEMA:
            return _parse_manifest(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    raise StoreError(
        f"{path}: schema {schema!r} where {SCHEMA!r} was expected",
        cause="another version of this tool wrote it",
        next_step=f"remove {folder} (its save runs again), or use the tool that wrote it",
    )


def _parse_manifest(found: Mapping[str, object]) -> Manifest:
    return Manifest(
        writer=str(found["writer"]),
        scenario=str(found["scenario"]),
        format=Format(str(found["format"])),
        written=str(found["written"]),
        files=_texts(found["files"]),
        sha256=str(found["sha256"]),
        versions=_texts(found.get("versions", {})),
    )


def _texts(values: object) -> dict[str, str]:
    if not isinstance(values, dict):
        raise TypeError(values)
    return {str(key): str(value) for key, value in values.items()}


def remove_leftovers(store: Path) -> int:
    """Remove everything unfinished (`.tmp-*`) that killed runs left; return how many."""
    removed = 0
    for pattern in (f"{TEMPORARY_PREFIX}*", f"artifacts/*/*/{TEMPORARY_PREFIX}*"):
        for leftover in store.glob(pattern):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
            removed += 1
    return removed
