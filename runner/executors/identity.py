"""What an environment says it is, held against its lock.

Input: the answer of `runner.probe.identify`, asked inside the environment. Output: nothing, or
a ProvisionError that names the packages which are not those that were pinned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.domain import Environment, Family
from runner.domain.errors import ProvisionError
from runner.executors.locks import Lock

_PINNED: Mapping[Family, tuple[str, ...]] = {
    Family.TF_KERAS: ("tensorflow-cpu", "tensorflow"),
    Family.KERAS2: ("keras",),
    Family.KERAS3: ("keras",),
    Family.LEGACY: ("tf-keras",),
}
"""The distributions whose version the family's framework reports."""


def check_versions(environment: Environment, lock: Lock, identity: Mapping[str, Any]) -> None:
    """Hold what an environment says it is against its lock; ProvisionError if they differ."""
    installed = identity["distributions"]
    wrong = [
        f"{name} is {installed.get(name, 'missing')}, pinned {version}"
        for name, version in lock.pins.items()
        if not _same_version(installed.get(name, ""), version)
    ]
    pinned = [lock.pins[name] for name in _PINNED[environment.family] if name in lock.pins]
    said = str(identity["framework_version"])
    if not any(_same_version(said, version) for version in pinned):
        wrong.append(f"the framework says it is {said or 'nothing'}, pinned {' '.join(pinned)}")
    if not str(identity["python_version"]).startswith(environment.python + "."):
        wrong.append(f"Python is {identity['python_version']}, declared {environment.python}")
    if wrong:
        raise ProvisionError(
            f"{environment.id}: what was installed is not what was pinned: {'; '.join(wrong[:5])}",
            cause="the lock and the installed packages disagree",
            next_step=f"run: nox -s update -- {environment.id}",
        )


def _same_version(one: str, other: str) -> bool:
    def plain(version: str) -> str:
        return re.sub(r"(\.0)+$", "", version.partition("+")[0].replace("-", ".").lower())

    return plain(one) == plain(other)
