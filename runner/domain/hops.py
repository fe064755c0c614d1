"""Hops: a model loaded in one environment and saved again there, for another to read.

A chain is one hop, or two. Its steps are texts (`tf2.15/none/h5`) that a table can hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.domain.cells import BARE
from runner.domain.formats import Format

MOST_HOPS = 2
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
