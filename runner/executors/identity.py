"""The identity of an environment: as it said itself, and held against its lock.

Input: the answer of `runner.probe.identify`, asked inside the environment. Output: an
`Identity`; or a ProvisionError that names the packages which are not those that were pinned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from runner.domain import Environment, Family
from runner.domain.errors import ProvisionError
from runner.executors.locks import Lock

T = TypeVar("T")


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter's statement of itself and of its framework (`identity/1`)."""

    python_version: str
    distributions: Mapping[str, str]
    """Normalised name -> version of everything installed."""
    import_s: float
    """Wall time of importing the framework, in seconds."""
    fork: bool
    """Whether a child forked after the import can compute."""
    framework_version: str | None
    framework: str = ""
    keras_version: str = ""
    module_file: str = ""
    """Where the framework was imported from."""
    implementation: str = ""
    platform: str = ""
    machine: str = ""
    executable: str = ""
    schema: str = ""


def parse_json(content: str | bytes, type_: type[T]) -> T:
    """Parse JSON that may hold anything.

    Raises:
        ValueError: it is no JSON, or not of that type; the message says where.
    """
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


_PINNED: Mapping[Family, tuple[str, ...]] = {
    Family.TF_KERAS: ("tensorflow-cpu", "tensorflow"),
    Family.KERAS2: ("keras",),
    Family.KERAS3: ("keras",),
    Family.LEGACY: ("tf-keras",),
}
"""The distributions whose version the family's framework reports."""


def check_versions(environment: Environment, lock: Lock, identity: Identity) -> None:
    """Hold an environment's identity against its lock; ProvisionError if they differ."""
    installed = identity.distributions
    wrong = [
        f"{name} is {installed.get(name, 'missing')}, pinned {version}"
        for name, version in lock.pins.items()
        if not _same_version(installed.get(name, ""), version)
    ]
    names = _PINNED[environment.family]
    if environment.build is not None and environment.build.package in names:
        names = (environment.build.distribution,)
    pinned = [lock.pins[name] for name in names if name in lock.pins]
    said = identity.framework_version or ""
    # A wheel that was packed again, 2.15.0.post1, has the framework of 2.15.0.
    frameworks = (*pinned, *(version.partition(".post")[0] for version in pinned))
    if not any(_same_version(said, version) for version in frameworks):
        wrong.append(f"the framework says it is {said or 'nothing'}, pinned {' '.join(pinned)}")
    if not identity.python_version.startswith(environment.python + "."):
        wrong.append(f"Python is {identity.python_version}, declared {environment.python}")
    if wrong:
        raise ProvisionError(
            f"{environment.id}: installed packages are not the pinned ones: {'; '.join(wrong[:5])}",
            cause="the lock and the installed packages disagree",
            next_step=f"run: nox -s update -- {environment.id}",
        )


def _same_version(one: str, other: str) -> bool:
    def plain(version: str) -> str:
        return re.sub(r"(\.0)+$", "", version.partition("+")[0].replace("-", ".").lower())

    return plain(one) == plain(other)
