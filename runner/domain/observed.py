"""The words a probe says of a job: how it ended, and how far it came."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a job does."""

    SAVE = "save"
    LOAD = "load"


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
    """What comparing one aspect with the oracle gave."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MISSING = "missing"
