"""Hops: a model loaded in one environment and saved again there, for another to read.

A chain is one hop, or two. Its steps are texts (`tf2.15/none/h5`) that a table can hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.domain.cells import BARE
from runner.domain.environments import Backend
from runner.domain.formats import Format

MOST_HOPS = 2
WHOLE = (Format.H5, Format.KERAS, Format.SAVED_MODEL)
"""Formats that hold a model with its architecture."""
WEIGHTS = (Format.WEIGHTS_H5, Format.TF_CHECKPOINT)
LAST_WAYS = (BARE, "custom_objects")
"""How the target loads what a chain ends with: as it is, or naming the custom objects."""
VARIANTS = frozenset({Backend.JAX, Backend.TORCH})
"""Backends of environments that are declared beside one on TensorFlow, which reads the same files:
a chain is not made of them, so that it does not depend on which of them there are."""
_PRODUCTS = (
    (re.compile(r"tf(\d.*)"), "TF {}"),
    (re.compile(r"tf-keras(\d.*)"), "tf-keras {}"),
    (re.compile(r"keras(\d.*)"), "Keras {}"),
)
_SAVED_AS = {
    Format.H5: ".h5",
    Format.KERAS: ".keras",
    Format.SAVED_MODEL: "a SavedModel",
    Format.WEIGHTS_H5: "weights (.weights.h5)",
    Format.JSON_WEIGHTS: "the architecture's JSON and weights",
    Format.TF_CHECKPOINT: "a TensorFlow checkpoint",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One environment that loads a file and saves the model again."""

    environment: str
    remedy: str
    """How it loads the file."""
    format: Format
    """What it saves."""

    @property
    def step(self) -> str:
        """ENVIRONMENT/REMEDY/FORMAT."""
        return f"{self.environment}/{self.remedy}/{self.format}"


Chain = tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One file and the environment that loads it."""

    writer: str
    format: Format
    reader: str


def formats_between(format_: Format) -> tuple[Format, ...]:
    """Return the formats in which a hop may save the model of a file of this format.

    A file of weights may be saved with its architecture, never the reverse.
    """
    return WHOLE if format_ in WHOLE else (*WEIGHTS, *WHOLE)


def read_steps(steps: Sequence[str]) -> Chain:
    """Return the chain of these steps.

    Raises:
        ValueError: a step is none of a chain.
    """
    parts = (each.split("/") for each in steps)
    return tuple(
        Hop(environment=environment, remedy=remedy, format=Format(format_))
        for environment, remedy, format_ in parts
    )


def last_reading(whole: Reading, steps: Sequence[str], *, saved: bool) -> Reading:
    """Return the last file that was loaded for a cell, and by whom.

    `whole` is the writer's file and the cell's reader, which is it without `steps` of hops. Where
    the last hop `saved` it is the cell's reader that loaded what it saved; else it is that hop
    itself, of what the one before saved, or the artifact.
    """
    chain = read_steps(steps)
    if not chain:
        return whole
    if saved:
        return Reading(chain[-1].environment, chain[-1].format, whole.reader)
    if len(chain) > 1:
        return Reading(chain[-2].environment, chain[-2].format, chain[-1].environment)
    return replace(whole, reader=chain[-1].environment)


def steps_of(chain: Sequence[Hop]) -> tuple[str, ...]:
    """Return the steps of a chain, first to last."""
    return tuple(hop.step for hop in chain)


def describe_hops(steps: Sequence[str], reader: str) -> str:
    """Return `open it in TF 2.15, save as .h5, load in Keras 3.8`.

    Raises:
        ValueError: a step is none of a chain.
    """
    said = []
    for step in steps:
        environment, remedy, format_ = step.split("/")
        way = "" if remedy == BARE else f" with {remedy}"
        said.append(f"open it in {name_version(environment)}{way}, save as {_saved_as(format_)}")
    return ", ".join((*said, f"load in {name_version(reader)}"))


def name_version(environment: str) -> str:
    """Return an environment's id as a person writes the version: `TF 2.15`, `Keras 3.15-jax`."""
    for pattern, name in _PRODUCTS:
        if found := pattern.fullmatch(environment):
            return name.format(found[1])
    return environment


def _saved_as(format_: str) -> str:
    return _SAVED_AS.get(Format(format_), format_)
