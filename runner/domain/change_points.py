"""Change points: where the result of a cell changes along one axis of releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from runner.domain.cells import Cell
from runner.domain.environments import Environment, Family
from runner.domain.outcomes import FACTS, Outcome
from runner.domain.verdicts import Detail

NOTES: Mapping[Family, str] = MappingProxyType(
    {
        Family.TF_KERAS: "https://github.com/tensorflow/tensorflow/releases/tag/v{version}",
        Family.KERAS2: "https://github.com/keras-team/keras/releases/tag/{version}",
        Family.KERAS3: "https://github.com/keras-team/keras/releases/tag/v{version}",
        Family.LEGACY: "https://github.com/keras-team/tf-keras/releases/tag/v{version}",
    }
)
"""Address of the notes of a release."""


PYTHON = "Python"
"""Stands among the packages of an environment, with its version."""
PACKAGES: Mapping[Family, str] = MappingProxyType(
    {Family.KERAS3: "keras", Family.LEGACY: "tf-keras"}
)
"""The package that a family is released as, where it can be replaced alone."""
NONE = "none"
"""In the place of a version: the package is not installed."""


class Axis(StrEnum):
    """The end of a cell that is varied."""

    WRITER = "writer"
    READER = "reader"


class ChangeKind(StrEnum):
    """What a change point does to the user of a file."""

    BREAKS = "breaks"
    """From the same model to anything else."""
    REPAIRS = "repairs"
    """To the same model."""
    CHANGES = "changes"
    """From one failure to another."""


def version_of(environment: Environment) -> str:
    """Return the version of the package that an environment is named after."""
    if environment.build is not None:
        return environment.build.version
    return environment.requirements[0].partition("==")[2]


def notes_of(environment: Environment) -> str:
    """Return the address of the release's notes; empty for a build of one's own."""
    if environment.build is not None:
        return ""
    # A wheel that was packed again (2.15.0.post1) is of the tag that it was packed from.
    return NOTES[environment.family].format(version=version_of(environment).partition(".post")[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One release on the axis, and its cell's result."""

    environment: str
    version: str
    released: date
    cell: Cell
    detail: Detail | None = None
    """None where it was not measurable."""
    reason: str = ""
    """Why it was not measurable; or the one sentence of the result."""
    notes: str = ""
    exception: str = ""
    message: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Distribution -> version, as installed in the varied environment, and `PYTHON`; empty if it
    was not built.
    """
    package: str = ""
    """The package that it is a release of, where that can be replaced alone."""
    repeated: int = 0
    """Further runs in fresh processes; each agreed, or the point would not be measurable."""

    @property
    def measured(self) -> bool:
        """Whether it says anything of the model."""
        return self.detail is not None and FACTS[self.detail.outcome].judged


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangePoint:
    """Two measured releases whose results differ, with none measurable in between."""

    before: Point
    after: Point
    between: tuple[Point, ...] = ()
    """Not measurable: the change may have come with any of them."""

    @property
    def kind(self) -> ChangeKind:
        """What it does to the user of a file."""
        assert self.before.detail is not None  # noqa: S101 - both were measured
        assert self.after.detail is not None  # noqa: S101
        if self.before.detail.outcome is Outcome.EQUIVALENT:
            return ChangeKind.BREAKS
        if self.after.detail.outcome is Outcome.EQUIVALENT:
            return ChangeKind.REPAIRS
        return ChangeKind.CHANGES

    @property
    def also_differ(self) -> dict[str, tuple[str, str]]:
        """Other packages whose version differs between the two environments."""
        before, after = self.before.packages, self.after.packages
        own = {self.before.package or "", "tensorflow", "tensorflow-cpu"}
        own = {name for name in own if before.get(name) == self.before.version}
        return {
            name: (before.get(name, NONE), after.get(name, NONE))
            for name in sorted({*before, *after})
            if before and after and before.get(name) != after.get(name) and name not in own
        }

    @property
    def backport(self) -> bool:
        """Whether the later version is the older release: the change may be a backport's."""
        return self.after.released < self.before.released


@dataclass(frozen=True, kw_only=True, slots=True)
class Bisection:
    """A cell, measured along one axis of releases."""

    cell: str
    """Its id, with the range `first..last` in the place of the varied environment."""
    axis: Axis
    points: Sequence[Point]
    """In the order of versions."""
    changes: Sequence[ChangePoint]

    @property
    def unmeasured(self) -> list[Point]:
        """The releases that could not be measured."""
        return [each for each in self.points if not each.measured]
