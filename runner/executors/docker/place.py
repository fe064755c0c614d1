"""Images and containers of one engine, as a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker

from runner.domain import Environment, ProvisionedEnvironment
from runner.domain.errors import BuildError, ProvisionError
from runner.domain.request import Request
from runner.executors.batches import ProbeCrew
from runner.executors.docker.containers import DockerExecutor
from runner.executors.docker.engine import STEP_TIMEOUT_S, connect
from runner.executors.docker.images import ImageBuilder, image_builder
from runner.executors.interface import Place, Settings, Warn
from runner.executors.locks import lock_path, usable_lock

BUILDERS = 2
"""More would only wait for the same disk and the same network."""


@dataclass(frozen=True, slots=True)
class DockerPlace:
    """Images and containers of one engine."""

    client: docker.DockerClient
    builder: ImageBuilder
    request: Request

    def provision(self, environment: Environment) -> ProvisionedEnvironment | ProvisionError:
        """Build an image, or find it; a build of one's own has none."""
        if environment.build is not None:
            return BuildError(
                f"{environment.id}: containers take no builds of one's own",
                cause="its wheel is built on this machine, in confinement",
                next_step="leave out --executor docker",
            )
        return self.builder.provision(environment)

    def lock_digest(self, environment: Environment) -> str:
        """Return the digest of its lock."""
        return usable_lock(environment, lock_path(environment.id)).digest

    def builders(self, workers: int) -> int:
        """Return how many images the engine builds at once."""
        return min(BUILDERS, workers)

    def crew(self, settings: Settings) -> ProbeCrew:
        """Return the crew that starts containers."""
        return ProbeCrew.of(self.executor(), settings)

    def executor(self) -> DockerExecutor:
        """Return the executor that starts containers; those of a killed run are removed first."""
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
def open_place(request: Request, warn: Warn) -> Iterator[Place]:  # noqa: ARG001 - the interface
    """Give the engine that DOCKER_HOST, or the usual socket, names.

    Raises:
        NoEnvironmentError: none answers.
    """
    client = connect()
    try:
        yield DockerPlace(client, image_builder(request, client), request)
    finally:
        client.close()
