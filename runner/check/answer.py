"""The answer of a check: frozen types, and the JSON that `check --json` prints (check/1)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from runner.check.results import NOT_TRIED, WORKS, Result

SCHEMA = "check/1"


class Tried(Struct, frozen=True, kw_only=True):
    """One way that was tried in one environment."""

    way: str
    words: str
    result: Result
    cause: str = ""
    """Id of a cause of scenarios/causes.toml; `unclassified` if no rule matches."""
    why: str = ""
    duration_s: float = 0.0
    largest_difference: float | None = None
    """Of its outputs from those of the reference, or from the expected ones."""


class Prediction(Struct, frozen=True, kw_only=True):
    """What the matrix says of scenarios whose witness the file has; not measured on the file."""

    expects: str
    """`loads`; `fails` or `differs`, as at least half of the scenarios like it; `may fail`, `may
    differ`, as some of them."""
    words: str
    causes: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    """Those that decide."""
    example: str = ""
    """A cell."""


class Reader(Struct, frozen=True, kw_only=True):
    """One environment."""

    environment: str
    result: Result
    way: str = ""
    """Id of the cheapest way that works; of the first that loads, if none works."""
    words: str = ""
    cause: str = ""
    """Of the bare load that failed."""
    why: str = ""
    tried: tuple[Tried, ...] = ()
    group: int = 0
    """Number of the group of readers that compute the same; 0 for none."""
    largest_difference: float | None = None
    build_s: float = 0.0
    """Until its environment was there."""
    duration_s: float = 0.0
    """Of all loads in it, with the start of its framework."""
    python: str = ""
    packages: dict[str, str] = {}
    install: str = ""
    """Commands that make an environment with the packages that decide."""
    code: str = ""
    """The lines that load it."""
    gives_up: tuple[str, ...] = ()
    prediction: Prediction | None = None


class Group(Struct, frozen=True, kw_only=True):
    """Readers whose outputs agree on the same inputs."""

    number: int
    readers: tuple[str, ...]
    reference: bool
    """Whether the reference, or the user's own numbers, are of this group."""
    largest_difference: float = 0.0
    """Between its first reader and any other."""


class CheckedFile(Struct, frozen=True, kw_only=True):
    """The file, as it was read."""

    name: str
    bytes: int
    sha256: str
    title: str
    kind: str
    writer: tuple[str, ...]
    """Environments that fit the file's statement on its writer."""
    writer_source: str


class UsedInputs(Struct, frozen=True, kw_only=True):
    """The inputs that every reader got."""

    source: str
    seed: int | None
    """None for the user's own."""
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]


class Said(Struct, frozen=True, kw_only=True):
    """A sentence of the answer, with the lines to be pasted that belong to it."""

    text: str
    code: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """Everything that a check found."""

    schema: str
    tool: str
    when: str
    file: CheckedFile
    sandbox: str
    """How the loads were confined."""
    code_allowed: bool
    custom_objects: bool
    expected: bool
    """Whether the user's own numbers were given."""
    inputs: UsedInputs | None
    reference: str
    """Environment that the others are held against; empty if none is."""
    readers: tuple[Reader, ...]
    """The newest first."""
    groups: tuple[Group, ...]
    best: str
    """Environment that is advised; empty if none can be."""
    sentences: tuple[Said, ...]
    """The answer in words."""

    @property
    def works(self) -> tuple[Reader, ...]:
        """Readers that a user can go on with."""
        return tuple(each for each in self.readers if each.result in WORKS)

    @property
    def tried(self) -> tuple[Reader, ...]:
        """Readers that really tried to load it."""
        return tuple(each for each in self.readers if each.result not in NOT_TRIED)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the output of `check --json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **msgspec.json.schema(Answer),
    }
