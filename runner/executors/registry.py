"""Where a run's environments are and where its batches run: this machine, or containers on it.

A place provisions environments and starts probes in them; the pipeline knows no more of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import docker

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import ProvisionError
from runner.domain.request import Request
from runner.executors.batches import Executor, LocalExecutor
from runner.executors.docker.containers import DockerExecutor
from runner.executors.docker.engine import STEP_TIMEOUT_S, connect
from runner.executors.docker.images import ImageBuilder, ImageSettings, parse_build_args
from runner.executors.local.provision import provision


class Place(Protocol):
    """What the pipeline asks of a place."""

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an environment, or find it built; a failure costs only itself."""

    def executor(self) -> Executor:
        """Return what runs batches here; called once the store is this run's alone."""

    def abandon(self) -> None:
        """End what `provision` waits for, as far as that may be: the run was interrupted."""


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """Virtual environments and processes of this machine."""

    root: Path
    store: Path

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build a virtual environment, or find it."""
        return provision(environment, self.store)

    def executor(self) -> Executor:
        """Return what starts processes."""
        return LocalExecutor(self.root, self.store / "home")

    def abandon(self) -> None:
        """Let the installers end: what they have fetched serves the next run."""


@dataclass(frozen=True, slots=True)
class DockerPlace:
    """Images and containers of one engine."""

    client: docker.DockerClient
    builder: ImageBuilder
    request: Request

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an image, or find it."""
        return self.builder.provision(environment)

    def executor(self) -> DockerExecutor:
        """Return what starts containers; those of a killed run are removed first."""
        request = self.request
        self.client.api.timeout = STEP_TIMEOUT_S
        return DockerExecutor(
            client=self.client,
            root=request.root,
            store=request.store,
            memory_mb=request.limits.memory_mb,
            alone=not request.recorded,
        )

    def abandon(self) -> None:
        """Wait for no image: the engine ends its builds with this process."""
        self.builder.stopped.set()


@contextmanager
def open_place(request: Request) -> Iterator[Place]:
    """Give the place a request names.

    Raises:
        NoEnvironmentError: it needs an engine, and none answers.
    """
    if request.executor == "local":
        yield LocalPlace(request.root, request.store)
        return
    client = connect()
    try:
        yield DockerPlace(client, image_builder(request, client), request)
    finally:
        client.close()


def image_builder(request: Request, client: docker.DockerClient) -> ImageBuilder:
    """Return what finds and builds images as the request wants them."""
    settings = ImageSettings(
        base=request.base_image,
        build_args=parse_build_args(request.build_args),
        ca_bundle=request.ca_bundle,
    )
    return ImageBuilder(client, request.root, request.store, settings)
