"""The hashed locks: their declarations, their pinned packages, and their digests.

A lock is the output of `uv pip compile --generate-hashes` under one comment line which
holds a digest of the declaration it was made for, so that a lock nobody renewed after a
change of environments.toml is noticed before it is installed.

A release has no lock on disk: it is derived from that of its minor version, by the differences
that releases.toml states, and hashed as the others are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from runner.domain import Environment
from runner.domain.environments import Derivation
from runner.domain.errors import ProvisionError

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = REPOSITORY / "containers" / "locks"

_HEADER = "# declared sha256:"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_BEGINS_PIN = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """One lock, as read from disk or derived from one."""

    path: Path
    """Where it lies; of a derived one, where it would."""
    content: bytes
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
        content = self.content + b"\n" + environment.python.encode()
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
    return _lock(path, text)


def parse_lock(path: Path, content: bytes) -> Lock:
    """Return the lock of these bytes.

    Raises:
        UnicodeDecodeError: they are no text.
    """
    return _lock(path, content.decode("utf-8"))


def _lock(path: Path, text: str) -> Lock:
    content = text.encode()
    first, _, _ = text.partition("\n")
    pins = {normalise_name(name): version for name, version in _PIN.findall(text)}
    return Lock(
        path=path,
        content=content,
        declared=first.removeprefix(_HEADER).strip() if first.startswith(_HEADER) else "",
        digest=hashlib.sha256(content).hexdigest(),
        pins=MappingProxyType(pins),
    )


def usable_lock(environment: Environment, path: Path) -> Lock:
    """Read or derive the lock of an environment.

    Raises:
        ProvisionError: there is none, or it is of an older declaration, or a release's
            differences are those to an older lock.
    """
    if environment.derived is not None:
        return _derive(environment, environment.derived, path)
    lock = read_lock(path)
    if not lock.fits(environment):
        raise ProvisionError(
            f"{environment.id}: its lock {path.name} was made for other requirements than those "
            "declared",
            cause="environments.toml was changed after the lock was made",
            next_step=f"run: nox -s update -- {environment.id}",
        )
    return lock


def _derive(environment: Environment, derived: Derivation, path: Path) -> Lock:
    minor = read_lock(lock_path(derived.of, path.parent))
    if minor.digest != derived.lock:
        raise ProvisionError(
            f"{environment.id}: its differences are those to another lock than {minor.path.name}",
            cause=f"the lock of {derived.of} was made again since",
            next_step=f"run: nox -s update -- {environment.id}",
        )
    compiled = minor.content.decode().partition("\n")[2]
    text = apply_differences(compiled, derived.packages, derived.without)
    return _lock(path, lock_text(environment, text))


def pinned_files(compiled: str) -> dict[str, str]:
    """Return normalised name -> `name==version sha256 ...`, of a lock's text."""
    found = {}
    for block in split_pins(compiled):
        pin = _PIN.match(block)
        if pin:
            hashes = " ".join(_HASH.findall(block))
            found[normalise_name(pin[1])] = f"{pin[1]}=={pin[2]} {hashes}"
    return found


def split_pins(compiled: str) -> list[str]:
    """Return the text of each pin of a lock with its hashes, and whatever stands before them."""
    return [block for block in _BEGINS_PIN.split(compiled) if block]


def apply_differences(compiled: str, packages: Iterable[str], without: Iterable[str]) -> str:
    """Return a lock's text with some of its packages replaced, added or left out."""
    wanted = {normalise_name(each.partition("==")[0]): _pin_text(each) for each in packages}
    left_out = {normalise_name(each) for each in without}
    kept = []
    for block in split_pins(compiled):
        pin = _PIN.match(block)
        name = normalise_name(pin[1]) if pin else ""
        if name not in left_out:
            kept.append(wanted.pop(name, block))
    return "".join([*kept, *wanted.values()])


def drop_pin(compiled: str, name: str) -> str:
    """Return a lock's text without one of its packages."""
    return apply_differences(compiled, (), (name,))


def replace_pin(compiled: str, name: str, version: str, sha256: str) -> str:
    """Return a lock's text with a version and one file in the place of `name @ address`.

    The address is that of one store; the digest is the same in every one.
    """
    blocks = [
        _pin_text(f"{name}=={version} {sha256}") if block.startswith(f"{name} @ ") else block
        for block in split_pins(compiled)
    ]
    return "".join(blocks)


def _pin_text(package: str) -> str:
    pin, *hashes = package.split()
    return " \\\n".join([pin, *(f"    --hash=sha256:{each}" for each in hashes)]) + "\n"


def normalise_name(name: str) -> str:
    """A distribution's name as the packaging standard compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
