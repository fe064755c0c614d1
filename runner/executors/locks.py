"""The hashed locks: their declarations, their pinned packages, and their digests.

A lock is the output of `uv pip compile --generate-hashes` under one comment line which
holds a digest of the declaration it was made for, so that a lock nobody renewed after a
change of environments.toml is noticed before it is installed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from runner.domain import Environment
from runner.domain.errors import ProvisionError

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = REPOSITORY / "containers" / "locks"

_HEADER = "# declared sha256:"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """One lock as read from disk."""

    path: Path
    declared: str
    """Digest of the declaration it was made for; empty if the first line holds none."""
    digest: str
    """SHA-256 of its bytes, in hex."""
    pins: Mapping[str, str]
    """Normalised distribution name -> version."""

    def fits(self, environment: Environment) -> bool:
        """Whether it was made for this declaration and no earlier one."""
        return self.declared == declared_digest(environment)

    def key(self, environment: Environment) -> str:
        """Twelve hex digits that change with the lock and with the declared Python."""
        content = self.path.read_bytes() + b"\n" + environment.python.encode()
        return hashlib.sha256(content).hexdigest()[:12]


def declared_digest(environment: Environment) -> str:
    """Digest of a lock's inputs: the Python and the requirements."""
    declared = "\n".join([environment.python, *environment.requirements])
    return hashlib.sha256(declared.encode()).hexdigest()


def lock_path(environment_id: str, locks: Path = LOCKS) -> Path:
    """Where the lock of an environment lies."""
    return locks / f"{environment_id}.txt"


def lock_text(environment: Environment, compiled: str) -> str:
    """The lock's text: the comment line, then the output of uv."""
    return f"{_HEADER}{declared_digest(environment)}\n{compiled}"


def read_lock(path: Path) -> Lock:
    """Read a lock; ProvisionError if it cannot be read."""
    update = f"run: nox -s update -- {path.stem}"
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except FileNotFoundError as error:
        raise ProvisionError(
            f"{path.stem}: its lock {path.name} does not exist",
            cause="the environment was declared but never locked",
            next_step=update,
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        said = error.reason if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ProvisionError(
            f"{path.stem}: its lock {path.name} cannot be read: {said}",
            cause="the file is damaged, or its permissions",
            next_step=update,
        ) from error
    first, _, _ = text.partition("\n")
    pins = {normalise_name(name): version for name, version in _PIN.findall(text)}
    return Lock(
        path=path,
        declared=first.removeprefix(_HEADER).strip() if first.startswith(_HEADER) else "",
        digest=hashlib.sha256(content).hexdigest(),
        pins=MappingProxyType(pins),
    )


def usable_lock(environment: Environment, path: Path) -> Lock:
    """Read a lock; ProvisionError if there is none, or it is of an older declaration."""
    lock = read_lock(path)
    if not lock.fits(environment):
        raise ProvisionError(
            f"{environment.id}: its lock {path.name} was made for other requirements than those "
            "declared",
            cause="environments.toml was changed after the lock was made",
            next_step=f"run: nox -s update -- {environment.id}",
        )
    return lock


def normalise_name(name: str) -> str:
    """A distribution's name as the packaging standard compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
