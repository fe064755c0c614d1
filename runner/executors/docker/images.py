"""The images of environments, found or built, and imported once (stage 2 for containers).

An image is found by its key, a label: a digest of the lock, the Dockerfile and the probe. So
it is built again when one of them changes, and a tag, which anybody can move, decides nothing.
Its content is believed only after its framework was imported in it and every installed
version is the pinned one, as for local environments; that is remembered by the image's digest:

    <store>/images/<id>-<key>.json
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import docker
import msgspec
import requests
from docker.errors import ContainerError, ImageNotFound

from runner import contract
from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ConfigurationError, MatrixError, ProvisionError
from runner.domain.request import BASE_IMAGE, Request
from runner.executors import locks
from runner.executors.docker.bake import target_name
from runner.executors.docker.engine import (
    ENGINE_ERRORS,
    STORE_LABEL,
    explain_image_failure,
    remove_container,
    store_key,
    while_wanted,
)
from runner.executors.identity import Identity, check_versions, parse_json
from runner.executors.locks import Lock, usable_lock
from runner.host.process import PLAIN_VARIABLES, QUIET_FRAMEWORK
from runner.store import atomic_write_text

DOCKERFILE = Path("containers/Dockerfile")
CA_BUNDLE = "containers/ca.pem"
"""Where the Dockerfile expects the certificates of a private authority, if there are any."""
REPOSITORY_PREFIX = "keras-matrix"
PYTHON = "/opt/environment/bin/python"
"""The interpreter in every image."""
KEY_LABEL = "keras-matrix.key"
ENVIRONMENT_LABEL = "keras-matrix.environment"
LOCK_LABEL = "keras-matrix.lock"
STAGE_LABEL = "keras-matrix.stage"
BASE_LABEL = "org.opencontainers.image.base.digest"
MARKER_SCHEMA = "image/1"
IDENTIFY_TIMEOUT_S = 300.0


class _Marker(msgspec.Struct, frozen=True, kw_only=True):
    """The content of images/<id>-<key>.json."""

    schema: str
    image: str
    identity: Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSettings:
    """The sources of images: they differ between users, and are never in the project."""

    base: str = BASE_IMAGE
    """Name of the base image; `{python}` stands for the environment's Python."""
    build_args: Mapping[str, str] = field(default_factory=dict)
    """Such as PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, HTTPS_PROXY."""
    ca_bundle: Path | None = None
    """Certificates that pip is to trust while the image is built."""


