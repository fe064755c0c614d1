"""The vocabulary of a probe's report on a job: its end, and the stage it reached."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The kinds of jobs."""

    SAVE = "save"
    LOAD = "load"
    MAKE = "make"
    """A file is made of an artifact."""


class Status(StrEnum):
    """How a job ended."""

    DONE = "done"
    RAISED = "raised"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    HARNESS_ERROR = "harness_error"


class Stage(StrEnum):
    """How far a job came that did not end well."""

    NONE = ""
    """Of a job that is done."""
    PREPARE = "prepare"
    SAVE = "save"
    LOAD = "load"
    CALL = "call"
    TRAIN = "train"
    COMPARE = "compare"


class AspectStatus(StrEnum):
    """The result of comparing one aspect with the oracle."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MISSING = "missing"
