"""Environments, where models are saved and loaded: declared, and built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from runner.domain.declaration import EnvironmentId, PythonVersion, Text
from runner.domain.errors import ProvisionError
from runner.domain.formats import Format


class Family(StrEnum):
    """Which Keras an environment's users write against."""

    TF_KERAS = "tf.keras"
    """`from tensorflow import keras`, TensorFlow 1.13 to 2.15."""
    KERAS2 = "keras2"
    """Standalone Keras 1.2 to 2.3, `import keras`."""
    KERAS3 = "keras3"
    """`import keras`, 3.0 and later."""
    LEGACY = "tf-keras"
    """`import tf_keras`: Keras 2 kept alive on TensorFlow 2.16 and later."""


class Backend(StrEnum):
    """The library that computes."""

    TENSORFLOW = "tensorflow"
    JAX = "jax"
    TORCH = "torch"
    THEANO = "theano"


class Derivation(Struct, frozen=True, kw_only=True):
    """How the lock of a release is made from the lock of its minor version."""

    of: EnvironmentId
    """The environment of the minor version."""
    lock: str
    """SHA-256 of that environment's lock when the differences were worked out, in hex."""
    packages: tuple[Text, ...] = ()
    """`name==version sha256 sha256 ...`: each in the place of what that lock has of the name."""
    without: tuple[Text, ...] = ()
    """Names that stand in that lock and not in the release's."""


class BuildKind(StrEnum):
    """Where a build of one's own comes from."""

    VERSION = "version"
    """A version that the index has."""
    NEWEST = "newest"
    """The newest version of a package of nightly builds."""
    WHEEL = "wheel"
    CHECKOUT = "checkout"
    """A folder of sources."""
    GIT = "git"
    COMMIT = "commit"
    """A commit of a checkout, whose package is put before the installed ones: nothing is built."""


class Build(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A build of one's own, as `--with` names it: one package of its base is replaced by it."""

    base: EnvironmentId
    """The environment that everything else is taken from."""
    package: Text
    """Name of the distribution in the base that is replaced, such as `keras`."""
    distribution: Text
    """Name of the one in its place: the same, or that of nightly builds."""
    kind: BuildKind
    source: Text
    """A version, an absolute path, or an address with `@` and a reference; a name for `newest`."""
    version: str = ""
    """As its metadata state it; empty until it was made, as all below."""
    commit: str = ""
    """Of the reference of a repository, when it was fetched."""
    wheel: str = ""
    """SHA-256 of the wheel that is installed, in hex; empty where an index has the file."""
    confined: str = ""
    """How the building of foreign source was confined; empty where nothing was built."""


class Environment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pinned Python + framework + backend, as declared in environments.toml."""

    id: EnvironmentId
    family: Family
    backend: Backend
    python: PythonVersion
    """Minor version, such as `3.10`."""
    requirements: Annotated[tuple[Text, ...], Meta(min_length=1)]
    released: date
    """When the framework version that is installed was released."""
    minor_released: date | None = None
    """When the first of its minor version was, if that is another day: `first_released`."""
    formats: Annotated[frozenset[Format], Meta(min_length=1)]
    """The formats this version is declared to write and read; probed in every run."""
    reads: frozenset[Format] = frozenset()
    """The formats it is declared to read besides, without writing them."""
    order: int
    """Place in release order, the order of rows and columns everywhere; a release has that of its
    minor version.
    """
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Environment variables the framework needs, such as KERAS_BACKEND."""
    note: str = ""
    derived: Derivation | None = None
    """Set for a release of releases.toml, which has no lock of its own."""
    build: Build | None = None
    """Set for a build of one's own, whose lock is in the store."""

    @property
    def first_released(self) -> date:
        """The day of its minor version: a patch of an old version is not newer than a new one."""
        return self.minor_released or self.released


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvisionedEnvironment:
    """An environment that was built and whose framework was really imported."""

    environment: Environment
    executable: str
    """Path of its Python interpreter."""
    lock_digest: str
    """SHA-256 of its lock, in hex."""
    python_version: str
    """As the interpreter reported it, such as `3.10.13`."""
    resolved: Mapping[str, str]
    """Distribution name -> version, as installed."""
    import_s: float
    """Wall time of importing the framework, in seconds."""
    fork: bool
    image: str = ""
    """Digest of its container image; empty for an environment of this machine."""
    base: str = ""
    """Digest of the image it was built from: the operating system below the lock."""
    frozen: str = ""
    """The day of its frozen artifacts, ISO 8601; empty for one that is really there."""
    pack: str = ""
    """SHA-256 of the pack they came in, in hex."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provisioned:
    """Stage 2: the environments that could be built, and why the others could not."""

    available: Mapping[str, ProvisionedEnvironment]
    unavailable: Mapping[str, ProvisionError]


FAMILY_CSS: dict[Family, str] = {
    Family.TF_KERAS: "fa",
    Family.KERAS2: "fb",
    Family.KERAS3: "fc",
    Family.LEGACY: "fd",
}


FAMILY_LABEL: dict[Family, str] = {
    Family.TF_KERAS: "tf.keras: Keras inside TensorFlow, to 2.15",
    Family.KERAS2: "keras2: standalone Keras, to 2.3",
    Family.KERAS3: "keras3: Keras 3",
    Family.LEGACY: "tf-keras: legacy Keras 2 on today's TensorFlow",
}
