"""How each outcome and family is shown: one table for every page, terminal and legend.

Input: nothing. Output: constants. An outcome is told apart by its symbol and its
label; colour only repeats what the symbol says.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.domain import ClaimVerdict, Family, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeStyle:
    """Symbol, words and CSS class of one outcome."""

    outcome: Outcome
    symbol: str
    label: str
    explanation: str
    css: str
    """Class name, kept to one letter: a page holds tens of thousands of them."""
    loaded: bool = False
    """Whether `load_model` returned without an error."""
    ran: bool = True
    """Whether a reader really tried: false for what says nothing about loading."""


OUTCOME_STYLES: tuple[OutcomeStyle, ...] = (
    OutcomeStyle(
        outcome=Outcome.EQUIVALENT,
        symbol="✓",
        label="equivalent",
        explanation="Loads, and every aspect the scenario asks for agrees with the writer.",
        css="e",
        loaded=True,
    ),
    OutcomeStyle(
        outcome=Outcome.DIVERGED,
        symbol="≠",
        label="diverged",
        explanation="Loads without an error, but is not the model that was saved: silent damage.",
        css="d",
        loaded=True,
    ),
    OutcomeStyle(
        outcome=Outcome.UNUSABLE,
        symbol="⊘",
        label="unusable",
        explanation="Loads without an error, but raises when it is called or trained.",
        css="u",
        loaded=True,
    ),
    OutcomeStyle(
        outcome=Outcome.LOAD_ERROR,
        symbol="✗",
        label="load error",
        explanation="Loading raises an exception.",
        css="l",
    ),
    OutcomeStyle(
        outcome=Outcome.CRASHED,
        symbol="☠",
        label="crashed",
        explanation="The reading process died from a signal.",
        css="c",
    ),
    OutcomeStyle(
        outcome=Outcome.TIMED_OUT,
        symbol="∞",
        label="timed out",
        explanation="Loading did not end within the scenario's time limit.",
        css="t",
    ),
    OutcomeStyle(
        outcome=Outcome.OUT_OF_MEMORY,
        symbol="▲",
        label="out of memory",
        explanation="The reading process needed more memory than it was allowed.",
        css="m",
    ),
    OutcomeStyle(
        outcome=Outcome.SAVE_ERROR,
        symbol="w",
        label="save error",
        explanation="The writer could not write it, so no reader ran.",
        css="s",
        ran=False,
    ),
    OutcomeStyle(
        outcome=Outcome.UNSUPPORTED,
        symbol="–",  # noqa: RUF001
        label="unsupported",
        explanation="The format does not exist in that version: declared, then probed.",
        css="n",
        ran=False,
    ),
    OutcomeStyle(
        outcome=Outcome.ENVIRONMENT_UNAVAILABLE,
        symbol="?",
        label="environment unavailable",
        explanation="The environment could not be built here: neither good nor bad.",
        css="v",
        ran=False,
    ),
    OutcomeStyle(
        outcome=Outcome.HARNESS_ERROR,
        symbol="!",
        label="harness error",
        explanation="Our own fault: this cell says nothing about Keras.",
        css="h",
        ran=False,
    ),
    OutcomeStyle(
        outcome=Outcome.NOT_RUN,
        symbol="·",
        label="not run",
        explanation="Declared, but not measured in this run.",
        css="z",
        ran=False,
    ),
)
"""Every outcome, in the order in which legends and totals name them."""

STYLE_OF: dict[Outcome, OutcomeStyle] = {style.outcome: style for style in OUTCOME_STYLES}

FAMILY_CSS: dict[Family, str] = {
    Family.TF_KERAS: "fa",
    Family.KERAS2: "fb",
    Family.KERAS3: "fc",
    Family.LEGACY: "fd",
}

FAMILY_LABEL: dict[Family, str] = {
    Family.TF_KERAS: "tf.keras: Keras inside TensorFlow, to 2.15",
    Family.KERAS2: "keras2: standalone Keras 2.3",
    Family.KERAS3: "keras3: Keras 3",
    Family.LEGACY: "tf-keras: legacy Keras 2 on today's TensorFlow",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictStyle:
    """Symbol, words and CSS class of what the cells say of a claim."""

    verdict: ClaimVerdict
    symbol: str
    label: str
    explanation: str
    css: str


VERDICT_STYLES: tuple[VerdictStyle, ...] = (
    VerdictStyle(
        verdict=ClaimVerdict.CONFIRMED,
        symbol="✓",
        label="confirmed",
        explanation="The measurements say so.",
        css="e",
    ),
    VerdictStyle(
        verdict=ClaimVerdict.DEPENDS,
        symbol="◐",
        label="depends",
        explanation="True for some versions and not for others: the ranges say which.",
        css="r",
    ),
    VerdictStyle(
        verdict=ClaimVerdict.REFUTED,
        symbol="✗",
        label="refuted",
        explanation="Not one measurement supports it, or most of them contradict a `most`.",
        css="l",
    ),
    VerdictStyle(
        verdict=ClaimVerdict.UNDECIDED,
        symbol="?",
        label="undecided",
        explanation="Cells are missing that could still change the answer.",
        css="z",
    ),
)
"""Every verdict on a claim, in the order in which counts name them."""
