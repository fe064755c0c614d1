"""The results of a session as its tests tell them, and the models that were asked for: types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.domain import FACTS, Aspect, Format, Outcome
from runner.pytest_plugin.builders import Builder


class PairResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of one cell, as a test tells it."""

    outcome: Outcome
    cause: str = ""
    title: str = ""
    """Of the cause."""
    aspects: tuple[Aspect, ...] = ()
    stage: str = ""
    exception: str = ""
    message: str = ""
    reason: str = ""
    traceback: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The results of a session, or the reason why it has none."""

    results: dict[str, PairResult] = {}
    """By cell id."""
    error: str = ""
    measured: int = 0
    """Jobs that ran; the others were recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A builder, and what is measured of it."""

    builder: Builder
    formats: tuple[Format, ...]
    remedies: tuple[str, ...]
    aspects: tuple[Aspect, ...]
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Where and how a session measures."""

    store: Path
    executor: str = ""
    jobs: int | None = None
    run: str = ""
    """Id of the run that several processes share; empty for one process."""


def is_infrastructure(result: PairResult) -> bool:
    """Whether it says nothing about the model: an environment is missing, or we are at fault."""
    return not FACTS[result.outcome].judged


def builder_raised(result: PairResult) -> bool:
    """Whether the user's function failed, before there was a model to save."""
    return result.outcome is Outcome.SAVE_ERROR and result.stage == "prepare"
