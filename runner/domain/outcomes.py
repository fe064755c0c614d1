"""The outcomes of cells, one row each with all its facts.

A new outcome is a member and a row here; what decides that a cell has it is in
`runner/judge/outcome.py`. An outcome is told apart by its symbol and its label; colour only
repeats what the symbol says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Outcome(StrEnum):
    """The outcome of a cell."""

    EQUIVALENT = "equivalent"
    DIVERGED = "diverged"
    UNUSABLE = "unusable"
    LOAD_ERROR = "load_error"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    SAVE_ERROR = "save_error"
    UNSUPPORTED = "unsupported"
    ENVIRONMENT_UNAVAILABLE = "environment_unavailable"
    HARNESS_ERROR = "harness_error"
    NOT_RUN = "not_run"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeFacts:
    """All that is known of one outcome."""

    outcome: Outcome
    symbol: str
    plain: str
    """The symbol where a terminal shows ASCII alone."""
    colour: str
    """Its style on a terminal."""
    css: str
    """Class name, kept to one letter: a page holds tens of thousands of them."""
    label: str
    phrase: str
    """Its name at the end of a sentence."""
    explanation: str
    rank: int | None
    """From good (0) to bad, to tell a regression from a repair; None where it says nothing of
    the model. A silent divergence is worse than any error, for nothing tells the user."""
    measured: bool = False
    """Whether a reader really tried, so that it counts in a share."""
    loaded: bool = False
    """Whether `load_model` returned without an error."""
    failed: bool = False
    """Whether a reader really tried and did not get the model that was saved."""
    remediable: bool = False
    """Whether another way of loading may still give the model that was saved."""
    has_cause: bool = True
    """Whether something went wrong that a cause explains."""
    tried: bool = True
    """Whether a run came as far as trying: the writer or the reader was started, or is declared
    to have nothing that could be."""

    @property
    def judged(self) -> bool:
        """Whether it says anything about the model, and so can be held against another."""
        return self.rank is not None


OUTCOME_TABLE: tuple[OutcomeFacts, ...] = (
    OutcomeFacts(
        outcome=Outcome.EQUIVALENT,
        symbol="✓",
        plain="=",
        colour="green",
        css="e",
        label="equivalent",
        phrase="the same model",
        explanation="Loads, and every aspect the scenario asks for agrees with the writer.",
        rank=0,
        measured=True,
        loaded=True,
        has_cause=False,
    ),
    OutcomeFacts(
        outcome=Outcome.DIVERGED,
        symbol="≠",
        plain="~",
        colour="bold magenta",
        css="d",
        label="diverged",
        phrase="loads without an error and is not the same model",
        explanation="Loads without an error, but is not the model that was saved: silent damage.",
        rank=4,
        measured=True,
        loaded=True,
        failed=True,
        remediable=True,
    ),
    OutcomeFacts(
        outcome=Outcome.UNUSABLE,
        symbol="⊘",
        plain="u",
        colour="magenta",
        css="u",
        label="unusable",
        phrase="loads, but raises when called or trained",
        explanation="Loads without an error, but raises when it is called or trained.",
        rank=2,
        measured=True,
        loaded=True,
        failed=True,
        remediable=True,
    ),
    OutcomeFacts(
        outcome=Outcome.LOAD_ERROR,
        symbol="✗",
        plain="x",
        colour="red",
        css="l",
        label="load error",
        phrase="fails to load",
        explanation="Loading raises an exception.",
        rank=2,
        measured=True,
        failed=True,
        remediable=True,
    ),
    OutcomeFacts(
        outcome=Outcome.CRASHED,
        symbol="☠",
        plain="!",
        colour="bold red",
        css="c",
        label="crashed",
        phrase="crashes the reader",
        explanation="The reading process died from a signal.",
        rank=3,
        measured=True,
        failed=True,
        remediable=True,
    ),
    OutcomeFacts(
        outcome=Outcome.TIMED_OUT,
        symbol="∞",
        plain="t",
        colour="yellow",
        css="t",
        label="timed out",
        phrase="does not end in time",
        explanation="Loading did not end within the scenario's time limit.",
        rank=3,
        measured=True,
        failed=True,
        remediable=True,
    ),
    OutcomeFacts(
        outcome=Outcome.OUT_OF_MEMORY,
        symbol="▲",
        plain="m",
        colour="yellow",
        css="m",
        label="out of memory",
        phrase="takes too much memory",
        explanation="The reading process needed more memory than it was allowed.",
        rank=3,
        measured=True,
        failed=True,
        remediable=True,
    ),
    OutcomeFacts(
        outcome=Outcome.SAVE_ERROR,
        symbol="w",
        plain="s",
        colour="red",
        css="s",
        label="save error",
        phrase="cannot be written",
        explanation="The writer could not write it, so no reader ran.",
        rank=2,
    ),
    OutcomeFacts(
        outcome=Outcome.UNSUPPORTED,
        symbol="–",  # noqa: RUF001
        plain="-",
        colour="dim",
        css="n",
        label="unsupported",
        phrase="the format does not exist there",
        explanation="The format does not exist in that version: declared, then probed.",
        rank=1,
        remediable=True,
    ),
    OutcomeFacts(
        outcome=Outcome.ENVIRONMENT_UNAVAILABLE,
        symbol="?",
        plain=".",
        colour="dim",
        css="v",
        label="environment unavailable",
        phrase="an environment could not be built",
        explanation="The environment could not be built here: neither good nor bad.",
        rank=None,
        has_cause=False,
        tried=False,
    ),
    OutcomeFacts(
        outcome=Outcome.HARNESS_ERROR,
        symbol="!",
        plain="H",
        colour="bold yellow",
        css="h",
        label="harness error",
        phrase="not known: a fault of this tool",
        explanation="Our own fault: this cell says nothing about Keras.",
        rank=None,
    ),
    OutcomeFacts(
        outcome=Outcome.NOT_RUN,
        symbol="·",
        plain="?",
        colour="dim",
        css="z",
        label="not run",
        phrase="not measured in this run",
        explanation="Declared, but not measured in this run.",
        rank=None,
        has_cause=False,
        tried=False,
    ),
)
"""Every outcome, in the order in which legends and totals name them."""

FACTS: Mapping[Outcome, OutcomeFacts] = MappingProxyType(
    {row.outcome: row for row in OUTCOME_TABLE}
)
FAILED = frozenset(row.outcome for row in OUTCOME_TABLE if row.failed)
UNJUDGED = frozenset(row.outcome for row in OUTCOME_TABLE if not row.judged)
UNEXPLAINED = frozenset(row.outcome for row in OUTCOME_TABLE if not row.has_cause)
REMEDIABLE = frozenset(row.outcome for row in OUTCOME_TABLE if row.remediable)
MEASURED = frozenset(row.outcome for row in OUTCOME_TABLE if row.measured)
