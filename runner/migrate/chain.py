"""The chains that may lead from a file to a target: which attempts there are, in which order. Pure.

Input: the description of a file, the declared environments, the target, what the user allows.
Output: a `Plan`. An attempt loads one file in one environment by one way; the file is the original,
or was saved by an earlier attempt. Nobody knows beforehand which of them succeed: `search` takes
them in this order and stops at the first chain whose model is the same.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from runner.domain import Environment, Family, Format
from runner.domain.selector import matches_any
from runner.inspect import Container, Description
from runner.migrate.order import Order
from runner.userfile.kinds import FOLDER, PACKED, has_windows_names, model_kind

ROUTES = Path(__file__).with_name("routes.toml")
MOST_REFERENCES = 4
"""Environments that are asked for the reference before it is given up."""
BETWEEN = (Format.H5, Format.KERAS)
"""Formats of the files between, in the order in which the next reader gets them."""
PARTS = "parts"
"""Layers, their calls and weights (runner/fileprobe/parts.py); no format of Keras."""
OPERATIONS = "operations"
"""The graph of a SavedModel, with its constants (runner/fileprobe/graph_parts.py); likewise."""


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of loading, a row of routes.toml."""

    id: str
    of: tuple[str, ...]
    words: str
    needs: str = ""
    environments: tuple[str, ...] = ("*",)
    gives_up: tuple[str, ...] = ()


class Bridge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The environments to go through, for files of some writers."""

    writer: str
    through: tuple[str, ...]


class Routes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of routes.toml."""

    way: tuple[Way, ...]
    bridge: tuple[Bridge, ...]


@lru_cache(maxsize=1)
def routes() -> Routes:
    """Return the table."""
    return msgspec.convert(tomllib.loads(ROUTES.read_text(encoding="utf-8")), Routes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What there is to try."""

    kind: str
    """The original: a format of `Format`, `packed` or `folder`."""
    readers: tuple[str, ...]
    """Environments for the reference, the likeliest first: those of the writer, then bridges."""
    fitting: tuple[str, ...]
    """Those of them that the file's writer fits."""
    bridges: tuple[str, ...]
    """Environments to go through, in order."""
    target: str

    @property
    def most_attempts(self) -> int:
        """The number of environments that are entered at most."""
        return len(self.readers) + len(self.bridges) + 1


class NoRoute(Exception):
    """No chain begins at such a file; the sentence says why."""


def kind_of(description: Description) -> str:
    """Return what the file is to a reader.

    Raises:
        NoRoute: it is nothing that a model can be loaded from without its code.
    """
    found = model_kind(description)
    if not found:
        raise NoRoute(_why_none(description))
    return found


def _why_none(description: Description) -> str:
    container, layout = description.container, description.layout
    if layout in {"weights", "legacy weights", "Keras 1 weights"}:
        return "it holds weights alone: the model's code or its architecture is missing"
    if layout == "architecture":
        return "it holds an architecture alone: its weights are in another file"
    if container is Container.LFS_POINTER:
        return "it is a Git LFS pointer: `git lfs pull` brings the file itself"
    return f"no model can be loaded from it: {description.title}"


def plan_chains(
    description: Description, environments: Sequence[Environment], target: Environment
) -> Plan:
    """Return what there is to try for a file.

    Raises:
        NoRoute: no chain begins at it.
    """
    kind = kind_of(description)
    known = {each.id: each for each in environments}
    fits = [name for name in description.environments if name in known]
    bridges = [name for name in _bridges(fits) if name in known and name != target.id]
    readers = list(dict.fromkeys([*_nearest(fits, known), *bridges, target.id]))
    return Plan(
        kind=kind,
        readers=tuple(name for name in readers if _reads(known[name], kind))[:MOST_REFERENCES],
        fitting=tuple(fits),
        bridges=tuple(bridges),
        target=target.id,
    )


def _nearest(fits: Iterable[str], known: dict[str, Environment]) -> list[str]:
    """Return fitting environments; of one version the TensorFlow one first, as most files are."""
    return sorted(fits, key=lambda name: (known[name].backend != "tensorflow", -known[name].order))


def _bridges(fits: Sequence[str]) -> tuple[str, ...]:
    for bridge in routes().bridge:
        if any(matches_any(name, (bridge.writer,)) for name in fits) or bridge.writer == "*":
            return bridge.through
    return ()


def _reads(environment: Environment, kind: str) -> bool:
    if kind in {PACKED, FOLDER}:
        return True
    return Format(kind) in environment.formats | environment.reads


def ways_of(kind: str, environment: str, order: Order, description: Description) -> tuple[Way, ...]:
    """Return the ways of loading a file in an environment, in the order in which they are tried."""
    given = {
        "custom_objects": order.custom_objects is not None,
        "allow_code": order.allow_code,
        "windows_names": has_windows_names(description),
    }
    return tuple(
        way
        for way in routes().way
        if kind in way.of
        and matches_any(environment, way.environments)
        and (not way.needs or given[way.needs])
        # With the user's classes at hand, every way passes them on, but the bare load.
        and not (way.id == "none" and given["custom_objects"])
    )


def gives_parts(environment: Environment, target: Environment) -> bool:
    """Whether an environment hands over the parts of a model as well: from Keras 2 to Keras 3."""
    return environment.family is not Family.KERAS3 and target.family is Family.KERAS3


def formats_between(environment: Environment, target: Environment) -> tuple[Format, ...]:
    """Return the formats in which a model goes from one environment to the next."""
    return tuple(
        each
        for each in BETWEEN
        if each in environment.formats and each in target.formats | target.reads
    )
