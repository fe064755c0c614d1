"""The vocabulary of the matrix as frozen types; every stage speaks in these.

The words are those of docs/glossary.md. Nothing here reads a file or starts a process, and
nothing here knows a stage.
"""

from runner.domain.causes import UNCLASSIFIED, Cause, CauseRule
from runner.domain.cells import (
    BARE,
    DEPENDS_UNKNOWN,
    ID_COLUMNS,
    Cell,
    CellResult,
    ControlResult,
    Depends,
    Observation,
    Origin,
    Save,
)
from runner.domain.claims import (
    Article,
    Baseline,
    CellSet,
    Claim,
    ClaimVerdict,
    Event,
    Given,
    Pair,
    Prediction,
    Share,
    Weight,
)
from runner.domain.declared import Catalog, ClaimSet, Declared, Scope, reads, writes
from runner.domain.environments import (
    Backend,
    Environment,
    Family,
    Provisioned,
    ProvisionedEnvironment,
)
from runner.domain.formats import FORMAT_FACTS, FORMAT_TABLE, Format, FormatFacts
from runner.domain.known import TAMPERED, Absence, Artifact, Known, save_of
from runner.domain.observed import AspectStatus, Kind, Stage, Status
from runner.domain.outcomes import (
    FACTS,
    FAILED,
    MEASURED,
    OUTCOME_TABLE,
    REMEDIABLE,
    UNEXPLAINED,
    UNJUDGED,
    Outcome,
    OutcomeFacts,
)
from runner.domain.scenarios import IMPACTS, Aspect, Help, Impact, Isolation, Remedy, Scenario
from runner.domain.verdicts import Change, Expectation, Verdict
from runner.domain.witness import Witness

__all__ = [
    "BARE",
    "DEPENDS_UNKNOWN",
    "FACTS",
    "FAILED",
    "FORMAT_FACTS",
    "FORMAT_TABLE",
    "ID_COLUMNS",
    "IMPACTS",
    "MEASURED",
    "OUTCOME_TABLE",
    "REMEDIABLE",
    "TAMPERED",
    "UNCLASSIFIED",
    "UNEXPLAINED",
    "UNJUDGED",
    "Absence",
    "Article",
    "Artifact",
    "Aspect",
    "AspectStatus",
    "Backend",
    "Baseline",
    "Catalog",
    "Cause",
    "CauseRule",
    "Cell",
    "CellResult",
    "CellSet",
    "Change",
    "Claim",
    "ClaimSet",
    "ClaimVerdict",
    "ControlResult",
    "Declared",
    "Depends",
    "Environment",
    "Event",
    "Expectation",
    "Family",
    "Format",
    "FormatFacts",
    "Given",
    "Help",
    "Impact",
    "Isolation",
    "Kind",
    "Known",
    "Observation",
    "Origin",
    "Outcome",
    "OutcomeFacts",
    "Pair",
    "Prediction",
    "Provisioned",
    "ProvisionedEnvironment",
    "Remedy",
    "Save",
    "Scenario",
    "Scope",
    "Share",
    "Stage",
    "Status",
    "Verdict",
    "Weight",
    "Witness",
    "reads",
    "save_of",
    "writes",
]
