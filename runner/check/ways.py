"""The ways of loading a file, by its kind and the environment: data of ways.toml. Pure.

Input: the description of a file, what the user allows. Output: its kind, the name that it should
have, and the ways that are tried, in order.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePath

import msgspec

from runner.check.order import Order
from runner.domain import Environment, Format
from runner.domain.selector import matches_environment
from runner.inspect import Container, Description
from runner.userfile.kinds import FOLDER, has_windows_names, model_kind

WAYS = Path(__file__).with_name("ways.toml")
ARCHITECTURE = "architecture"
WEIGHTS, OLD_WEIGHTS = "weights", "old_weights"
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "h5": (".h5", ".hdf5"),
    "keras": (".keras",),
    WEIGHTS: (".weights.h5",),
    OLD_WEIGHTS: (".h5", ".hdf5"),
}
"""Kind of a file -> endings of its name by which Keras knows it, the usual one first."""
JOB_FORMATS: Mapping[str, str] = {
    "h5": "h5",
    "keras": "keras",
    "saved_model": "saved_model",
    WEIGHTS: "weights_h5",
    OLD_WEIGHTS: "weights_h5",
}
"""Kind of a file -> the format of the matrix; `keras` for the others, whose ways do not ask."""

LAYOUTS: Mapping[str, str] = {
    "architecture": ARCHITECTURE,
    "weights": WEIGHTS,
    "legacy weights": OLD_WEIGHTS,
    "Keras 1 weights": OLD_WEIGHTS,
}


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of loading, a row of ways.toml."""

    id: str
    of: tuple[str, ...]
    words: str
    code: str
    needs: str = ""
    environments: tuple[str, ...] = ("*",)
    gives_up: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    way: tuple[Way, ...]


class NothingToLoad(Exception):
    """No version of Keras loads a model from such a file; the sentence says why."""


@lru_cache(maxsize=1)
def all_ways() -> tuple[Way, ...]:
    """Return the rows."""
    return msgspec.convert(tomllib.loads(WAYS.read_text(encoding="utf-8")), _Table).way


def kind_of(description: Description) -> str:
    """Return what the file is to a reader.

    Raises:
        NothingToLoad: it is nothing that a version of Keras would load.
    """
    found = model_kind(description) or LAYOUTS.get(description.layout, "")
    if found:
        return found
    if description.container is Container.LFS_POINTER:
        raise NothingToLoad("it is a Git LFS pointer: `git lfs pull` brings the file itself")
    raise NothingToLoad(f"it is no model of Keras': {description.title}")


def right_name(kind: str, name: str) -> str:
    """Return the name that a version of Keras knows the file by: its own, if that will do."""
    endings = ENDINGS.get(kind)
    if endings is None:
        return own_name(name)
    lower = name.lower()
    weights = lower.endswith(".weights.h5")
    if lower.endswith(endings) and name.endswith(endings) and (kind == WEIGHTS or not weights):
        return own_name(name)
    stem = PurePath(own_name(name)).name.partition(".")[0] or "model"
    return stem + endings[0]


def own_name(name: str) -> str:
    """Return the name that the file has, as it can be given to a probe."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "model" + PurePath(name).suffix.encode("ascii", "ignore").decode()
    return name if 0 < len(name.encode("utf-8")) <= 200 else "model" + PurePath(name).suffix[:20]


def ways_of(
    kind: str, environment: Environment, order: Order, description: Description
) -> tuple[Way, ...]:
    """Return the ways of loading such a file in an environment, in the order of trying."""
    given = {
        "windows_names": has_windows_names(description),
        "custom_objects": order.custom_objects is not None,
        "allow_code": order.allow_code,
        "wrong_name": right_name(kind, order.file.name) != own_name(order.file.name),
    }
    return tuple(
        way
        for way in all_ways()
        if kind in way.of
        and matches_environment(environment.id, way.environments)
        and (not way.needs or given[way.needs])
    )


def is_unsupported(kind: str, environment: Environment, ways: tuple[Way, ...]) -> bool:
    """Whether an environment is declared not to read such a file, and only bare ways are left."""
    if not ways:
        return True
    if kind not in {Format.KERAS, Format.SAVED_MODEL, FOLDER}:
        return False
    format_ = Format.KERAS if kind == FOLDER else Format(kind)
    others = [way for way in ways if way.id in {"tfsm_layer", "function"}]
    return format_ not in environment.formats | environment.reads and not others
