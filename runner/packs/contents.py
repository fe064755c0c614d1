"""What a pack has, as it is told on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.domain.frozen import FrozenWriter


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a pack has."""

    sha256: str
    size: int
    """Bytes of the file."""
    writers: tuple[FrozenWriter, ...]
    left_out: Mapping[str, str]
    """Writers that could not be built, and why."""

    @property
    def artifacts(self) -> int:
        """How many files of models there are."""
        return sum(each.readback is not None for one in self.writers for each in one.saves)

    @property
    def unwritten(self) -> int:
        """How many saves failed: that is recorded as well."""
        return sum(each.readback is None for one in self.writers for each in one.saves)
