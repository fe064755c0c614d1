"""Frozen artifacts: what writers wrote on another day, brought here in a pack.

They stand in for building the writer again: a run with `--frozen` reads them, and builds no
environment that only writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from runner.domain.cells import Save
from runner.domain.declaration import EnvironmentId, Id
from runner.domain.formats import Format
from runner.domain.outcomes import Outcome

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Inputs = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Moment = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")]
Version = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]*$", max_length=60)]


class FrozenSave(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A save: what its writer's job came to, and what the writer made of the file afterwards."""

    scenario: Id
    format: Format
    inputs: Inputs
    """Digest of everything that the save depended on."""
    at: Moment
    """When it was recorded."""
    observation: Mapping[str, Any]
    readback: Outcome | None
    """The writer's bare load of its own file; None where it wrote none."""


class FrozenWriter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A writer as it was when it wrote, and its saves."""

    id: EnvironmentId
    python_version: Version
    lock: Sha256
    """Of its lock, in hex."""
    base: str
    """Digest of the image it was in; empty for an environment of a machine."""
    resolved: Mapping[str, str]
    """Distribution -> version, as installed."""
    saves: tuple[FrozenSave, ...]
    pack: str = ""
    """SHA-256 of the pack it came in, in hex; empty inside of the pack."""

    @property
    def day(self) -> str:
        """The day of its newest save: ISO 8601."""
        return max(each.at for each in self.saves)[:10]

    def find(self, save: Save) -> FrozenSave | None:
        """Return one of its saves."""
        for each in self.saves:
            if (each.scenario, each.format) == (save.scenario, save.format):
                return each
        return None


Frozen = Mapping[str, FrozenWriter]
"""Writers that were frozen, by id."""