@dataclass(frozen=True, slots=True)
class ImageBuilder:
    """Finds and builds images of one checkout with one engine."""

    client: docker.DockerClient
    root: Path
    store: Path
    settings: ImageSettings = field(default_factory=ImageSettings)
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set it from another thread to end at once the work that `provision` waits for."""

    def provision(
        self, environment: Environment, *, rebuild: bool = False
    ) -> ProvisionedEnvironment | ProvisionError:
        """Return the environment in its image, built now where there is none.

        A failure is a value: the other environments are still worth a run.

        Raises:
            CancelledError: `stopped` was set.
        """
        return while_wanted(self.stopped, lambda: self._provision(environment, rebuild=rebuild))

    def _provision(
        self, environment: Environment, *, rebuild: bool
    ) -> ProvisionedEnvironment | ProvisionError:
        step = "the engine failed"
        try:
            lock = usable_lock(environment, self.lock_path(environment))
            key = self.key(environment, lock)
            image = None if rebuild else self.find(key)
            if image is None:
                step = "its base image could not be had"
                base = self._base(environment)
                step = "its image could not be built"
                image = self._build(environment, lock, key, base)
            step = "its image could not be started"
            identity = self._identity(environment, key, image)
            check_versions(environment, lock, identity)
        except ProvisionError as error:
            return error
        except MatrixError as error:
            return ProvisionError(error.message, cause=error.cause, next_step=error.next_step)
        except (*ENGINE_ERRORS, OSError) as error:
            return explain_image_failure(environment.id, step, error)
        return _provisioned(environment, lock, image, identity)

    def key(self, environment: Environment, lock: Lock) -> str:
        """Digest of everything this checkout puts into an environment's image.

        The tool's version does not count, since it is not in there. Neither does the base's
        name, since a mirror's is another: the base's own digest is a label of the image, and
        counts in the digest of every cell.
        """
        content = hashlib.sha256()
        for part in (environment.id, environment.python, lock.digest):
            content.update(part.encode() + b"\n")
        for path in [self.root / DOCKERFILE, *self._probe_files()]:
            content.update(str(path.relative_to(self.root)).encode() + b"\n")
            content.update(hashlib.sha256(path.read_bytes()).digest())
        return content.hexdigest()

    def find(self, key: str) -> Any | None:
        """Return the newest image of that key, or None."""
        found = self.client.images.list(filters={"label": f"{KEY_LABEL}={key}"})
        return max(found, key=lambda image: str(image.attrs["Created"]), default=None)

    def listed(self, environments: Iterable[Environment]) -> Iterator[tuple[Environment, Any]]:
        """Yield each environment with its present image, or None."""
        for environment in environments:
            lock = usable_lock(environment, self.lock_path(environment))
            yield environment, self.find(self.key(environment, lock))

    def prune(self, environments: Iterable[Environment]) -> tuple[int, int]:
        """Remove images of older locks and leftovers of builds; return (images, bytes) removed."""
        current = {image.id for _, image in self.listed(environments) if image is not None}
        declared = {environment.id for environment in environments}
        removed = 0
        for image in self.client.images.list(filters={"label": KEY_LABEL}):
            if image.id not in current and image.labels.get(ENVIRONMENT_LABEL) in declared:
                self.client.images.remove(image.id, force=True)
                removed += 1
        filters = {"dangling": True, "label": STAGE_LABEL}
        freed = self.client.images.prune(filters=filters).get("SpaceReclaimed", 0)
        return removed, int(freed)

    def bake_overlay(self, environments: Iterable[Environment]) -> dict[str, Any]:
        """Return the values that docker-bake.hcl cannot work out: keys, digests, versions, tags."""
        targets = {}
        for environment in environments:
            lock = usable_lock(environment, self.lock_path(environment))
            key = self.key(environment, lock)
            arguments = {**self.settings.build_args, **_facts(environment, lock, key)}
            if self.settings.base != BASE_IMAGE:
                arguments["PYTHON_IMAGE"] = self.settings.base.format(python=environment.python)
            name = target_name(environment)
            targets[name] = {"args": arguments, "tags": [tag(environment, key)]}
        return {"target": targets}

    def lock_path(self, environment: Environment) -> Path:
        """Where this checkout has an environment's lock."""
        return locks.lock_path(environment.id, self.root / "containers" / "locks")

    def _probe_files(self) -> Sequence[Path]:
        return sorted((self.root / "runner" / "probe").rglob("*.py"))

    def _base(self, environment: Environment) -> Any:
        name = self.settings.base.format(python=environment.python)
        try:
            return self.client.images.get(name)
        except ImageNotFound:
            # A name without a tag would fetch every one there is.
            repository, _, reference = name.partition("@" if "@" in name else ":")
            last = name.rpartition("/")[2]
            if ":" in last and "@" not in name:
                repository, _, reference = name.rpartition(":")
            return self.client.images.pull(repository, tag=reference or "latest")

    def _build(self, environment: Environment, lock: Lock, key: str, base: Any) -> Any:
        name = self.settings.base.format(python=environment.python)
        arguments = {
            "PYTHON_IMAGE": name,
            "BASE_NAME": name,
            "BASE_DIGEST": _digest(base),
            **_facts(environment, lock, key),
            **self.settings.build_args,
        }
        image, _ = self.client.images.build(
            fileobj=self._context(lock),
            custom_context=True,
            dockerfile=str(DOCKERFILE),
            tag=tag(environment, key),
            buildargs=arguments,
            rm=True,
            forcerm=True,
        )
        return image

    def _context(self, lock: Lock) -> io.BytesIO:
        """Return the build's context: the few files that go into the image."""
        files = {path.relative_to(self.root): path for path in self._probe_files()}
        files[DOCKERFILE] = self.root / DOCKERFILE
        if self.settings.ca_bundle is not None:
            files[Path(CA_BUNDLE)] = self.settings.ca_bundle
        contents = {name: path.read_bytes() for name, path in files.items()}
        # A release's lock lies nowhere: it is derived.
        contents[lock.path.relative_to(self.root)] = lock.content
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            for name, content in sorted(contents.items()):
                member = tarfile.TarInfo(str(name))
                # Who builds, and when, must not decide whether a layer can be used again.
                member.size, member.mode = len(content), 0o644
                tar.addfile(member, io.BytesIO(content))
        context.seek(0)
        return context

    def _identity(self, environment: Environment, key: str, image: Any) -> Identity:
        marker = self.store / "images" / f"{environment.id}-{key[:12]}.json"
        try:
            known = parse_json(marker.read_bytes(), _Marker)
            if known.schema == MARKER_SCHEMA and known.image == image.id:
                return known.identity
        except (OSError, ValueError):
            pass
        identity = self._identify(environment, image)
        marker.parent.mkdir(parents=True, exist_ok=True)
        record = _Marker(schema=MARKER_SCHEMA, image=str(image.id), identity=identity)
        content = json.dumps(msgspec.to_builtins(record), indent=1, sort_keys=True)
        atomic_write_text(marker, content)
        return identity

    def _identify(self, environment: Environment, image: Any) -> Identity:
        """Import the framework in the image and return its identity."""
        request = json.dumps({"framework": contract.FRAMEWORKS[environment.family]})
        said = self._ask(environment, image, ["-s", "-m", "runner.probe.identify", request])
        try:
            return parse_json(said, Identity)
        except ValueError as error:
            raise ProvisionError(
                f"{environment.id}: its image said nothing sensible when it was started",
                cause=said.decode("utf-8", "replace")[-200:],
                next_step=f"run: nox -s images -- {environment.id} --rebuild",
            ) from error

    def _ask(self, environment: Environment, image: Any, arguments: list[str]) -> bytes:
        """Run the image's Python to its end and return its output."""
        container = self.client.containers.create(
            image.id,
            arguments,
            entrypoint=PYTHON,
            environment=framework_variables(environment),
            labels={STORE_LABEL: store_key(self.store)},
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": "mode=1777"},  # noqa: S108 - the container's own
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        try:
            container.start()
            code = container.wait(timeout=IDENTIFY_TIMEOUT_S)["StatusCode"]
            if code:
                wrong = container.logs(stdout=False, stderr=True)
                raise ContainerError(container, code, arguments, image.id, wrong)
            said: bytes = container.logs(stdout=True, stderr=False)
        except (requests.Timeout, requests.ConnectionError) as error:
            # Which error the library raises once the time is over depends on where it read.
            raise ProvisionError(
                f"{environment.id}: its framework was not imported in {IDENTIFY_TIMEOUT_S:.0f} s",
                cause="the machine is too busy, or the engine hangs",
                next_step="repeat the command",
            ) from error
        finally:
            remove_container(container)
        return said


def image_builder(request: Request, client: docker.DockerClient) -> ImageBuilder:
    """Return the builder that finds and builds images as the request wants them."""
    settings = ImageSettings(
        base=request.base_image,
        build_args=parse_build_args(request.build_args),
        ca_bundle=request.ca_bundle,
    )
    return ImageBuilder(client, request.root, request.store, settings)


def framework_variables(environment: Environment) -> dict[str, str]:
    """The environment variables of a probe in a container."""
    return {
        **PLAIN_VARIABLES,
        **QUIET_FRAMEWORK,
        "HOME": "/tmp/home",  # noqa: S108 - the container's own
        "KERAS_HOME": "/tmp/home/.keras",  # noqa: S108
        "TMPDIR": "/tmp",  # noqa: S108
        **contract.framework_variables(environment),
    }


def tag(environment: Environment, key: str, prefix: str = REPOSITORY_PREFIX) -> str:
    """A name for people; the image itself is found by the label."""
    return f"{prefix}/{environment.id}:{key[:12]}"


def parse_build_args(values: Iterable[str]) -> dict[str, str]:
    """Read `NAME=VALUE` as given on the command line."""
    found = {}
    for value in values:
        name, separator, content = value.partition("=")
        if not separator or not name:
            raise ConfigurationError(
                f"--build-arg {value!r} is not NAME=VALUE",
                cause="a typing mistake",
                next_step="such as --build-arg PIP_INDEX_URL=https://index.example/simple",
            )
        found[name] = content
    return found


def _facts(environment: Environment, lock: Lock, key: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": environment.id,
        "LOCK_DIGEST": lock.digest,
        "IMAGE_KEY": key,
        "RESOLVED": " ".join(f"{name}=={version}" for name, version in lock.pins.items()),
    }


def _digest(image: Any) -> str:
    """Digest by which a registry knows an image; its id where it is from none."""
    known = [str(each) for each in image.attrs.get("RepoDigests") or ()]
    return known[0].partition("@")[2] if known else str(image.id)


def _provisioned(
    environment: Environment, lock: Lock, image: Any, identity: Identity
) -> ProvisionedEnvironment:
    return ProvisionedEnvironment(
        environment=environment,
        executable=PYTHON,
        lock_digest=lock.digest,
        python_version=identity.python_version,
        resolved=MappingProxyType(dict(identity.distributions)),
        import_s=identity.import_s,
        fork=identity.fork,
        image=str(image.id),
        base=str(image.labels.get(BASE_LABEL, "")),
    )
