"""Stage 1: containers/releases.toml -> the releases of each minor version, as `Environment`s.

A release is its minor's environment with one package replaced, and nothing until it is asked
for: this file is read only when a selector or a profile names a release. `nox -s update --
--releases` writes it; `python -m runner update keras3.14.0` works one release out again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from runner.declare.documents import Entry, read_document, refuse_duplicates
from runner.domain import Environment
from runner.domain.declaration import EnvironmentId, Text
from runner.domain.environments import Derivation
from runner.domain.selector import minor_of

Digest = Annotated[
    str, Meta(pattern=r"\A[0-9a-f]{64}\Z", description="a SHA-256: 64 hexadecimal digits")
]
Package = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+(?: [0-9a-f]{64})+\Z",
        description="`name==version` and the SHA-256 of each of its files",
    ),
]


YANKED = "This release was withdrawn (yanked) after it was uploaded."


class Release(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release, as the file has it."""

    id: EnvironmentId
    """Its minor's id and the rest of the version: `keras3.14.0`."""
    released: date
    """When it was uploaded."""
    lock: Digest
    """Of the lock of its minor that the differences were worked out from."""
    packages: tuple[Package, ...] = ()
    without: tuple[Text, ...] = ()
    yanked: bool = False
    """Whether it was withdrawn: an index gives it to whoever asks for exactly this version."""
    python: Text | None = None
    """Of an environment with other dependencies: the minor version of Python, if another."""


class Axis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The versions of dependencies that are crossed within one version of the framework."""

    of: EnvironmentId
    python: tuple[Text, ...] = ()
    h5py: tuple[Text, ...] = ()
    numpy: tuple[Text, ...] = ()
    protobuf: tuple[Text, ...] = ()


class Missing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release that the index has and that cannot be declared."""

    id: EnvironmentId
    reason: Text


def read_releases(path: Path, minors: Mapping[str, Environment]) -> tuple[Environment, ...]:
    """Return the releases in the order of the file.

    Raises:
        ConfigurationError: the file is missing or malformed, or a release has no minor.
    """
    document = read_document(path, ("release", "missing"))
    releases = [(entry, entry.read(Release)) for entry in document.entries("release")]
    refuse_duplicates(document.place, "release", (each.id for _, each in releases))
    for entry in document.entries("missing"):
        entry.read(Missing)
    return tuple(_environment(entry, release, minors) for entry, release in releases)


def _environment(entry: Entry, release: Release, minors: Mapping[str, Environment]) -> Environment:
    minor = minors.get(minor_of(release.id))
    if minor is None or minor.id == release.id:
        entry.place.fail(
            f"its minor version {minor_of(release.id)} is not declared",
            key="id",
            cause="an environment was renamed or removed since the file was made",
            next_step="run: nox -s update -- --releases",
        )
    derived = Derivation(
        of=minor.id, lock=release.lock, packages=release.packages, without=release.without
    )
    return msgspec.structs.replace(
        minor,
        id=release.id,
        released=release.released,
        minor_released=minor.first_released,
        requirements=replaced_requirements(minor.requirements, release.packages),
        derived=derived,
        python=release.python or minor.python,
        note=YANKED if release.yanked else minor.note,
    )


def replaced_requirements(requirements: Iterable[str], packages: Iterable[str]) -> tuple[str, ...]:
    """Return a minor's requirements with the exact pins of a release's packages."""
    pins = {each.partition("==")[0]: each.partition(" ")[0] for each in packages}
    names = ((re.split(r"[=<>!~\[; ]", one)[0], one) for one in requirements)
    return tuple(pins.get(name, one) for name, one in names)
