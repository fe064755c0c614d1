"""What is known of a save and of a cell, as it is handed to the judge."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.domain.cells import Observation
from runner.domain.scenarios import Aspect

TAMPERED = (Aspect.OUTPUTS, Aspect.WEIGHTS)
"""What the control of the comparison falsifies in the oracle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """What is known of a save: where it is, and the writer's observation."""

    inputs: str
    folder: Path
    observation: Observation
    sha256: str
    """Digest of the payload; empty if nothing was written."""
    written: str
    """What was really written, by its bytes."""
