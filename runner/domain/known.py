"""The results recorded for a save and a cell, as the judge gets them: frozen values.

Looked up in the store for the present inputs (`runner/measure/known.py`), turned into a
`CellResult` by `runner/judge/outcome.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runner.domain.cells import DEPENDS_UNKNOWN, Cell, Depends, Observation, Save
from runner.domain.formats import Format
from runner.domain.scenarios import Aspect

TAMPERED = (Aspect.OUTPUTS, Aspect.WEIGHTS)
"""The aspect that the control of the comparison falsifies in the oracle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """The artifact of a save: its place, and the writer's observation."""

    inputs: str
    folder: Path
    observation: Observation
    sha256: str
    """Digest of the payload; empty if nothing was written."""
    written: str
    """The kind of file really written, by its bytes."""
    measured_at: str = ""
    """When the save was recorded: ISO 8601, UTC."""
    frozen: str = ""
    """The day it was written, ISO 8601, of an artifact of a pack; empty for one of this store."""

    @property
    def damage(self) -> str:
        """A sentence on the damage done to the file after it was written; empty for none."""
        return str(self.observation.facts.get("damage") or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """The file that was made of an artifact for a reader, or why there is none."""

    steps: tuple[str, ...] = ()
    """How it was made: of a rewrite the rules that changed something, of hops each of them."""
    hops: bool = False
    """Whether the steps are hops: several chains may be tried for a cell."""
    artifact: Artifact | None = None
    """Its payload, with the oracle of the original; None where nothing was made."""
    made_with: str = ""
    """Short digest of what made it: the rules of a rewrite, the locks of hops."""
    format: Format | None = None
    """Where it has another format than the original."""
    failed: Observation | None = None
    """Of the hop that could not load it or save it again, where that is the reason."""
    error: Observation | None = None
    """Our own fault, where that is the reason."""

    @property
    def needless(self) -> bool:
        """Whether there is nothing to be made: the file would be as it is."""
        return self.artifact is None and self.error is None and self.failed is None


class Absence(StrEnum):
    """Why there is no observation of a cell's reader."""

    ENVIRONMENT = "environment"
    """The writer's or the reader's environment could not be built."""
    NOT_SAVED = "not saved"
    """The artifact, or the other format a remedy reads, was not written yet."""
    UNDECLARED = "undeclared"
    """The writer is declared not to have the format: whatever it wrote is not read."""
    WRITER_FAILED = "writer failed"
    SIBLING_MISSING = "sibling missing"
    """The remedy reads another format, which the writer could not write."""
    HOP_FAILED = "hop failed"
    """The file that the remedy loads could not be made: a hop failed."""
    NOT_MADE = "not made"
    """The file that the remedy loads was not made of the artifact yet."""
    HARNESS = "harness"
    """The save or the load failed in this run through our own fault."""
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """All that is known of one cell, and the aspects asked of it.

    Exactly one of `observation` and `absence` is there.
    """

    cell: Cell
    asked: frozenset[Aspect] = frozenset()
    """The aspects the cell must agree in: no more and no fewer are compared."""
    reads: bool = True
    """Whether this way of loading is declared to exist for the format; where it is not, a load
    that raises says that the format is not supported."""
    tampered: tuple[Aspect, ...] = ()
    """Aspects of the oracle falsified for a control; empty for a cell of the matrix."""
    artifact: Artifact | None = None
    sibling: Artifact | None = None
    """The other format of the same model, where the remedy reads that."""
    made: Made | None = None
    """The file that is loaded in place of the artifact, where the remedy has one made."""
    inputs: str = ""
    """Digest of everything the load depends on; empty where nothing can be loaded."""
    observation: Observation | None = None
    """Of the reader."""
    absence: Absence | None = None
    reason: str = ""
    """One sentence where an absence needs one."""
    error: Observation | None = None
    """The harness error of this run, where that is the absence."""
    measured_at: str = ""
    """When the observation was recorded: ISO 8601, UTC."""
    depends: Depends = DEPENDS_UNKNOWN
    """The present inputs of its measurement."""

    @property
    def job_id(self) -> str:
        """The id that the load's observation is recorded under, beside its inputs."""
        if self.made is not None and self.made.hops:
            return f"{self.cell.id} > {' > '.join(self.made.steps)}"
        return f"tampered:{self.cell.id}" if self.tampered else self.cell.id

    @property
    def loaded(self) -> Artifact | None:
        """What is really loaded: the artifact, or what was made of it."""
        return self.made.artifact if self.made else self.artifact

    @property
    def loadable(self) -> bool:
        """Whether there is something to load, and something to load it in."""
        return bool(self.inputs)


def save_of(cell: Cell) -> Save:
    """Return the save whose artifact a cell reads."""
    return Save(scenario=cell.scenario, format=cell.format, writer=cell.writer)
