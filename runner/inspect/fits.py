"""The declared environments that fit a file, by its statements on its writer.

Input: a `Description` and the declared environments. Output: ids, and their basis.
Versions are compared by the globs of versions.toml alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import msgspec

from runner.domain import Environment, Family
from runner.domain.selector import matches_any
from runner.inspect.description import Basis, Container, Description

VERSIONS = Path(__file__).with_name("versions.toml")
GENERATIONS = {
    "Keras 3": (Family.KERAS3,),
    "Keras 2": (Family.KERAS2, Family.TF_KERAS, Family.LEGACY),
    "Keras 1": (Family.KERAS2,),
}


class Version(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of versions.toml."""

    keras: str = ""
    tensorflow: str = ""
    environments: str
    near: bool = False


@lru_cache(maxsize=1)
def versions() -> tuple[Version, ...]:
    """Return the rows."""
    read = tomllib.loads(VERSIONS.read_text(encoding="utf-8"))
    return tuple(msgspec.convert(read["version"], list[Version]))


def fitting(
    description: Description, environments: Iterable[Environment]
) -> tuple[tuple[str, ...], str]:
    """Return the environments of the writer's version, and the basis of that."""
    told = {each.about: each.value for each in description.writer if each.basis is Basis.READ}
    known = list(environments)
    tensorflow = told.get("tensorflow_version", "")
    keras = told.get("keras_version", "")
    if description.container is Container.SAVED_MODEL and _is_export(description):
        version = _row(tensorflow=tensorflow)
        said = f"TensorFlow {tensorflow} wrote it; no object of Keras says which Keras"
        return _ids(version, known) if version else (), said
    for version, said in (
        (_row(tensorflow=tensorflow), f"tensorflow_version {tensorflow}"),
        (_row(keras=keras), f"keras_version {keras}"),
    ):
        ids = _ids(version, known) if version else ()
        if version and ids:
            near = ", the nearest that is declared" if version.near else ""
            return _with_backend(ids, known, told.get("backend", "")), f"{said}{near}"
    if keras or tensorflow:
        return (), f"no environment is of {'Keras ' + keras if keras else tensorflow}"
    return _by_generation(description, known)


def _is_export(description: Description) -> bool:
    return any(each.about == "not of Keras' own saving" for each in description.notes)


def _row(*, keras: str = "", tensorflow: str = "") -> Version | None:
    for each in versions():
        if keras and each.keras and matches_any(keras, (each.keras,)):
            return each
        if tensorflow and each.tensorflow and matches_any(tensorflow, (each.tensorflow,)):
            return each
    return None


def _ids(version: Version, known: list[Environment]) -> tuple[str, ...]:
    return tuple(each.id for each in known if matches_any(each.id, (version.environments,)))


def _with_backend(ids: tuple[str, ...], known: list[Environment], backend: str) -> tuple[str, ...]:
    """Return those of the backend that the file names, if there are any."""
    same = [each.id for each in known if each.id in ids and each.backend == backend]
    return tuple(same) or ids


def _by_generation(
    description: Description, known: list[Environment]
) -> tuple[tuple[str, ...], str]:
    signs = [each for each in description.writer if each.about == "generation"]
    for sign in signs:
        for name, families in GENERATIONS.items():
            if sign.value == name:
                ids = tuple(each.id for each in known if each.family in families)
                return ids, f"{sign.source}: {sign.value}"
    return (), "the file does not name the version that wrote it"
