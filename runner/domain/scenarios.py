"""Scenarios, which are saved, and remedies, the ways of loading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Meta, Struct

from runner.domain.declaration import Globs, Id, Link, ModuleName, Rank, Seconds, Text, Tolerance
from runner.domain.formats import Format
from runner.domain.witness import Witness


class Aspect(StrEnum):
    """An aspect of a model, compared with the oracle."""

    STRUCTURE = "structure"
    OUTPUTS = "outputs"
    WEIGHTS = "weights"
    LOSSES = "losses"
    TRAINABLE = "trainable"
    DTYPE = "dtype"
    COMPILE = "compile"
    OPTIMIZER = "optimizer"
    TRAINING_STEP = "training_step"
    INTERFACE = "interface"
    PREPROCESSING = "preprocessing"
    STATES = "states"
    CONSTRAINTS = "constraints"
    SEEDS = "seeds"
    LOSS_WEIGHTS = "loss_weights"
    METRICS = "metrics"


class Impact(StrEnum):
    """The effect of a difference on the use of the model, the gravest first."""

    PREDICTIONS = "predictions"
    """It answers otherwise, or its numbers are others."""
    TRAINING = "training"
    """It answers the same, and trains on otherwise or not at all."""
    BOOKKEEPING = "bookkeeping"
    """It answers and trains the same; names, layers of no weight or types differ."""


IMPACTS: Mapping[Aspect, Impact] = MappingProxyType(
    {
        Aspect.STRUCTURE: Impact.BOOKKEEPING,
        Aspect.OUTPUTS: Impact.PREDICTIONS,
        Aspect.WEIGHTS: Impact.PREDICTIONS,
        Aspect.LOSSES: Impact.TRAINING,
        Aspect.TRAINABLE: Impact.TRAINING,
        Aspect.DTYPE: Impact.BOOKKEEPING,
        Aspect.COMPILE: Impact.TRAINING,
        Aspect.OPTIMIZER: Impact.TRAINING,
        Aspect.TRAINING_STEP: Impact.TRAINING,
        Aspect.INTERFACE: Impact.BOOKKEEPING,
        Aspect.PREPROCESSING: Impact.PREDICTIONS,
        Aspect.STATES: Impact.PREDICTIONS,
        Aspect.CONSTRAINTS: Impact.TRAINING,
        Aspect.SEEDS: Impact.TRAINING,
        Aspect.LOSS_WEIGHTS: Impact.TRAINING,
        Aspect.METRICS: Impact.TRAINING,
    }
)
"""The impact of a difference in each aspect; `runner/judge/impact.py` reads its detail too."""


ASPECT_WORDS: Mapping[Aspect, str] = MappingProxyType(
    {
        Aspect.STRUCTURE: "the layers",
        Aspect.OUTPUTS: "the outputs",
        Aspect.WEIGHTS: "the weights",
        Aspect.LOSSES: "the losses",
        Aspect.TRAINABLE: "the trainable flags",
        Aspect.DTYPE: "the types",
        Aspect.COMPILE: "the compiled loss and metrics",
        Aspect.OPTIMIZER: "the optimizer's state",
        Aspect.TRAINING_STEP: "training on as before",
        Aspect.INTERFACE: "the names and types of inputs and outputs",
        Aspect.PREPROCESSING: "the vocabulary and other learnt state",
        Aspect.STATES: "the recurrent states",
        Aspect.CONSTRAINTS: "the constraints",
        Aspect.SEEDS: "the seeds",
        Aspect.LOSS_WEIGHTS: "the weights of the losses",
        Aspect.METRICS: "the metrics of each output",
    }
)
"""What a sentence calls that which is compared, as in "it loads, without ..."."""


class Help(StrEnum):
    """The effect of a remedy on a bare load that is not equivalent."""

    RESTORED = "restored"
    """What failed is right with it."""
    GIVEN_UP = "given_up"
    """It gives the model without what failed, or a part of that."""
    NONE_OF_TRIED = "none_of_tried"
    NOT_TRIED = "not_tried"
    """Nobody knows whether one would."""


class Isolation(StrEnum):
    """Whom a job may share a process with."""

    SHARED = "shared"
    """Leaves nothing behind: any other such job."""
    REMEDY = "remedy"
    """Jobs of the same remedy (it imports a second framework)."""
    SCENARIO = "scenario"
    """Jobs of the same remedy and scenario (it registers that scenario's classes)."""
    ALONE = "alone"
    """No other job: it executes code from the file."""


class MadeBy(StrEnum):
    """Who makes the file that a remedy loads, of the artifact."""

    NOBODY = ""
    """It loads the artifact itself."""
    REWRITE = "rewrite"
    """The host: a copy whose configuration is edited by the rules of rewrites.toml."""
    HOP = "hop"
    """Other environments: they load it and save the model again (`runner/domain/hops.py`)."""


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One isolated cause, or a variant of one, as declared in catalog.toml."""

    id: Id
    module: ModuleName
    """Python module in `scenarios/` that holds the model code."""
    group: Text
    title: Text
    summary: Text
    formats: Annotated[tuple[Format, ...], Meta(min_length=1)]
    aspects: Annotated[frozenset[Aspect], Meta(min_length=1)]
    remedies: tuple[Id, ...]
    """Ids of the remedies that make sense here beyond `none` and those of every scenario."""
    variant: str = ""
    """Handed to the module, which builds the variant's model."""
    damage: str = ""
    """The damage done to the artifact after it was written; empty for none."""
    reader_knows: Literal["nothing", "registered"] = "nothing"
    """The custom code in a bare load's program: `nothing` or `registered`."""
    reader_variables: Annotated[
        Mapping[Annotated[str, Meta(pattern=r"\A[A-Z_][A-Z0-9_]*\Z")], str], Meta(max_length=20)
    ] = MappingProxyType({})
    """Environment variables of the reader's process, such as its locale: set before it starts."""
    rtol: Tolerance = 1e-4
    atol: Tolerance = 1e-5
    links: tuple[Link, ...] = ()
    timeout_s: Seconds = 30.0
    writers: Globs = ("*",)
    """Globs over environment ids: where a user can write this model at all."""
    witness: tuple[Witness, ...] = ()
    """Conditions on its artifacts as `inspect` describes them; all must hold in their formats."""
    trained: bool = False
    """Whether the writer compiles and trains the model a few steps before saving."""


class Remedy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named way of loading."""

    id: Id
    title: Text
    code: Text
    """The line a user would write, with `{path}`."""
    formats: Annotated[frozenset[Format], Meta(min_length=1)]
    environments: Globs
    """Globs over environment ids: where this way of loading exists."""
    cost: Rank
    """Rank of effort for the person loading: the cheapest that works is advised."""
    gives_up: frozenset[Aspect] = frozenset()
    """Aspects this way of loading never restores, so they are not asked for."""
    isolation: Isolation = Isolation.SHARED
    """Whom its jobs may share a process with, by the traces they leave in it."""
    everywhere: bool = False
    """Whether every scenario has it without naming it."""
    for_aspects: frozenset[Aspect] = frozenset(Aspect)
    """With `everywhere`: only scenarios that ask for one of these have it."""
    sibling: Format | None = None
    """The other format of the same model that is loaded instead, if any."""
    made_by: MadeBy = MadeBy.NOBODY


def offered(scenario: Scenario, remedies: Iterable[Remedy]) -> list[Remedy]:
    """Return the remedies a scenario has beyond the bare load, the cheapest first.

    Which of them exist for a format and a reader, the remedies say themselves. A file that was
    damaged on purpose has none: there is no model left to be found in it.
    """
    if scenario.damage:
        return []
    found = [
        remedy
        for remedy in remedies
        if remedy.id in scenario.remedies
        or (remedy.everywhere and remedy.for_aspects & scenario.aspects)
    ]
    return sorted(found, key=lambda remedy: remedy.cost)
