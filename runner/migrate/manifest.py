"""The manifest that stands beside a new file: frozen types, JSON of the schema migrate/1."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

SCHEMA = "migrate/1"


class File(Struct, frozen=True, kw_only=True):
    """One file of the chain; of a folder, the digest is over the names and digests inside."""

    name: str
    format: str
    bytes: int
    sha256: str


class Compared(Struct, frozen=True, kw_only=True):
    """One aspect of a model, held against the reference."""

    aspect: str
    status: str
    """`agrees`, `differs`, `missing`, or `not_measured`."""
    largest_difference: float | None = None
    detail: str = ""


class Step(Struct, frozen=True, kw_only=True):
    """One environment of the chain: a file is loaded by a way and saved again."""

    environment: str
    versions: dict[str, str]
    """Package -> version."""
    lock_sha256: str
    way: str
    words: str
    reads: File
    writes: File
    changes: tuple[str, ...] = ()
    """Weights or functions that were rewritten so that the outputs stay the same."""
    compared: tuple[Compared, ...] = ()
    duration_s: float = 0.0


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt of the search, failed ones too."""

    environment: str
    way: str
    reads: str
    """Name of the file."""
    outcome: str
    """`same`, `diverged`, `not_saved`, `load_error`, `unusable`, `not_tried`, or another status."""
    why: str = ""


class Reference(Struct, frozen=True, kw_only=True):
    """What the new file is held against: what a reader computes that fits the file's writer."""

    environment: str
    way: str
    fits: bool
    """Whether the file's own statement on its writer names this environment's version."""
    inputs: str
    """Where the shapes of the seeded inputs are from."""
    agree: tuple[str, ...] = ()
    """Other environments that loaded the original and computed the same."""
    differ: tuple[str, ...] = ()
    """Others that loaded it and computed something else."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What was done, with which versions and digests, what was lost, and how it was verified."""

    schema: str
    tool: str
    """Version of this tool."""
    when: str
    migrated: bool
    original: File
    target: str
    new: File | None
    reference: Reference | None
    steps: tuple[Step, ...]
    verified: tuple[Compared, ...]
    """The new file, loaded by the bare load in the target, held against the reference."""
    largest_difference: float | None
    """Of the outputs."""
    lost: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    why: str = ""
    """Where there is no chain: which step fails, and why."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **msgspec.json.schema(Manifest),
    }


def encode(manifest: Manifest) -> bytes:
    """Return the text of a manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
